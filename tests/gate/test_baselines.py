"""Baselines: kept, found again, written as files and read back; shipped ones are data."""

from __future__ import annotations

import copy
import dataclasses
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hil.errors import InputError, StoreError, UsageError
from hil.gate import baselines as all_baselines
from hil.gate import exchange, shipped
from hil.gate.decision import gate
from hil.gate.limits import Limits, parse
from hil.gate.scrub import without_folders
from hil.records import RunRecord
from hil.store import Store
from hil.store.baselines import slot_of
from hil.store.documents import digest

from tests.report.report_records import bare, passed
from tests.store.samples import rich_record


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder whose shipped baselines are ours; returns the folder for them."""
    folder = tmp_path / "data" / "reports" / "baselines"
    folder.mkdir(parents=True)
    monkeypatch.setenv("HIL_DATA_DIR", str(tmp_path / "data"))
    shipped._document.cache_clear()
    return folder


def good() -> RunRecord:
    return dataclasses.replace(rich_record(), status="passed", errors=())


LIMITS = Limits(parse("0%", ""))
NONSENSE: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 1e20, -1e300, 10**400, 2**63, 0.5),
    *("", "x", "NaN", "Infinity", "2026-13-45", "9" * 5_000, "<script>", "µ" * 300, "a\0b"),
    *([], {}, [1], {"a": 1}, [[[]]], {"hz": []}),
)


class TestStored:
    def test_a_run_takes_the_place_of_the_one_of_its_kind(self, store: Store) -> None:
        store.baselines.put("main", [passed(), passed(run_id="n", profile_name="nrf52840")])
        store.baselines.put("main", [passed(run_id="newer")])
        assert {h.run_id for h in store.baselines.heads(name="main")} == {"newer", "n"}
        assert store.baselines.load("main")[slot_of(passed())] == passed(run_id="newer")
        assert store.baselines.load("main", [slot_of(passed(engine="x"))]) == {}

    def test_it_stays_when_the_run_goes(self, store: Store) -> None:
        store.finish(passed())
        store.baselines.put("main", [store.get("latest")])
        store.delete("latest")
        assert list(store.baselines.load("main").values()) == [passed()]

    def test_runs_can_be_taken_away(self, store: Store) -> None:
        store.baselines.put("main", [passed(), passed(run_id="n", engine="tflm")])
        store.baselines.put("other", [passed()])
        assert store.baselines.take_away("main", ["n"]) == 1
        assert [h.run_id for h in store.baselines.heads(name="main")] == [passed().run_id]
        assert store.baselines.take_away("main") == 1
        assert [h.name for h in store.baselines.heads()] == ["other"]


class TestMatching:
    def test_by_model_and_profile_over_all_baselines(self, store: Store, data: Path) -> None:
        tflm = passed(run_id="t", engine="tflm-cmsis")
        (data / "tflm.json").write_text(exchange.dumps("tflm", [tflm]))
        store.baselines.put("main", [passed(run_id="a"), passed(run_id="b", engine="x")])
        found = all_baselines.matching(store, passed())
        assert [(one.name, one.run.run_id, one.origin) for one in found] == [
            ("main", "a", "stored"),
            ("main", "b", "stored"),
            ("tflm", "t", "shipped"),
        ]
        assert found[2].run.measurements == tflm.measurements
        assert [one.name for one in all_baselines.matching(None, passed())] == ["tflm"]

    def test_never_for_another_model_or_profile_nor_for_itself(
        self, store: Store, data: Path
    ) -> None:
        store.baselines.put("main", [passed()])
        (data / "tflm.json").write_text(exchange.dumps("tflm", [passed(run_id="t")]))
        model = passed().model
        assert model is not None
        other = dataclasses.replace(model, sha256="00" * 32)
        assert all_baselines.matching(store, passed(model=other)) == []
        assert all_baselines.matching(store, passed(profile_name="nrf52840")) == []
        assert all_baselines.matching(store, bare("error", model=None)) == []
        assert [one.name for one in all_baselines.matching(store, passed())] == ["tflm"]

    def test_a_stored_baseline_hides_a_shipped_one_of_its_name(
        self, store: Store, data: Path
    ) -> None:
        (data / "tflm.json").write_text(exchange.dumps("tflm", [passed(run_id="t")]))
        store.baselines.put("tflm", [passed(run_id="mine")])
        found = all_baselines.matching(store, passed())
        assert [(one.run.run_id, one.origin) for one in found] == [("mine", "stored")]


class TestShipped:
    def test_only_the_runs_that_are_wanted_are_built(
        self, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        runs = [passed(), passed(run_id="n", profile_name="nrf52840")]
        (data / "tflm.json").write_text(exchange.dumps("tflm", runs))
        built = []
        real = exchange.run_of
        monkeypatch.setattr(
            exchange, "run_of", lambda entry, where: built.append(where) or real(entry, where)
        )
        assert len(shipped.heads()) == 2
        assert built == []
        assert list(shipped.load("tflm", [slot_of(runs[1])])) == [slot_of(runs[1])]
        assert len(built) == 1

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda text: text[:-20],
            lambda text: text.replace('"name": "tflm"', '"name": "other"', 1),
            lambda text: text.replace("hil.baseline/1", "hil.baseline/9"),
            lambda text: text.replace('"engine": "aot"', '"motor": "aot"'),
        ],
    )
    def test_a_damaged_file_is_an_error_of_the_installation(
        self, data: Path, spoil: Callable[[str], str]
    ) -> None:
        (data / "tflm.json").write_text(spoil(exchange.dumps("tflm", [passed()])))
        with pytest.raises(StoreError, match=r"tflm\.json") as caught:
            shipped.heads()
        assert caught.value.hint == "reinstall hil"

    def test_what_was_tampered_with_is_not_shown(self, data: Path) -> None:
        text = exchange.dumps("tflm", [passed()]).replace('"mps2', '"mps3').replace("-O3", "-O0")
        (data / "tflm.json").write_text(text)
        with pytest.raises(StoreError, match="SHA-256"):
            shipped.load("tflm")

    def test_the_files_in_the_repository_are_sound(self) -> None:
        """Every shipped run is whole, of the name of its file, and names no folder."""
        for name, path in shipped._files().items():
            text = path.read_text(encoding="utf-8")
            own, runs = exchange.read(path)
            assert own == name
            assert exchange.runs_of(json.loads(text), name) == runs
            for run in runs:
                assert without_folders(run) == run
                assert run.check is not None
                assert run.check.passed
            for folder in ("/root/", "/home/", "/work/", "/tmp/", "/usr/"):
                assert folder not in text


class TestFiles:
    def test_a_baseline_comes_back_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "main.json"
        runs = [good(), passed(engine="tflm")]
        path.write_text(exchange.dumps("main", runs), encoding="utf-8")
        name, back = exchange.read(path)
        assert name == "main"
        assert back == [without_folders(run) for run in runs]
        assert back[0].measurements == good().measurements
        assert back[0].ops == good().ops

    def test_every_measurement_has_a_line_and_every_run_a_place(self) -> None:
        """A figure that changes is one line of a difference, whatever the order of the runs."""
        other = passed(run_id="n", profile_name="nrf52840")
        before = exchange.dumps("main", [passed(), other])
        changed = dataclasses.replace(
            other.measurements["energy_uj"], value=other.measurements["energy_uj"].value + 1
        )
        run = dataclasses.replace(other, measurements={**other.measurements, "energy_uj": changed})
        after = exchange.dumps("main", [run, passed()])
        lines = [Counter(text.splitlines()) for text in (before, after)]
        assert len(lines[0]) > 100
        gone = {
            line.strip().partition(":")[0]
            for line in lines[0] - lines[1]
            if '"exported_at"' not in line
        }
        assert gone == {'"energy_uj"', '"sha256"'}

    def test_the_order_in_which_facts_were_kept_does_not_count(self) -> None:
        run = passed()
        backwards = dataclasses.replace(
            run,
            measurements=dict(reversed(run.measurements.items())),
            provenance=dict(reversed(run.provenance.items())),
        )
        texts = [exchange.dumps("main", [one]).splitlines() for one in (run, backwards)]
        assert [line for line in texts[0] if "exported_at" not in line] == [
            line for line in texts[1] if "exported_at" not in line
        ]

    def test_the_same_runs_leave_a_file_as_it_is(self) -> None:
        before = exchange.dumps("main", [passed()])
        old = before.replace(exported_at(before), "2020-01-01T00:00:00+00:00")
        assert exchange.dumps("main", [passed()], old) == old
        for other in (exchange.dumps("other", [passed()], old), exchange.dumps("main", [], old)):
            assert exported_at(other) != "2020-01-01T00:00:00+00:00"
        assert exported_at(exchange.dumps("main", [passed()], "{")) > "2026"

    def test_a_file_that_was_saved_is_read(self) -> None:
        """The file was written when version 1 was new, and is never made again."""
        name, runs = exchange.read(Path(__file__).parent / "saved" / "baseline-v1.json")
        assert name == "saved"
        assert [run.engine for run in runs] == ["aot", "tflm-cmsis"]
        first = runs[0]
        latency = first.measurements["latency_us"]
        assert (latency.value, len(latency.samples)) == (123_456.789012345, 3)
        assert (len(first.ops), first.ops[0].cycles, first.flash_by_owner["code"]) == (2, 6, 9_000)
        assert first.plan is not None
        assert first.plan.placements[1].size == 128
        assert first.check is not None
        assert first.check.max_rel_diff == float("inf")

    @pytest.mark.parametrize(
        ("spoil", "message"),
        [
            (lambda d: d.update(schema="hil.baseline/2"), "newer version of hil"),
            (lambda d: d.update(schema="hil.run/1"), "its schema is 'hil.run/1'"),
            (lambda d: d.pop("schema"), "no schema"),
            (lambda d: d.pop("exported_at"), "must have"),
            (lambda d: d.update(more=1), "nothing else"),
            (lambda d: d.update(name="../x"), "invalid baseline name"),
            (lambda d: d.update(runs=[]), "contains no run"),
            (lambda d: d.update(runs={}), "must have"),
            (lambda d: d["runs"].append(d["runs"][0]), "two runs are of the same model"),
            (lambda d: d["runs"][0].pop("sha256"), "sha256 and run"),
            (lambda d: d["runs"][0].update(sha256="0" * 64), "SHA-256"),
            (lambda d: d["runs"][0]["run"].update(engine="mine"), "SHA-256"),
            (lambda d: rehash(d, status="failed"), "it is failed"),
            (lambda d: rehash(d, model=None), "cannot be a baseline"),
            (lambda d: rehash(d, measurements={}), "cannot be a baseline"),
            (lambda d: rehash(d, extra=1), "extra: there is no such field"),
            (lambda d: rehash(d, machine_exact=1), "machine_exact: invalid value 1"),
            (lambda d: rehash(d, schema="hil.record.run/2"), "from a newer version of hil"),
            (lambda d: rename(d), "has a different name"),
            (lambda d: d.update(exported_at="yesterday"), "exported_at is not a date"),
            (lambda d: refigure(d, value=1e20), "measurements.latency_us: 1e[+]20 us is beyond"),
            (lambda d: refigure(d, value=-1.0), "measurements.latency_us: -1 us is beyond"),
            (lambda d: refigure(d, value="Infinity"), "latency_us: inf us is beyond"),
            (lambda d: refigure(d, samples=[1.0, -2.0]), "latency_us: -2 us is beyond"),
            (lambda d: refigure(d, unit="uJ"), "its unit is 'uJ', not us"),
            (lambda d: refigure(d, n=-1), "latency_us.n: -1 is not"),
            (lambda d: refigure(d, uncertainty_pct=-5.0), "uncertainty_pct: -5 is not"),
            (lambda d: reprofile(d, clock={"hz": "fast"}), "profile.clock.hz: 'fast' is not a pos"),
            (lambda d: reprofile(d, clock=80), "profile.clock: it is not a table"),
            (lambda d: reprofile(d, ram=["x"]), "profile.ram: it is not a list of tables"),
            (lambda d: reprofile(d, chip={"part": 7}), "profile.chip.part: 7 is not text"),
            (
                lambda d: rehash(d, started_at="1st of May"),
                "started_at: '1st of May' is not a date",
            ),
            (lambda d: rehash(d, finished_at="0001-01-01"), "finished_at: '0001-01-01' is not"),
            (lambda d: rehash(d, profile_name="p" * 3_000), "profile_name: .* this one 3,000"),
            (lambda d: rehash(d, run_id=""), "run_id: it has 1 to 64 characters"),
            (lambda d: rehash(d, flash_by_owner={"code": -4}), "flash_by_owner: -4 is beyond"),
            (lambda d: reop(d, cycles=10**20), "ops.0: 100000000000000000000 is beyond"),
            (
                lambda d: replace_last_op(d, 2**63),
                "placements.0.last_op: 9223372036854775808 is not",
            ),
            (lambda d: reop(d, cycles="many"), "ops.0.cycles: "),
            (lambda d: rehash(d, provenance=nested(400)), "depth exceeded"),
        ],
    )
    def test_the_error_of_a_file_is_named(
        self, tmp_path: Path, spoil: Callable[[dict[str, Any]], Any], message: str
    ) -> None:
        document = json.loads(exchange.dumps("main", [good()]))
        spoil(document)
        path = tmp_path / "main.json"
        path.write_text(json.dumps(document), encoding="utf-8")
        with pytest.raises(InputError, match=message) as caught:
            exchange.read(path)
        assert str(path) in caught.value.message
        assert caught.value.hint

    @pytest.mark.parametrize(
        "content",
        [b"", b"{", b"[1]", b"\xff\xfe", b'{"schema": NaN}', b"[" * 100_000, b"null"],
        ids=["empty", "cut", "list", "binary", "nan", "deep", "null"],
    )
    def test_a_file_that_is_something_else(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "x.json"
        path.write_bytes(content)
        with pytest.raises(InputError, match=str(path)):
            exchange.read(path)

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="No such file"):
            exchange.read(tmp_path / "none.json")

    @pytest.mark.parametrize("seed", range(4))
    def test_any_value_in_any_place_is_read_or_refused(
        self, tmp_path: Path, store: Store, seed: int
    ) -> None:
        """Files that are signed well and hold nonsense; what is read can be stored and gated."""
        dice = random.Random(seed)
        whole = json.loads(exchange.dumps("main", [good()]))
        path = tmp_path / "x.json"
        places = [place for place in places_of(whole["runs"][0]["run"]) if place]
        read = 0
        for _ in range(100):
            document = copy.deepcopy(whole)
            *folder, key = dice.choice(places)
            holder = document["runs"][0]["run"]
            for part in folder:
                holder = holder[part]
            holder[key] = copy.deepcopy(dice.choice(NONSENSE))
            rehash(document)
            path.write_text(json.dumps(document), encoding="utf-8")
            try:
                _, (run,) = exchange.read(path)
            except InputError:
                continue
            read += 1
            store.baselines.put("x", [run], only=True)
            gate(store, "x", LIMITS, runs=[dataclasses.replace(run, run_id="new")])
        assert 0 < read < 100

    @pytest.mark.parametrize("name", ["", ".hidden", "a/b", "a b", "x" * 65, "-x"])
    def test_names_are_file_names(self, name: str) -> None:
        with pytest.raises(UsageError):
            exchange.check_name(name)


def places_of(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place of a document, as keys from its top."""
    yield place
    if not isinstance(value, dict | list):
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from places_of(item, (*place, key))


def exported_at(text: str) -> str:
    found: str = json.loads(text)["exported_at"]
    return found


def rehash(document: dict[str, Any], **changes: Any) -> None:
    """Change the run and make its hash right again: what a careful forger, or a bug, leaves."""
    entry = document["runs"][0]
    entry["run"].update(changes)
    entry["sha256"] = digest(entry["run"])


def refigure(document: dict[str, Any], **changes: Any) -> None:
    document["runs"][0]["run"]["measurements"]["latency_us"].update(changes)
    rehash(document)


def reop(document: dict[str, Any], **changes: Any) -> None:
    document["runs"][0]["run"]["ops"][0].update(changes)
    rehash(document)


def replace_last_op(document: dict[str, Any], number: int) -> None:
    document["runs"][0]["run"]["plan"]["placements"][0]["last_op"] = number
    rehash(document)


def reprofile(document: dict[str, Any], **changes: Any) -> None:
    document["runs"][0]["run"]["profile"].update(changes)
    rehash(document)


def nested(depth: int) -> dict[str, Any]:
    """Objects in objects; the JSON itself can be parsed."""
    value: dict[str, Any] = {}
    for _ in range(depth):
        value = {"x": value}
    return value


def rename(document: dict[str, Any]) -> None:
    figures = document["runs"][0]["run"]["measurements"]
    figures["latency_us"]["name"] = "cycles"
    rehash(document)


class TestScrub:
    @pytest.mark.parametrize(
        ("text", "clean"),
        [
            ("/usr/bin/qemu-system-arm -M x", "qemu-system-arm -M x"),
            ("-plugin /a/b/p.so,out=/tmp/x/profile.bin", "-plugin p.so,out=profile.bin"),
            ("-I/home/me/include -L/opt/x/lib", "-Iinclude -Llib"),
            ("-DFILE=/work/a/b.cmake && ninja", "-DFILE=b.cmake && ninja"),
            ("cd ../../else/where; ~/bin/run ~me/x", "cd where; run x"),
            ("3 cycles/instruction, a / b, 80/100", "3 cycles/instruction, a / b, 80/100"),
            ("see https://a.org/b/c.html", "see https://a.org/b/c.html"),
            ("'/a b/c'", "'a b/c'"),
        ],
    )
    def test_folders_go_units_and_addresses_stay(self, text: str, clean: str) -> None:
        run = passed(provenance={"build_command": text, "list": [{"x": text}]}, notes=(text,))
        found = without_folders(run)
        assert found.provenance["build_command"] == clean
        assert found.provenance["list"] == [{"x": clean}]
        assert found.notes == (clean,)

    def test_the_command_keeps_its_words(self) -> None:
        command = "hil run -p boards/x.toml --inputs=data/in.npy ../m/kws.tflite --db '/a b/c.db'"
        run = without_folders(passed(provenance={"command": command}))
        assert run.provenance["command"] == "hil run -p x.toml --inputs=in.npy kws.tflite --db c.db"
        assert run.model is not None
        assert "/" not in run.model.path

    def test_names_of_tensors_stay(self) -> None:
        run = passed()
        ops = (dataclasses.replace(run.ops[0], name="/conv1/Conv_output_0"),)
        assert without_folders(dataclasses.replace(run, ops=ops)).ops == ops
