"""`hil calibrate --board` as users call it: with stored runs, and with a virtual board in QEMU."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil import boards
from hil.boards import Board, FlasherSetup
from hil.devices import load, overlays
from hil.store import Store
from hil.targets.interface import EmulatedBoard
from hil.targets.qemu.emulator import QEMU
from hil.targets.registry import board_emulator

from tests.support.hil import DIGITS, hil
from tests.support.small_models import dense
from tests.support.tools import tool

from .boards import PROGRAMS, run
from .test_steps import HIDDEN, board_run, metered

Env = dict[str, str]


@pytest.fixture
def env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Env:
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    return {
        "HIL_DB": str(tmp_path / "runs.db"),
        "HIL_OVERLAY_DIR": str(tmp_path / "overlays"),
        "HIL_BOARDS": str(tmp_path / "boards.toml"),
    }


def stored(env: Env, *, virtual: bool = False, programs: int = 5) -> None:
    """Runs of the board 'desk' and emulated ones of the same firmware."""
    boards.save(Board(name="desk", profile="stm32l4", port="/dev/no-such-tty", virtual=virtual))
    with Store.open(env["HIL_DB"]) as store:
        for at, program in enumerate(PROGRAMS[:programs]):
            store.finish(run(program, at))
            record = board_run(program, 50 + at, kind="modelled" if virtual else "measured")
            store.finish(record if virtual else metered(record, 38.5 + at / 10))


def test_stored_runs_are_fitted_without_the_board(env: Env, tmp_path: Path) -> None:
    stored(env)
    done = hil("calibrate", "--board", "desk", "--json", env=env)
    assert done.code == 0, done
    data = done.envelope["data"]
    assert data["runs"] == []
    found = data["calibration"]
    assert found["flash"]["prefetch_hidden"] == pytest.approx(HIDDEN, abs=0.001)
    assert (found["cycles"]["n"], found["power"]["active_mw"]) == (5, 38.7)
    assert found["virtual"] is False
    assert all("cycle counter of the board" in row["instrument"] for row in found["rows"])
    assert data["path"] == str(tmp_path / "overlays" / "stm32l4.toml")
    assert load("stm32l4", overlays=False).calibration is None
    kept = overlays.read(Path(data["path"]))
    assert kept.cycles is not None
    assert "virtual" not in Path(data["path"]).read_text()
    again = hil("calibrate", "--board", "desk", env=env)
    for words in ("prefetch hides 70.0 %", "was ±9 %", "38.7 mW", "written: "):
        assert words in again.stdout


def test_an_export_calibrates_in_the_same_way(env: Env, tmp_path: Path) -> None:
    stored(env)
    rows, here, there = (tmp_path / name for name in ("rows.toml", "here.toml", "there.toml"))
    done = hil("calibrate", "--board", "desk", "--export", rows, "-o", here, env=env)
    assert done.code == 0, done
    assert f"measurements: {rows}" in done.stdout
    done = hil("calibrate", "-p", "stm32l4", "--measurements", rows, "-o", there, env=env)
    assert done.code == 0, done
    assert here.read_text() == there.read_text()
    copied = tmp_path / "copied.toml"
    options = ("--measurements", rows, "-o", there, "--export", copied)
    assert hil("calibrate", "-p", "stm32l4", *options, env=env).code == 0
    assert copied.read_text().count("[[measurement]]") == rows.read_text().count("[[measurement]]")


def test_a_dry_run_writes_and_runs_nothing(env: Env, tmp_path: Path) -> None:
    stored(env)
    rows = tmp_path / "rows.toml"
    done = hil("calibrate", "--board", "desk", "--dry-run", "--export", rows, env=env)
    assert done.code == 0, done
    assert "to run: 0 on the board, 0 in emulation; nothing was run or written" in done.stdout
    model = DIGITS / "digits_int8.tflite"
    done = hil("calibrate", model, "--board", "desk", "--dry-run", "--json", env=env)
    (step,) = done.envelope["data"]["steps"]
    assert (step["model"], step["board_run"], step["emulated_run"]) == ("digits_int8", None, None)
    assert not rows.exists()
    assert not Path(env["HIL_OVERLAY_DIR"]).exists()


def test_without_runs_and_models_the_examples_are_planned(env: Env) -> None:
    """Stored runs of too few firmwares do not calibrate; those of an example would be used."""
    pytest.importorskip("ai_edge_quantizer")
    stored(env, programs=2)
    done = hil("calibrate", "--board", "desk", "--dry-run", "--json", env=env)
    assert done.code == 0, done
    steps = done.envelope["data"]["steps"]
    assert [step["model"] for step in steps] == [
        "digits_int8",
        *(f"resnetv1-6_f{filters}-int8" for filters in (16, 32, 48)),
    ]
    assert {step["board_run"] for step in steps} == {None}


def test_refusals(env: Env, tmp_path: Path) -> None:
    stored(env, programs=2)
    hil("calibrate", env=env).refuses(2, "give either --board or --measurements")
    both = ("--board", "desk", "--measurements", tmp_path / "x.toml")
    hil("calibrate", *both, env=env).refuses(2, "give either --board or --measurements")
    hil("calibrate", "--board", "none", env=env).refuses(2, "there is no board 'none'")
    hil("calibrate", "--board", "desk", "--virtual", env=env).refuses(2, "'desk' is not virtual")
    file = ("--measurements", tmp_path / "x.toml")
    hil("calibrate", *file, env=env).refuses(2, "no profile given")
    hil("calibrate", "x.tflite", "-p", "stm32l4", *file, env=env).refuses(2, "MODEL is for --board")
    model = DIGITS / "digits_int8.tflite"
    gone = hil("calibrate", model, "--board", "desk", env=env)
    gone.refuses(4, "digits_int8 (aot, -O3)", "/dev/no-such-tty")
    assert not Path(env["HIL_OVERLAY_DIR"]).exists()


def test_a_virtual_board_does_not_calibrate_a_profile(env: Env, tmp_path: Path) -> None:
    stored(env, virtual=True)
    hil("calibrate", "--board", "desk", env=env).refuses(
        2, "the board 'desk' is virtual: it measures nothing", "-o FILE", "--virtual"
    )
    assert not Path(env["HIL_OVERLAY_DIR"]).exists()
    rows, out = tmp_path / "rows.toml", tmp_path / "try.toml"
    done = hil("calibrate", "--board", "desk", "-o", out, "--export", rows, env=env)
    assert done.code == 0, done
    assert "note: made with a virtual board: not a measurement" in done.stdout
    assert "measured" not in done.stdout.split("note:")[0]
    assert overlays.read(out).virtual
    assert "# Made with a virtual board" in out.read_text()
    hil("calibrate", "-p", "stm32l4", "--measurements", rows, env=env).refuses(2, "is virtual")
    assert not Path(env["HIL_OVERLAY_DIR"]).exists()
    assert hil("calibrate", "--board", "desk", "--virtual", env=env).code == 0
    shown = hil("profile", "show", "stm32l4", env=env)
    assert re.search(r"calibrated .*, with a virtual board: not a measurement", shown.stdout)
    model = DIGITS / "digits_int8.tflite"
    data = hil("run", "-p", "stm32l4", model, "--json", env=env).envelope["data"]
    assert data["provenance"]["calibration"].endswith(", virtual board")
    assert data["measurements"]["cycles"]["source"].endswith(
        "5 firmwares, with a virtual board, not a measurement"
    )
    assert any("with a virtual board, not a measurement" in note for note in data["notes"])


@pytest.fixture
def virtual_board(env: Env) -> Iterator[EmulatedBoard]:
    """A virtual STM32L4 that is the board 'desk'."""
    for name in ("gdb-multiarch", "arm-none-eabi-gcc", os.environ.get("HIL_EMULATOR") or QEMU):
        tool(name)
    emulator = board_emulator()
    with emulator.virtual_board(emulator.virtual_platform(load("stm32l4"))) as running:
        flasher = FlasherSetup(name="gdb", options={"server": running.server})
        boards.save(
            Board(name="desk", profile="stm32l4", port=running.port, flasher=flasher, virtual=True)
        )
        yield running


def test_a_virtual_board_end_to_end(env: Env, virtual_board: EmulatedBoard, tmp_path: Path) -> None:
    """Measure, emulate, fit; go on where it was interrupted; compare."""
    models = [DIGITS / "digits_int8.tflite"]
    for seed, size in enumerate((96, 160)):
        models.append(tmp_path / f"dense{size}_int8.tflite")
        models[-1].write_bytes(dense((1, size), 32, seed=seed))
    first = hil("run", "--board", "desk", models[0], "--json", env=env)
    assert first.code == 0, first
    out = tmp_path / "try.toml"
    done = hil("calibrate", *models, "--board", "desk", "-o", out, "--json", env=env)
    assert done.code == 0, done
    data = done.envelope["data"]
    assert len(data["runs"]) == 2 + 3  # the first board's run is used again
    found = data["calibration"]
    assert (found["virtual"], found["cycles"]["n"]) == (True, 3)
    assert {row["model"] for row in found["rows"]} == {model.stem for model in models}
    assert all("not a measurement" in row["instrument"] for row in found["rows"])
    again = hil("calibrate", "--board", "desk", "-o", out, "--json", env=env)
    assert again.code == 0, again
    assert again.envelope["data"]["runs"] == []
    assert again.envelope["data"]["calibration"]["rows"] == sorted(
        found["rows"], key=lambda row: str(row["model"])
    )
    by_model = {row["model"]: row["run_id"] for row in found["rows"]}
    board_id = first.envelope["data"]["run_id"]
    compared = hil("compare", by_model["digits_int8"], board_id, "--json", env=env)
    (error,) = compared.envelope["data"]["model_errors"]
    assert (error["virtual"], error["board_name"]) == (True, "desk")
    ours = error["figures"]["cycles"]
    residual = next(row for row in found["rows"] if row["model"] == "digits_int8")["residual_pct"]
    assert ours["error_pct"] == pytest.approx(residual, abs=1.0)
    assert len(error["ops"]) == 8
    shares = [abs(op["share_pct"]) for op in error["ops"]]
    assert shares == sorted(shares, reverse=True)
    assert error["figures"]["ram_bytes"]["inside"] is True
