"""``hil baseline`` and ``hil gate`` as their users call them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import xmlschema
from hil.records import ErrorInfo, RunRecord

from tests.report.report_records import bare, passed, scaled
from tests.support.hil import Result, hil_process

Run = Callable[..., Result]
Keep = Callable[..., None]
LATER = "2026-12-01T00:00:00+00:00"


def later(factor: float = 1.0) -> RunRecord:
    return scaled(passed(run_id="20261201T000000-later1", started_at=LATER), factor)


class TestBaseline:
    def test_from_set_to_remove(self, run: Run, keep: Keep, tmp_path: Path) -> None:
        keep(passed(), passed(run_id="n", profile_name="nrf52840"), bare("error", run_id="bad"))
        done = run("baseline", "set", "main")
        assert (done.code, done.stdout.splitlines()[-1]) == (0, "baseline 'main': 2 runs added")
        listed = run("baseline", "list", "--json").envelope
        assert listed["schema"] == "hil.baseline.list/1"
        main = next(one for one in listed["data"]["baselines"] if one["name"] == "main")
        assert (main["origin"], main["runs"], main["profiles"]) == (
            "stored",
            2,
            ["nrf52840", "stm32l4"],
        )
        shown = run("baseline", "show", "main", "--json").envelope["data"]
        assert {one["run_id"] for one in shown["runs"]} == {passed().run_id, "n"}
        assert run("baseline", "export", "main").stdout == "main.json\n"
        assert run("baseline", "remove", "main", "n").stdout == "removed 1 of 2 runs of 'main'\n"
        assert run("baseline", "remove", "main").code == 0
        run("baseline", "show", "main").refuses(2, "no baseline 'main'")
        done = run("baseline", "import", tmp_path / "main.json", "--name", "again", "--json")
        assert done.envelope["data"]["runs"] == ["n", passed().run_id]
        again = run("baseline", "show", "again", "--json").envelope["data"]
        figures = [one["measurements"] for one in again["runs"]]
        assert figures == [one["measurements"] for one in shown["runs"]]

    def test_a_run_replaces_the_one_of_its_kind(self, run: Run, keep: Keep) -> None:
        keep(passed(), passed(run_id="n", profile_name="nrf52840"))
        assert run("baseline", "set", "main").code == 0
        keep(later())
        done = run("baseline", "set", "main", "later1")
        assert "baseline 'main': 0 runs added, 1 replaced, 1 kept" in done.stdout

    def test_replace_leaves_nothing_else(self, run: Run, keep: Keep) -> None:
        """A model that was trained again is beside the old one unless it replaces it."""
        model = passed().model
        assert model is not None
        new = dataclasses.replace(model, sha256="ab" * 32)
        keep(passed(), passed(run_id="n", profile_name="nrf52840"))
        run("baseline", "set", "main")
        keep(passed(run_id="new", model=new))
        done = run("baseline", "set", "main", "new")
        assert "baseline 'main': 1 run added, 2 kept" in done.stdout
        assert (
            "2 models named 'kws_int8' on stm32l4, aot (9d9d9d9d9d9d, abababababab)" in done.stderr
        )
        done = run("baseline", "set", "main", "new", "--replace")
        assert (done.code, done.stderr) == (0, "")
        assert "baseline 'main': 1 run added, 3 removed" in done.stdout
        run("baseline", "export", "main")
        run("baseline", "set", "main", "n")
        assert run("baseline", "import", "main.json", "--replace").code == 0
        shown = run("baseline", "show", "main", "--json").envelope["data"]["runs"]
        assert [one["run_id"] for one in shown] == ["new"]

    def test_filters_choose(self, run: Run, keep: Keep) -> None:
        keep(passed(), passed(run_id="n", profile_name="nrf52840"), later())
        done = run("baseline", "set", "x", "-p", "stm32l4", "--json")
        assert done.envelope["data"]["runs"] == [later().run_id]
        done = run("baseline", "set", "y", "--last", "1", "--engine", "aot", "--json")
        assert done.envelope["data"]["runs"] == [later().run_id]
        done = run("baseline", "set", "z", "--model", "9d9d9d", "--since", "2026-11-30", "--json")
        assert done.envelope["data"]["runs"] == [later().run_id]

    def test_what_cannot_be_a_baseline(self, run: Run, keep: Keep, tmp_path: Path) -> None:
        run("baseline", "set", "main", HIL_DB="none.db").refuses(4, "there is no database")
        keep(passed(), bare("error", run_id="bad"), later())
        run("baseline", "set", "main", "bad").refuses(2, "cannot be a baseline: it is error")
        run("baseline", "set", "a/b").refuses(2, "invalid baseline name")
        run("baseline", "set", "main", "latest", "latest~2").refuses(2, "of one kind")
        run("baseline", "set", "main", "latest", "--last", "2").refuses(2, "exclude each other")
        run("baseline", "set", "main", "--engine", "nope").refuses(2, "no run")
        run("baseline", "remove", "main").refuses(2, "no baseline 'main'")
        run("baseline", "set", "main", "latest")
        run("baseline", "remove", "main", "other").refuses(2, "has no run other")
        run("baseline", "export", "main", "-o", "no/such/file").refuses(2, "cannot write")
        run("baseline", "export", "main", "-o", "-", "--json").refuses(2, "stdout")
        run("baseline", "show", "mian").refuses(2, "did you mean 'main'")
        (tmp_path / "x.json").write_text("{}")
        run("baseline", "import", "x.json").refuses(2, "x.json is not a valid baseline")

    def test_export_to_stdout_is_the_file(self, run: Run, keep: Keep, tmp_path: Path) -> None:
        keep(passed())
        run("baseline", "set", "main")
        text = run("baseline", "export", "main", "-o", "-").stdout
        assert json.loads(text)["schema"] == "hil.baseline/1"
        run("baseline", "export", "main", "-o", "f.json")
        runs = json.loads((tmp_path / "f.json").read_text())["runs"]
        assert runs == json.loads(text)["runs"]

    def test_shipped_ones_need_no_database_and_cannot_be_removed(
        self, run: Run, keep: Keep, tmp_path: Path
    ) -> None:
        keep(passed())
        run("baseline", "set", "gift")
        folder = tmp_path / "data" / "reports" / "baselines"
        folder.mkdir(parents=True)
        run("baseline", "export", "gift", "-o", folder / "gift.json")
        run("baseline", "remove", "gift")
        env = {"HIL_DATA_DIR": str(tmp_path / "data")}
        assert "gift   shipped" in run("baseline", "list", **env).stdout
        empty = {**env, "HIL_DB": "", "HIL_STATE_DIR": str(tmp_path / "none")}
        assert "gift   shipped" in run("baseline", "list", **empty).stdout
        assert run("baseline", "show", "gift", **empty).code == 0
        run("baseline", "remove", "gift", **env).refuses(2, "ships with hil")
        keep(later())
        done = run("gate", "-b", "gift", "--json", **env)
        assert (done.code, done.envelope["data"]["origin"]) == (0, "shipped")


class TestGate:
    @pytest.fixture(autouse=True)
    def _main(self, run: Run, keep: Keep) -> None:
        keep(passed())
        assert run("baseline", "set", "main").code == 0

    def test_passes_and_fails_by_exit_code(self, run: Run, keep: Keep) -> None:
        keep(later())
        done = run("gate", "--baseline", "main", "--max-regression", "2%")
        assert (done.code, done.stderr) == (0, "")
        assert done.stdout == "passed: 1 run compared with 'main', 0 regressions\n"
        keep(later(1.03))
        done = run("gate", "--baseline", "main", "--max-regression", "2%")
        assert done.code == 1
        assert done.stdout.splitlines()[-1].startswith("failed: 1 run compared with 'main', 3 reg")
        assert "+3.0 %" in done.stdout
        assert run("gate", "-b", "main", "--max-regression", "3.01%").code == 0

    def test_json_has_everything(self, run: Run, keep: Keep) -> None:
        keep(later(1.03))
        done = run("gate", "-b", "main", "--json")
        envelope = done.envelope
        assert (done.code, envelope["schema"], envelope["status"]) == (1, "hil.gate/1", "failed")
        assert envelope["data"]["figures"]["regression"] == 3
        assert len(envelope["errors"]) == 3
        finding = envelope["data"]["cases"][0]["findings"][0]
        assert {"name", "word", "baseline", "candidate", "kind", "limit"} <= set(finding)

    def test_a_run_with_wrong_outputs_fails_the_gate(self, run: Run, keep: Keep) -> None:
        keep(bare("failed", ErrorInfo("outputs differ"), run_id="w", started_at=LATER))
        done = run("gate", "-b", "main")
        assert done.code == 1
        assert "1 failed" in done.stdout
        assert "failed: kws_int8 on stm32l4, aot: outputs differ" in done.stderr

    def test_without_a_baseline_nothing_was_compared(self, run: Run) -> None:
        done = run("gate", "-b", "none")
        assert done.code == 5
        assert done.stdout == "not compared: there is no baseline 'none'\n"
        done.refuses(5, "there is no baseline 'none'", "--allow-new")
        run("gate", "-b", "none", "--require-baseline").refuses(5, "there is no baseline 'none'")
        done = run("gate", "-b", "none", "--json")
        assert (done.code, done.envelope["status"]) == (5, "error")
        assert done.envelope["data"]["passed"] is False

    def test_new_runs_can_be_allowed(self, run: Run, keep: Keep, tmp_path: Path) -> None:
        done = run("gate", "-b", "none", "--allow-new")
        assert done.code == 0
        assert "accepted by --allow-new" in done.stdout
        assert "passed" not in done.stdout
        keep(later(), passed(run_id="n", profile_name="nrf52840"))
        assert run("gate", "-b", "main", "-p", "nrf52840").code == 5
        (tmp_path / "hil.toml").write_text("[gate]\nallow_new = true\n")
        done = run("gate", "-b", "main", "-p", "nrf52840", "--json")
        assert (done.code, done.envelope["status"]) == (0, "ok")
        assert done.envelope["data"]["verdict"] == "not compared"
        required = ("gate", "-b", "main", "--require-baseline")
        run(*required, "-p", "nrf52840").refuses(5, "nothing for", "nrf52840")
        run(*required, "--allow-new").refuses(2, "exclude each other")

    def test_what_is_not_new_cannot_be_allowed(self, run: Run) -> None:
        """No run at all, and the baseline's own run: nothing to accept."""
        done = run("gate", "-b", "main", "--allow-new")
        assert done.code == 5
        assert done.stdout == "not compared with 'main': 1 own run\n"
        done = run("gate", "-b", "main", "--allow-new", "--engine", "none")
        assert done.code == 5
        assert "there is no run to compare" in done.stdout

    def test_a_run_without_counterpart_is_a_notice_unless_required(
        self, run: Run, keep: Keep
    ) -> None:
        keep(later(), passed(run_id="n", profile_name="nrf52840"))
        done = run("gate", "-b", "main")
        assert done.code == 0
        expected = "passed: 1 of 2 runs compared with 'main', 0 regressions, 1 no baseline\n"
        assert done.stdout == expected
        run("gate", "-b", "main", "--require-baseline").refuses(5, "nothing for", "nrf52840")

    def test_where_nothing_can_be_compared_it_says_so(self, run: Run, keep: Keep) -> None:
        keep(*(passed(run_id=f"n{i}", profile_name=f"chip{i}") for i in range(8)))
        done = run("gate", "-b", "main", "--engine", "aot", "--last", "7")
        assert done.code == 5
        expected = "not compared with 'main': 1 missing, 7 no baseline"
        assert done.stdout.splitlines() == [expected]
        assert done.stderr.count("no baseline: ") == 6
        assert "no baseline: 2 more; --json lists them" in done.stderr

    def test_settings_of_the_project(self, run: Run, keep: Keep, tmp_path: Path) -> None:
        keep(later(1.03))
        file = tmp_path / "hil.toml"
        file.write_text('[gate]\nbaseline = "main"\nmax_regression = "5%"\n')
        assert run("gate").code == 0
        file.write_text('[gate]\nbaseline = "main"\n[gate.limits]\nlatency_us = "1%"\n')
        assert run("gate", "--max-regression", "9%").code == 1
        assert run("gate", "--max-regression", "9%", "--limit", "latency_us=off").code == 0
        file.write_text('[gate]\nbaseline = "none"\nrequire_baseline = true\n')
        assert run("gate").code == 5
        assert run("gate", "--allow-new").code == 0
        shown = run("config", "show", "--json").envelope["data"]["settings"]
        row = next(row for row in shown if row["key"] == "gate")
        assert (row["value"]["baseline"], row["origin"], row["variable"]) == ("none", "project", "")
        file.write_text('[gate]\nbase = "x"\n')
        run("gate").refuses(2, "hil.toml: unknown key 'gate.base'", "max_regression")

    def test_an_absolute_limit(self, run: Run, keep: Keep) -> None:
        keep(later(1.03))
        run("gate", "-b", "main", "--limit", "latency_us=1 KiB").refuses(2, "another unit")
        off = ("--limit", "cycles=off", "--limit", "energy_uj=off")
        assert run("gate", "-b", "main", *off, "--limit", "latency_us=20 ms").code == 0
        assert run("gate", "-b", "main", *off, "--limit", "latency_us=1 ms").code == 1

    def test_the_reason_of_unclear_figures(self, run: Run, keep: Keep) -> None:
        """Another engine: the bands of the two decide, as in a report."""
        keep(dataclasses.replace(later(1.03), engine="new"))
        done = run("gate", "-b", "main", "--any-engine", "latest")
        assert done.code == 0
        assert (
            "unclear: latency_us, energy_uj, cycles (3 figures): beyond the limit, but within the "
            "uncertainty of the figures"
        ) in done.stdout.splitlines()

    def test_named_runs(self, run: Run, keep: Keep) -> None:
        keep(later(1.03))
        assert run("gate", "-b", "main", "latest").code == 1
        done = run("gate", "-b", "main", "latest~1")
        assert (done.code, "this is the baseline's own run" in done.stderr) == (5, True)
        run("gate", "-b", "main", "latest", "--last", "3").refuses(2, "exclude each other")
        run("gate", "-b", "main", "nope").refuses(2, "no run 'nope'")

    def test_files_for_a_pull_request(self, run: Run, keep: Keep, tmp_path: Path) -> None:
        keep(later(1.03))
        done = run("gate", "-b", "main", "--junit", "j.xml", "--markdown", "m.md")
        assert done.code == 1
        schema = Path(__file__).with_name("junit.xsd")
        xmlschema.validate(str(tmp_path / "j.xml"), str(schema))
        text = (tmp_path / "m.md").read_text(encoding="utf-8")
        assert text.startswith("<!-- hil gate -->\n❌ **hil gate failed**: kws\\_int8 on stm32l4")
        assert run("gate", "-b", "main", "--markdown", "-").stdout == text
        summary = {"GITHUB_STEP_SUMMARY": str(tmp_path / "m.md")}
        run("gate", "-b", "main", "--markdown", tmp_path / "m.md", **summary)
        assert (tmp_path / "m.md").read_text(encoding="utf-8") == text * 2
        run("gate", "-b", "main", "--junit", "no/j.xml").refuses(2, "cannot write no/j.xml")
        run("gate", "-b", "main", "--markdown", "-", "--json").refuses(2, "stdout")

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (("--max-regression", "lots"), "--max-regression: 'lots' is an invalid limit"),
            (("--max-regression", "1 KiB"), "not a percentage"),
            (("--limit", "latency_us"), "invalid --limit"),
            (("--limit", "latency_us=?"), "--limit latency_us: '?' is an invalid limit"),
            (("--since", "yore"), "invalid --since"),
        ],
    )
    def test_mistakes(self, run: Run, arguments: tuple[str, ...], message: str) -> None:
        run("gate", "-b", "main", *arguments).refuses(2, message)

    def test_no_baseline_was_named(self, run: Run) -> None:
        run("gate").refuses(2, "no baseline given", "--baseline NAME")

    def test_scipy_is_not_loaded_for_emulated_runs(
        self, database: str, tmp_path: Path, keep: Keep
    ) -> None:
        keep(later())
        env = {"HIL_DB": database, "PYTHONPROFILEIMPORTTIME": "1"}
        done = hil_process("gate", "-b", "main", env=env, cwd=tmp_path)
        assert done.code == 0
        assert "sqlalchemy" in done.stderr
        assert "scipy" not in done.stderr
