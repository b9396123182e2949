"""The public API: what it takes, what it returns, and that importing it costs nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import hil
import numpy as np
import pytest
from hil.devices import load

from tests.support.hil import DIGITS, REPOSITORY
from tests.support.hil import hil as command

INT8 = DIGITS / "digits_int8.tflite"
FLOAT = DIGITS / "digits_float32.tflite"
SAMPLES = DIGITS / "digits_samples.npz"
PACKAGE = REPOSITORY / "harness" / "hil"


@pytest.fixture(scope="module")
def run() -> hil.Run:
    return hil.run(INT8, "stm32l4")


# The module


def test_importing_it_loads_no_library() -> None:
    code = "import hil, sys; dir(hil); hil.HilError; print([*sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"numpy", "pydantic", "sqlalchemy", "rich", "typer", "jinja2", "scipy"}
    assert heavy & set(eval(done.stdout)) == set()


def test_every_public_name_is_there_and_no_submodule_takes_its_place() -> None:
    assert [name for name in hil.__all__ if getattr(hil, name, None) is None] == []
    assert set(hil.__all__) <= set(dir(hil))
    submodules = {path.stem for path in PACKAGE.iterdir()}
    assert submodules & set(hil.__all__) == set()
    with pytest.raises(AttributeError, match="no attribute 'evaluate_all'"):
        _ = hil.evaluate_all  # type: ignore[attr-defined]


def test_a_function_stays_one_after_every_module_was_imported() -> None:
    code = (
        "import importlib, pkgutil, hil\n"
        "for m in pkgutil.walk_packages(hil.__path__, 'hil.'):\n"
        "    if 'migrations' not in m.name and '__main__' not in m.name:\n"
        "        importlib.import_module(m.name)\n"
        "print([n for n in hil.__all__ if not callable(getattr(hil, n)) and n.islower()])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_public_names_have_docstrings() -> None:
    missing = []
    for name in hil.__all__:
        value = getattr(hil, name)
        members = vars(value).items() if isinstance(value, type) else ()
        own = [(f"{name}.{key}", one) for key, one in members if not key.startswith("_")]
        for label, one in [(name, value), *own]:
            described = callable(one) or isinstance(one, property)
            if described and not getattr(one, "__doc__", ""):
                missing.append(label)
    assert missing == []


# Runs


def test_a_run_is_that_of_the_command_line(run: hil.Run, tmp_path: Path) -> None:
    result = command("run", "-p", "stm32l4", "--json", "--db", tmp_path / "hil.db", INT8)
    theirs, ours = result.envelope["data"], json.loads(json.dumps(run.to_dict()))
    assert ours["measurements"] == theirs["measurements"]
    assert ours["ops"] == theirs["ops"]
    assert ours["check"] == theirs["check"]
    assert set(ours) == set(theirs)
    words = ours["provenance"]["command"].split()
    assert words[:2] == ["hil", "run"]
    again = command(*words[1:], "--json", "--db", tmp_path / "hil.db").envelope["data"]
    assert again["measurements"] == theirs["measurements"]


def test_its_figures_are_numbers_in_the_units_of_their_names(run: hil.Run) -> None:
    figures = run.measurements
    assert run.latency_ms == figures["latency_us"].value / 1000
    assert run.energy_uj == figures["energy_uj"].value
    assert (run.ram_bytes, run.flash_bytes) == (
        figures["ram_bytes"].value,
        figures["flash_bytes"].value,
    )
    assert isinstance(run.ram_bytes, int)
    assert sum(op.cycles for op in run.ops) <= figures["cycles"].value
    assert (run.status, run.errors, run.engine, run.profile) == ("passed", (), "aot", "stm32l4")


def test_absent_figures_are_none(run: hil.Run) -> None:
    import dataclasses

    record = dataclasses.replace(run._record, measurements={}, ops=(), check=None)
    bare = hil.Run(record)
    assert [bare.latency_ms, bare.energy_uj, bare.ram_bytes, bare.flash_bytes] == [None] * 4
    assert (bare.ops, bare.check) == ((), None)
    assert repr(bare) == "Run digits_int8 on stm32l4 (qemu, aot): passed"
    assert "<table></table>" in bare._repr_html_()


def test_the_host_has_no_time_and_no_size_of_the_chip(run: hil.Run) -> None:
    native = hil.run(INT8, "stm32l4", target="host")
    assert (native.target, native.status, native.ops) == ("host", "passed", ())
    assert [native.latency_ms, native.energy_uj, native.ram_bytes, native.flash_bytes] == [None] * 4
    assert native.check is not None
    assert native.check.exact
    assert "--target host" in native.provenance["command"]
    found = hil.compare(run, native)
    assert "latency_us" not in found.ratios
    assert found.figures["latency_us"].values == (run.measurements["latency_us"].value, None)
    assert "digits_int8 on stm32l4, host" in repr(found)
    accuracy = hil.accuracy(INT8, "stm32l4", SAMPLES, target="host", limit=100)
    assert (accuracy.samples, accuracy.value, accuracy.reference) == (100, 1.0, 1.0)


def test_its_html_is_escaped_and_without_scripts(run: hil.Run) -> None:
    named = hil.run(INT8.read_bytes(), "stm32l4", name="<b>&")
    assert named.model == "<b>&"
    page = named._repr_html_()
    assert "&lt;b&gt;&amp;" in page
    assert "<b>" not in page
    assert "script" not in page
    assert page.count("<tr>") == 5


@pytest.mark.parametrize(
    "profile",
    ["stm32l4", REPOSITORY / "device_profiles" / "stm32l4.toml", load("stm32l4")],
    ids=["name", "path", "profile"],
)
def test_profiles_in_every_form(profile: Any, run: hil.Run) -> None:
    assert hil.run(INT8, profile).latency_ms == run.latency_ms


def test_a_profile_in_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: hil.Run
) -> None:
    text = (REPOSITORY / "device_profiles" / "stm32l4.toml").read_text()
    (tmp_path / "mine.toml").write_text(text)
    monkeypatch.chdir(tmp_path)
    assert hil.run(str(INT8), Path("mine.toml")).profile == "mine"


def test_arrays_are_fed_as_their_file_is(tmp_path: Path) -> None:
    with np.load(SAMPLES) as samples:
        x = samples["x_int8"][:3]
    np.save(tmp_path / "x.npy", x)
    ours, theirs = (hil.run(INT8, "stm32l4", inputs=inputs) for inputs in (x, tmp_path / "x.npy"))
    assert ours.provenance["inputs_sha256"] == theirs.provenance["inputs_sha256"]
    assert ours.provenance["command"] == ""
    assert "--inputs" in theirs.provenance["command"]
    name = "serving_default_image:0"
    assert hil.run(INT8, "stm32l4", inputs={name: x}, samples=2).check.inputs == 2  # type: ignore[union-attr]


def test_progress_is_told_only_where_asked(capfd: pytest.CaptureFixture[str]) -> None:
    stages: list[str] = []
    hil.run(INT8, "stm32l4", progress=lambda stage, done, total: stages.append(stage))
    assert dict.fromkeys(stages).keys() >= {"plan", "build", "run", "check"}
    assert capfd.readouterr() == ("", "")


# Errors


@pytest.mark.parametrize(
    ("arguments", "options", "kind", "words"),
    [
        (("nowhere.tflite", "stm32l4"), {}, "ModelError", "there is no file"),
        ((b"not a model", "stm32l4"), {}, "ModelError", "model: not a .tflite"),
        ((INT8, "stm32l9"), {}, "ProfileError", "no profile 'stm32l9'"),
        ((INT8, "stm32l4"), {"engine": "oat"}, "UsageError", "no engine 'oat'"),
        ((INT8, "stm32l4"), {"optimize": "-O9"}, "UsageError", "-O9"),
        ((INT8, "stm32l4"), {"inputs": "rndom:1"}, "InputError", "unknown inputs"),
        ((INT8, "stm32l4"), {"inputs": [[1], [2, 3]]}, "InputError", "inputs cannot be made"),
        ((INT8, "stm32l4"), {"inputs": np.zeros(3, np.int8)}, "InputError", "inputs: the input"),
        ((INT8, "stm32l4"), {"quantize": "q8"}, "UsageError", "belong together"),
        ((INT8, "stm32l4"), {"calibration": "normal:0"}, "UsageError", "belong together"),
        (
            (INT8, "stm32l4"),
            {"quantize": "q8", "calibration": "normal:0"},
            "UnsupportedModel",
            "is quantized already",
        ),
        ((INT8, "stm32l4"), {"store": 3}, "UsageError", "store is a int"),
        ((INT8, "stm32l4"), {"store": "/nowhere/x.db"}, "StoreError", "/nowhere"),
    ],
)
def test_errors_are_hil_errors_with_a_hint(
    arguments: Any, options: Any, kind: str, words: str
) -> None:
    with pytest.raises(hil.HilError) as caught:
        hil.run(*arguments, **options)
    assert type(caught.value).__name__ == kind
    assert isinstance(caught.value, getattr(hil, kind))
    assert words in caught.value.message
    assert caught.value.hint


def test_a_run_that_fails_raises_or_is_returned() -> None:
    small = load("stm32l4").model_copy(update={"name": "small"})
    ram = tuple(r.model_copy(update={"size_bytes": 2048}) for r in small.ram)
    small = small.model_copy(update={"ram": ram})
    with pytest.raises(hil.DoesNotFit) as caught:
        hil.run(INT8, small)
    failed = hil.run(INT8, small, raises=False)
    assert (failed.status, failed.latency_ms) == ("failed", None)
    assert failed.errors[0].message == caught.value.message
    assert failed.errors[0].message in repr(failed)


# Quantization


def test_a_variant_runs_with_what_is_known_of_it(tmp_path: Path) -> None:
    with np.load(SAMPLES) as samples:
        given = {"x": samples["x"], "y": samples["y"]}
    variant = hil.quantize(FLOAT, "q8", given)
    assert variant.quality.samples == 72
    assert variant.quality.accuracy is not None
    assert variant.tensors
    assert variant.to_dict()["calibration"] == "calibration"
    path = variant.save(tmp_path / "q8.tflite")
    assert path.read_bytes() == variant.bytes
    ran = hil.run(variant, "stm32l4")
    assert (ran.provenance["scheme"], ran.model) == ("q8", "digits_float32-q8")
    assert hil.run(path, "stm32l4").latency_ms == ran.latency_ms
    with hil.open_store(tmp_path / "hil.db") as store:
        hil.run(path, "stm32l4", store=store)
        assert "scheme" not in store.get().provenance
        hil.run(variant, "stm32l4", store=store)
        assert store.get().provenance["scheme"] == "q8"
    with pytest.raises(hil.UsageError, match="cannot write"):
        variant.save(tmp_path / "no" / "folder.tflite")


def test_files_and_arrays_calibrate_alike() -> None:
    with np.load(SAMPLES) as samples:
        arrays = dict(samples)
    from_arrays, from_file = (hil.quantize(FLOAT, "q8", given) for given in (arrays, SAMPLES))
    assert from_arrays.bytes == from_file.bytes
    assert from_arrays.quality == from_file.quality
    held = hil.quantize(FLOAT, "q8", "normal:0", samples=10, held_out=arrays)
    assert held.quality.samples == 360


# Accuracy


@pytest.mark.parametrize("form", ["file", "pair", "mapping"])
def test_labelled_data_in_every_form(form: str) -> None:
    with np.load(SAMPLES) as samples:
        x, y = samples["x"], samples["y"]
    data: Any = {"file": SAMPLES, "pair": (x, y), "mapping": {"x": x, "y": y}}[form]
    found = hil.accuracy(INT8, "stm32l4", data, limit=40, jobs=1)
    assert (found.value, found.samples, found.metric) == (1.0, 40, "top1")
    assert found.interval[0] < 1.0 <= found.interval[1]
    assert sum(map(sum, found.confusion)) == 40
    assert found.reference == 1.0
    assert "Top-1, device" in found._repr_html_()


def test_labelled_data_that_is_none() -> None:
    for data in (np.zeros((2, 8)), ("x",), {"x": np.zeros((2, 8, 8, 1))}):
        with pytest.raises(hil.InputError):
            hil.accuracy(INT8, "stm32l4", data)  # type: ignore[arg-type]


def test_an_evaluation_is_kept_where_asked(tmp_path: Path) -> None:
    database = tmp_path / "hil.db"
    first = hil.accuracy(INT8, "stm32l4", SAMPLES, limit=20, jobs=1, store=database)
    again = hil.accuracy(INT8, "stm32l4", SAMPLES, limit=20, jobs=1, store=database)
    assert again.id == first.id
    listed = command("accuracy", "--list", "--json", "--db", database).envelope["data"]
    assert [one["evaluation_id"] for one in listed["evaluations"]] == [first.id]
    assert json.loads(json.dumps(first.to_dict())) == listed["evaluations"][0]


# Comparison and store


def test_a_comparison_claims_what_the_command_claims(run: hil.Run, tmp_path: Path) -> None:
    database = tmp_path / "hil.db"
    slow, fast = (hil.run(INT8, "stm32l4", optimize=o, store=database) for o in ("-Os", "-O3"))
    found = hil.compare(slow, fast)
    theirs = command("compare", slow.id, fast.id, "--json", "--db", database).envelope["data"]
    for name, (_, cell) in theirs["figures"].items():
        pair = found.figures[name]
        assert (pair.values[1], pair.ratio, pair.verdict) == (
            cell["value"],
            cell["ratio"],
            cell["verdict"],
        )
        assert found.ratios.get(name) == cell["ratio"]
    assert found.verdict == theirs["verdicts"][0]["text"].replace("\u00a0", " ")
    assert found.figures["cycles"].verdict in ("better", "unclear")
    assert "\u00a0" not in repr(found)
    assert len(repr(found).splitlines()) <= 8
    assert "<table>" in found._repr_html_()
    assert found.save_report(tmp_path / "c.html").read_text().startswith("<!")
    assert fast.save_report(tmp_path / "r.html").read_text().startswith("<!")


def test_nothing_is_stored_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "state"))
    hil.run(INT8, "stm32l4")
    hil.accuracy(INT8, "stm32l4", SAMPLES, limit=5, jobs=1)
    assert not (tmp_path / "state").exists()
    with hil.open_store() as store:
        assert store.find() == []
        first = hil.run(INT8, "stm32l4", store=store)
        second = hil.run(FLOAT, "stm32l4", store=store)
        assert [one.id for one in store.find()] == [second.id, first.id]
        assert [one.id for one in store.find(model="digits_int8")] == [first.id]
        assert store.find(limit=1)[0].to_dict() == store.get(second.id).to_dict()
        with pytest.raises(hil.UsageError, match="there is no run"):
            store.get("nothing")
        assert repr(store) == f"Store {store.label}"
    history = command("history", "--json").envelope["data"]
    assert len(history["runs"]) == 2


def test_profiles_are_those_of_the_command_line() -> None:
    listed = command("profile", "list", "--json").envelope["data"]["profiles"]
    assert list(hil.profiles()) == [one["name"] for one in listed]
    assert all(isinstance(one, hil.Profile) for one in hil.profiles().values())
