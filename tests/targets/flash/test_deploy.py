"""`hil deploy`: onto a virtual board, flashed through a real gdb."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hil import boards
from hil.errors import DeviceFault
from hil.firmware.elf import build_id
from hil.targets.dut.client import DutClient
from hil.targets.dut.serial_port import open_link
from hil.targets.interface import EmulatedBoard

from tests.support.hil import DIGITS, HIL, Result, hil
from tests.support.processes import WAIT_S, Processes, wait_until
from tests.support.stand_ins import HANGS, StandIn
from tests.targets.flash.conftest import PROFILE

MODEL = DIGITS / "digits_int8.tflite"


@pytest.fixture
def desk(board: EmulatedBoard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EmulatedBoard:
    """The virtual board as `desk` of boards.toml."""
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    flasher = boards.FlasherSetup(name="gdb", options={"server": board.server})
    boards.save(
        boards.Board(name="desk", profile=PROFILE, port=board.port, flasher=flasher, virtual=True)
    )
    return board


def deploy(*options: object) -> Result:
    return hil("deploy", "--board", "desk", "--timeout", WAIT_S, *options, MODEL)


def deployed(*options: object) -> dict[str, Any]:
    done = deploy("--json", *options)
    assert done.code == 0, done
    assert (done.envelope["schema"], done.envelope["status"]) == ("hil.deploy/1", "ok")
    return dict(done.envelope["data"])


def talk(desk: EmulatedBoard) -> tuple[DutClient, Any]:
    link = open_link(desk.port)
    client = DutClient(link, timeout_s=WAIT_S)
    client.wait_ready(knock=True)
    return client, link


def test_it_is_flashed_once_and_left_running(desk: EmulatedBoard, tmp_path: Path) -> None:
    first = deployed("--keep", tmp_path / "kept")
    again = deployed()

    assert (first["flashed"], again["flashed"], again["reset"]) == (True, False, False)
    assert first["firmware_build_id"] == build_id(tmp_path / "kept" / "firmware.elf")
    assert first["flash_bytes"] > first["arena_bytes"] > 0
    client, link = talk(desk)
    assert client.info().build == first["firmware_build_id"]
    link.close()


def test_reset_and_force(desk: EmulatedBoard) -> None:
    deployed()
    client, link = talk(desk)
    client.infer()
    assert client.marks()[0] > 0
    link.close()

    assert (kept := deployed("--reset"))["reset"]
    assert not kept["flashed"]
    client, link = talk(desk)
    with pytest.raises(DeviceFault, match="0 cycles for the inference"):  # none since the reset
        client.marks()
    link.close()
    assert deployed("--force")["flashed"]


def test_another_optimization_is_another_firmware(desk: EmulatedBoard) -> None:
    ids = {deployed(*options)["firmware_build_id"] for options in ((), ("--optimize", "-Os"))}
    assert len(ids) == 2
    done = deploy("--optimize", "-Os")
    assert done.code == 0
    assert "digits_int8 runs on desk (stm32l4), engine aot\nnot flashed" in done.stdout


@pytest.fixture
def hanging(
    desk: EmulatedBoard, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> subprocess.Popen[str]:
    """`hil deploy` while its flasher's tool, `stuck-writer`, does not end."""
    StandIn(tmp_path, monkeypatch, "stuck-writer").answers(((), "writing\n", HANGS))
    command = boards.FlasherSetup(name="command", options={"flash": "stuck-writer {elf}"})
    board = boards.load("desk")
    boards.save(board.model_copy(update={"flasher": command}), replace=True)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    started = processes.start(HIL, "deploy", "--board", "desk", MODEL, **pipes)
    processes.wait_for("stuck-writer", "firmware.elf", of=started)
    return started


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_no_tool_outlives_it(
    hanging: subprocess.Popen[str],
    processes: Processes,
    desk: EmulatedBoard,
    number: signal.Signals,
    code: int,
) -> None:
    hanging.send_signal(number)

    _, stderr = hanging.communicate(timeout=WAIT_S)

    assert hanging.returncode == code
    assert ("interrupted" in stderr) == (number is not signal.SIGKILL)
    wait_until(lambda: not processes.living("stuck-writer"))
    gdb = boards.FlasherSetup(name="gdb", options={"server": desk.server})
    board = boards.load("desk")
    boards.save(board.model_copy(update={"flasher": gdb}), replace=True)
    assert deployed()["flashed"]  # neither the lock nor the port is held


def test_what_fails_has_its_exit_code(desk: EmulatedBoard, tmp_path: Path) -> None:
    hil("deploy", MODEL).refuses(2, "no board given")
    hil("deploy", "--board", "desk2", MODEL).refuses(2, "there is no board 'desk2'")
    deploy("--mlperf", "kws01").refuses(2, "does not fit kws01")
    board = boards.load("desk")
    nowhere = boards.FlasherSetup(name="gdb", options={"server": "127.0.0.1:1"})
    boards.save(board.model_copy(update={"flasher": nowhere}), replace=True)
    deploy().refuses(4, "no gdb server answers")
    boards.save(board.model_copy(update={"port": str(tmp_path / "tty")}), replace=True)
    deploy().refuses(4, "tty")
