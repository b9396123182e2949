"""scripts/nightly on a study of one model: baseline, history, regression, what is left out."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.hil import DIGITS, REPOSITORY, hil

Nightly = Callable[..., subprocess.CompletedProcess[str]]
STUDY = REPOSITORY / "reports" / "nightly" / "study.toml"


@pytest.fixture
def nightly(tmp_path: Path) -> Nightly:
    """Return a function that runs the night without set-up and, unless named, without Renode."""

    def run(optimize: str = "-O3", *options: str, **env: str) -> subprocess.CompletedProcess[str]:
        study = tmp_path / "study.toml"
        study.write_text(
            f'schema = 1\nmodels = ["{DIGITS / "digits_int8.tflite"}"]\n'
            f'profiles = ["stm32l4"]\noptimize = ["{optimize}"]\n'
        )
        script = REPOSITORY / "scripts" / "ci" / "nightly.py"
        command = [sys.executable, str(script), "--out", str(tmp_path / "out")]
        command += ["--study", str(study), "--baseline", str(tmp_path / "baseline.json")]
        return subprocess.run(
            [*command, *options],
            env={**os.environ, "HIL_RENODE": "", "PATH": without_renode(), **env},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def without_renode() -> str:
    folders = os.environ["PATH"].split(os.pathsep)
    return os.pathsep.join(folder for folder in folders if not (Path(folder) / "renode").exists())


def runs(folder: Path) -> list[dict[str, Any]]:
    """The history that the nights left."""
    listed = hil("history", "--limit", "0", "--db", folder / "out" / "hil.db", "--json")
    found: list[dict[str, Any]] = listed.envelope["data"]["runs"]
    return found


def forget(folder: Path) -> None:
    """Remove the history: a run is not compared with itself, once it is the baseline's."""
    (folder / "out" / "hil.db").unlink()


def test_a_baseline_a_night_and_a_regression(nightly: Nightly, tmp_path: Path) -> None:
    first = nightly()
    assert first.returncode == 5, first.stderr
    done = nightly("-O3", "--update-baseline")
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "baseline.json").read_text())["schema"].startswith("hil.base")
    forget(tmp_path)
    summary = tmp_path / "job-summary"
    for _ in range(2):
        summary.unlink(missing_ok=True)
        done = nightly(GITHUB_STEP_SUMMARY=str(summary))
        assert done.returncode == 0, done.stderr
    assert len(runs(tmp_path)) == 1, "the same commit is not run again"
    for name in ("summary.md", "gate.md", "junit.xml", "badge.svg", "study-qemu.html"):
        assert (tmp_path / "out" / name).is_file()
    assert (tmp_path / "out" / "site" / "index.html").is_file()
    text = (tmp_path / "out" / "summary.md").read_text(encoding="utf-8")
    assert text.startswith("<!-- hil gate -->\n")
    assert summary.read_text(encoding="utf-8") == text
    assert "left out: Renode: HIL_RENODE is not set" in text
    assert "left out: Renode" in done.stdout

    slower = nightly("-Os")
    assert slower.returncode == 1, slower.stderr
    assert len(runs(tmp_path)) == 2
    text = (tmp_path / "out" / "gate.md").read_text(encoding="utf-8")
    assert "latency" in text
    assert "CONV" in text
    assert nightly("-Os", "--update-baseline").returncode == 0
    forget(tmp_path)
    assert nightly("-Os").returncode == 0


def test_a_run_that_fails_is_no_baseline(nightly: Nightly, tmp_path: Path) -> None:
    done = nightly("-O3", "--update-baseline", HIL_CC_PREFIX="no-such-compiler-")
    assert done.returncode == 4
    assert not (tmp_path / "baseline.json").exists()
    assert "no-such-compiler-" in done.stderr


def test_a_damaged_baseline_is_an_error(nightly: Nightly, tmp_path: Path) -> None:
    (tmp_path / "baseline.json").write_text("{")
    done = nightly()
    assert done.returncode == 2
    assert "baseline.json" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_renode_that_is_named_and_missing_is_an_error(nightly: Nightly) -> None:
    done = nightly(HIL_RENODE="/no/such/renode")
    assert done.returncode == 4
    assert "/no/such/renode" in done.stderr


def test_counts_of_two_emulators_are_equal(nightly: Nightly, tmp_path: Path) -> None:
    if not os.environ.get("HIL_RENODE"):
        pytest.skip("HIL_RENODE names no Renode")
    done = nightly("-O3", "--update-baseline", HIL_RENODE=os.environ["HIL_RENODE"])
    assert done.returncode == 0, done.stderr
    assert "equal: 1 pair of runs with the same counts" in done.stdout
    assert {run["target"] for run in runs(tmp_path)} == {"qemu", "renode"}
    baseline = json.loads((tmp_path / "baseline.json").read_text())
    assert [one["run"]["target"] for one in baseline["runs"]] == ["qemu"]
    forget(tmp_path)
    done = nightly(HIL_RENODE=os.environ["HIL_RENODE"])
    assert done.returncode == 0, done.stderr
    assert len(runs(tmp_path)) == 2


def test_the_nightly_study_is_valid_and_has_a_baseline_for_each_run(tmp_path: Path) -> None:
    database = tmp_path / "hil.db"
    planned = hil("sweep", STUDY, "--dry-run", "--db", database, "--json")
    assert planned.code == 0, planned
    labels = {one["label"] for one in planned.envelope["data"]["runs"]}
    assert len(labels) == 18
    imported = hil("baseline", "import", STUDY.with_name("baseline.json"), "--db", database)
    assert imported.code == 0, imported
    shown = hil("baseline", "show", "nightly", "--db", database, "--json").envelope["data"]["runs"]
    kept = {(one["model"]["name"], one["profile"]) for one in shown if one["target"] == "qemu"}
    expected = set()
    for label in labels:
        model, scheme, _, profile, _ = label.split("/")
        name = model if scheme == "float32" else f"{model}-{scheme}"
        expected.add((name, profile))
    assert kept == expected


def test_the_workflow_keeps_what_the_script_writes() -> None:
    path = REPOSITORY / ".github" / "workflows" / "nightly.yml"
    steps = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]["nightly"]["steps"]
    (call,) = [step["run"] for step in steps if "scripts/nightly" in step.get("run", "")]
    assert "--out" not in call
    script = (REPOSITORY / "scripts" / "ci" / "nightly.py").read_text(encoding="utf-8")
    (folder,) = re.findall(r'default=ROOT / "(\w+)" / "(\w+)"', script)
    kept = [step["with"]["path"] for step in steps if "history" in str(step.get("with", {}))]
    assert kept == ["/".join([*folder, "hil.db"])] * 2
