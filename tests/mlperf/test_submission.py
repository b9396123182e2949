"""`hil mlperf submission` and `check`: the official layout, and what the rules refuse."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hil.mlperf import files
from hil.mlperf.result import MODELLED, MlperfResult, Mode, WindowResult
from hil.records import Measurement

from tests.support.hil import Result, hil

PROVENANCE = {
    "chip": "STM32L475VG",
    "core": "Arm Cortex-M4 with FPU",
    "clock_hz": 80_000_000,
    "profile": "stm32l4",
    "engine": "aot",
    "engine_version": "3",
    "hil_version": "0.2.0",
    "model": "kws_int8",
    "model_sha256": "ab" * 32,
    "firmware_sha256": "cd" * 32,
    "compiler": "gcc 12",
    "flags": "-O3",
}


def figure(name: str, value: float, unit: str) -> Measurement:
    return Measurement(name, value, unit, "measured", None)


def result(mode: Mode, system: str = "desk", *, top1: float = 0.91) -> MlperfResult:
    figures = {
        "performance": {"throughput": figure("throughput", 12.5, "inf/s")},
        "accuracy": {"top1": figure("top1", top1, "share"), "auc": figure("auc", 0.99, "share")},
        "energy": {"energy_uj": figure("energy_uj", 812.25, "uJ")},
    }[mode]
    energy_uj = 812.25 if mode == "energy" else None
    window = WindowResult("a.bin", 1, 130, 10, 10_400_000, (0.25, 0.75), energy_uj)
    if mode == "accuracy":
        window = replace(window, inferences=1, warmups=0, elapsed_us=None)
    return MlperfResult(
        mode=mode,
        task="kws01",
        system=system,
        target="board",
        machine=system,
        kind="measured",
        figures=figures,
        windows=(window,) * 5,
        quality_met=True,
        obstacles=(),
        provenance=PROVENANCE,
    )


def official(folder: Path, line: str, *, elapsed_us: int = 10_500_000) -> Path:
    """A session as the official runner leaves one."""
    folder.mkdir(parents=True)
    (folder / "log.txt").write_text("Logging initialized.\n")
    (folder / "results.txt").write_text(f"1122.010203 ulp-mlperf: {line}\n")
    one = {
        "file": "a.bin",
        "infer": {"results": [1.0], "iterations": 70, "elapsed_time": elapsed_us},
    }
    (folder / "results.json").write_text(json.dumps([one] * 5))
    return folder


def submit(tmp_path: Path, *more: object) -> Result:
    where = ("--results", tmp_path / "results", "--out", tmp_path / "out", "--json")
    return hil("mlperf", "submission", "--submitter", "someone", *where, *more)


def problems(done: Result) -> list[tuple[str, str, str]]:
    return [
        (one["kind"], one["where"], one["message"]) for one in done.envelope["data"]["problems"]
    ]


def sessions(tmp_path: Path, *, elapsed_us: int = 10_500_000, top1: str = "90.1") -> list[object]:
    performance = official(
        tmp_path / "s1", "Median throughput is      9.681 inf./sec.", elapsed_us=elapsed_us
    )
    accuracy = official(tmp_path / "s2", f"Top 1% = {top1}")
    return [
        *("--system", "desk"),
        *("--session", f"kws/performance={performance}"),
        *("--session", f"kws/accuracy={accuracy}"),
    ]


def test_the_official_runners_sessions_make_a_submission(tmp_path: Path) -> None:
    board = tmp_path / "description.json"
    board.write_text(json.dumps({"Board Name": "NUCLEO"}))
    done = submit(tmp_path, *sessions(tmp_path), "--description", board)
    assert done.code == 0, done
    assert problems(done) == []
    root = tmp_path / "out" / "closed" / "someone"
    assert {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} == {
        "systems/desk.json",
        "code/desk/README.md",
        *(
            f"results/desk/kws/{mode}/{name}"
            for mode in ("performance", "accuracy")
            for name in ("log.txt", "results.txt", "results.json")
        ),
    }
    described = json.loads((root / "systems" / "desk.json").read_text())
    assert (described["Board Name"], described["Status"]) == ("NUCLEO", "Available")
    assert hil("mlperf", "check", tmp_path / "out").code == 0


def test_hils_own_results_are_complete_but_no_submission(tmp_path: Path) -> None:
    for mode in ("performance", "accuracy", "energy"):
        files.write(tmp_path / "results", result(mode))
    done = submit(tmp_path)
    assert done.code == 1
    assert {kind for kind, _, _ in problems(done)} == {"rules"}
    assert {message for _, _, message in problems(done)} == {
        "the log is hil's; the rules ask for the official runner's"
    }
    described = json.loads((tmp_path / "out/closed/someone/systems/desk.json").read_text())
    assert described["SoC Name"] == "STM32L475VG"
    assert described["Processor(s) Frequencies"] == "80 MHz"
    energy = (tmp_path / "out/closed/someone/results/desk/kws/energy/results.txt").read_text()
    assert "Median energy cost is 812.2500 uJ/inf." in energy


def _short(folder: Path) -> None:
    files.write(folder, replace(result("performance"), windows=result("performance").windows[:4]))


def _modelled(folder: Path) -> None:
    files.write(folder, replace(result("performance"), obstacles=(MODELLED,)))


def _worse(folder: Path) -> None:
    files.write(folder, result("accuracy", top1=0.5))


def _extra(folder: Path) -> None:
    (folder / "desk/kws/accuracy/notes.txt").write_text("x")


def _gone(folder: Path) -> None:
    (folder / "desk/kws/accuracy/log.txt").unlink()


def _no_line(folder: Path) -> None:
    (folder / "desk/kws/performance/results.txt").write_text("nothing\n")


@pytest.mark.parametrize(
    ("damage", "kind", "message"),
    [
        (_short, "rules", "4 windows instead of 5"),
        (_modelled, "rules", MODELLED),
        (_worse, "layout", "top1 is 50, the closed division asks for 90"),
        (_extra, "layout", "notes.txt does not belong there"),
        (_gone, "layout", "there is no log.txt"),
        (_no_line, "layout", "no line with the figure of performance"),
    ],
)
def test_what_is_missing_or_against_the_rules_is_named(
    tmp_path: Path, damage: Callable[[Path], None], kind: str, message: str
) -> None:
    for mode in ("performance", "accuracy"):
        files.write(tmp_path / "results", result(mode))
    damage(tmp_path / "results")
    done = submit(tmp_path)
    assert done.code == 1
    assert (kind, message) in {(kind, text) for kind, _, text in problems(done)}


def test_a_runners_window_below_10_s_is_named(tmp_path: Path) -> None:
    done = submit(tmp_path, *sessions(tmp_path, elapsed_us=7_230_409))
    assert done.code == 1
    assert [text for _, _, text in problems(done)] == [
        f"window {number}: 70 inferences in 7.230 s" for number in range(1, 6)
    ]


def test_the_open_division_has_no_target(tmp_path: Path) -> None:
    assert submit(tmp_path, *sessions(tmp_path, top1="12.0"), "--division", "open").code == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--session", "kws/accuracy=."], "needs TASK/MODE=DIR and one --system"),
        (["--system", "x", "--session", "kws/speed=."], "'kws/speed' is not a task and a mode"),
        (["--system", "x", "--session", "kws/accuracy=."], "has no log.txt"),
        (["--system", "nobody"], "there are no results of 'nobody'"),
        (["--submitter", "a b"], "invalid name 'a b'"),
        (["--description", "nothing.json"], "cannot read nothing.json"),
    ],
)
def test_what_cannot_be_submitted_is_refused(
    tmp_path: Path, options: list[str], words: str
) -> None:
    files.write(tmp_path / "results", result("performance"))
    submit(tmp_path, *options).refuses(2, words)


def test_a_folder_without_a_submission_is_refused(tmp_path: Path) -> None:
    hil("mlperf", "check", tmp_path).refuses(2, "has no submission")


def test_the_official_checker_accepts_it(tmp_path: Path) -> None:
    checkout = os.environ.get("HIL_MLPERF_RUNNER", "")
    if not checkout:
        pytest.skip("HIL_MLPERF_RUNNER names no checkout of mlcommons/tiny")
    python = Path(os.environ.get("HIL_MLPERF_PYTHON", sys.executable))
    assert submit(tmp_path, *sessions(tmp_path)).code == 0
    checker = Path(checkout) / "tools" / "submission" / "submission_checker.py"
    done = subprocess.run(
        [python, checker, "--input", tmp_path / "out", "--csv", tmp_path / "summary.csv"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "SUMMARY: submission looks OK" in done.stderr, done
