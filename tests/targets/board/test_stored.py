"""Measured runs in history, comparison, report and gate, and studies' choice of boards."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest
from hil import devices
from hil.bench.pipeline import Request
from hil.errors import UsageError
from hil.evaluation import DataRequest, evaluate
from hil.store import Store
from hil.sweep import load, located, members
from hil.tflite.model import Model

from tests.support.hil import Result, hil
from tests.support.scripted_board import ScriptedBoard
from tests.targets.board.conftest import MODEL, Bench


@pytest.fixture
def measured(bench: Bench) -> Bench:
    """A bench with one measured run."""
    bench.plug()
    assert bench.run("--samples", 1).code == 0
    return bench


def test_history_and_report_show_the_board(measured: Bench, tmp_path: Path) -> None:
    report = tmp_path / "report.html"

    listed = hil("history", "--db", measured.db)
    written = hil("report", "--db", measured.db, "-o", report)

    assert (listed.code, written.code) == (0, 0), written
    assert "board" in listed.stdout
    text = report.read_text()
    assert "desk" in text
    assert "cycle counter of the board at 80 MHz" in text
    assert "measured" in text
    assert "None" not in text


@pytest.mark.parametrize("form", ["json", "csv", "md"])
def test_other_forms_of_the_report(form: str, measured: Bench, tmp_path: Path) -> None:
    path = tmp_path / f"report.{form}"
    result = hil("report", "--db", measured.db, "-o", path)
    assert result.code == 0, result
    assert "measured" in path.read_text()
    assert "None" not in path.read_text()


def test_the_gate_compares_measured_with_measured(measured: Bench) -> None:
    def gate() -> Result:
        return hil("gate", "--db", measured.db, "--baseline", "first", "--max-regression", "2%")

    assert hil("baseline", "set", "first", "--db", measured.db).code == 0
    assert measured.run("--samples", 1).code == 0
    assert gate().code == 0, gate()

    def slower(seen: ScriptedBoard, command: str) -> bytes | None:
        if command != "hil-marks":
            return None
        return seen.right(command).replace(b"-cycles-[", b"-cycles-[9")

    measured.scripted.script = slower
    assert measured.run("--samples", 1).code == 0
    assert gate().code == 1


def test_a_measured_beside_a_modelled_run(measured: Bench) -> None:
    words = ("run", "-p", "stm32l4", "--samples", 1, "--db", measured.db, MODEL)
    assert hil(*words).code == 0

    result = hil("compare", "latest~1", "latest", "--db", measured.db)

    assert result.code == 0, result
    assert "measured" in result.stdout


def study(folder: Path, *keys: str) -> Path:
    path = folder / "study.toml"
    path.write_text("\n".join(["schema = 1", f'models = ["{MODEL}"]', *keys]))
    return path


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        (["boards = ['nobody']"], ["there is no board 'nobody'"]),
        (["boards = ['desk']", "profiles = ['stm32f746']"], ["no profile of the study", "'desk'"]),
        (
            ["boards = ['desk']", "profiles = ['stm32l4', 'stm32f746']"],
            ["no board of the study", "'stm32f746'"],
        ),
        (["boards = ['desk', 'twin']"], ["two boards with the profile 'stm32l4'"]),
        (["boards = ['desk']", "target = 'qemu'"], ["exclude each other"]),
        ([], ["profiles is missing"]),
    ],
)
def test_studies_that_cannot_be(
    keys: list[str], words: list[str], bench: Bench, tmp_path: Path
) -> None:
    bench.add("desk", 'port = "/dev/null"')
    bench.add("twin", 'port = "/dev/null"')
    path = study(tmp_path, *keys)
    hil("sweep", path, "--dry-run", "--db", bench.db, env=bench.env).refuses(2, *words)


def test_a_study_runs_each_profile_of_the_boards_chip(bench: Bench, tmp_path: Path) -> None:
    bench.add("desk", 'port = "/dev/null"')
    path = study(tmp_path, "profiles = ['stm32l4', 'stm32l4@48MHz']")
    words = ("sweep", path, "--dry-run", "--json", "--db", bench.db)

    result = hil(*words, "--board", "desk", env=bench.env)

    labels = [run["label"] for run in result.envelope["data"]["runs"]]
    assert labels == [f"digits_int8/given/aot/{p}/-O3" for p in ("stm32l4", "stm32l4@48MHz")]
    hil(*words, "--board", "desk", "--target", "qemu", env=bench.env).refuses(2, "--target qemu")


def test_a_clusters_worker_offers_the_board_by_name(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("desk", 'port = "/dev/null"')
    monkeypatch.setenv("HIL_BOARDS", bench.env["HIL_BOARDS"])

    (member,) = members(located(load(study(tmp_path, "boards = ['desk']")), None, None, None))

    assert member.needs == {"board:desk": 1.0}


def test_workers_do_not_share_a_board_for_an_evaluation(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.add("desk", 'port = "/dev/null"')
    monkeypatch.setenv("HIL_BOARDS", bench.env["HIL_BOARDS"])
    request = Request(Model.read(MODEL), devices.load("stm32l4"), target="board", machine="desk")
    data = DataRequest(str(MODEL.parent / "digits_samples.npz"))

    def spread(task: object, samples: object) -> NoReturn:
        raise AssertionError("nothing is spread")

    with Store.open(bench.db) as store, pytest.raises(UsageError, match="share the board 'desk'"):
        evaluate(request, data, store, spread=spread)
