"""Places of a labgrid farm: its real coordinator, exporter and client, and ser2net on a pty."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil.boards import Board, FlasherSetup, save
from hil.devices import load
from hil.errors import MissingTool, UsageError
from hil.targets import labgrid
from hil.targets.board.port import attached
from hil.targets.dut.client import DutClient
from hil.targets.dut.serial_port import open_link
from hil.targets.registry import board_emulator

from tests.support.fake_dut import FakeDut, on_pty
from tests.support.hil import DIGITS, hil
from tests.support.processes import Processes, wait_until
from tests.support.remote_ports import LABGRID, Farm, farm
from tests.support.tools import tool


@pytest.fixture(scope="module")
def shared(
    _session_mark: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Farm, Path]]:
    """A farm with the board ``desk``, and a folder that has its client alone."""
    folder = tmp_path_factory.mktemp("labgrid")
    own = Processes(f"{_session_mark}-{uuid.uuid4().hex}")
    programs = folder / "programs"
    programs.mkdir()
    try:
        running = farm(own, folder / "farm")
        (programs / labgrid.CLIENT).symlink_to(LABGRID / labgrid.CLIENT)
        with on_pty(FakeDut()) as tty:
            running.export(desk=tty)
            yield running, programs
    finally:
        own.end()


@pytest.fixture
def boards(shared: tuple[Farm, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Farm]:
    """The farm, with its client on the PATH; the place is free again afterwards."""
    running, programs = shared
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("LG_COORDINATOR", running.coordinator)
    yield running
    running.ask("-p", "desk", "release", "--kick")


def test_a_place_is_used_and_released(boards: Farm) -> None:
    with labgrid.acquired("desk") as url:
        assert url.startswith("rfc2217://127.0.0.1:")
        assert boards.holder("desk") != "None"
    assert boards.holder("desk") == "None"


def test_a_board_in_a_place_answers(boards: Farm) -> None:
    with attached(Board(name="x", profile="stm32l4", place="desk")) as port:
        link = open_link(port.url)
        try:
            client = DutClient(link, timeout_s=30)
            client.wait_ready(knock=True)
            assert client.info().engine == "tiny"
        finally:
            link.close()
    assert boards.holder("desk") == "None"


def test_a_board_in_a_place_is_checked(
    boards: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    flasher = FlasherSetup(name="none")
    save(Board(name="x", profile="stm32l4", place="desk", flasher=flasher))
    checked = hil("board", "check", "x")
    assert checked.code == 0, checked
    assert "rfc2217://127.0.0.1:" in checked.stdout
    assert boards.holder("desk") == "None"
    boards.client("-p", "desk", "acquire", user="alice")
    hil("board", "check", "x").refuses(4, "is acquired by ", "/alice")


def test_a_run_on_a_virtual_board_in_a_place(
    boards: Farm, processes: Processes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("arm-none-eabi-gcc", "cmake", "ninja", "gdb-multiarch"):
        tool(name)
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    emulator = board_emulator()
    folder = tmp_path / "exporter"
    folder.mkdir()
    with emulator.virtual_board(emulator.virtual_platform(load("stm32l4"))) as running:
        Farm(processes, folder, boards.coordinator, "lab").export(rack=running.port)
        flasher = FlasherSetup(name="gdb", options={"server": running.server})
        save(Board(name="x", profile="stm32l4", place="rack", flasher=flasher, virtual=True))
        options = ("--samples", 1, "--db", tmp_path / "runs.db", "--json")
        ran = hil("run", "--board", "x", *options, DIGITS / "digits_int8.tflite")
    assert ran.code == 0, ran
    assert ran.envelope["data"]["provenance"]["board_port"].startswith("rfc2217://127.0.0.1:")
    assert boards.holder("rack") == "None"


def test_two_boards_in_one_place_wait_for_each_other(boards: Farm) -> None:
    with attached(Board(name="x", profile="stm32l4", place="desk")):
        with pytest.raises(MissingTool, match="in use"):
            attached(Board(name="y", profile="stm32l4", place="desk")).__enter__()
        assert boards.holder("desk") != "None"


def test_a_place_is_released_after_an_error(boards: Farm) -> None:
    with pytest.raises(ZeroDivisionError), labgrid.acquired("desk"):
        1 / 0  # noqa: B018
    assert boards.holder("desk") == "None"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_place_is_released_when_the_process_is_ended(
    boards: Farm, processes: Processes, number: signal.Signals
) -> None:
    code = (
        "import signal, sys\n"
        "from hil.targets import labgrid\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "with labgrid.acquired('desk'):\n"
        "    print('have it', flush=True)\n"
        "    signal.pause()\n"
    )
    user = processes.start(sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=-3)
    assert user.stdout is not None
    assert user.stdout.readline() == "have it\n"
    user.send_signal(number)
    user.wait()
    assert boards.holder("desk") == "None"


def test_the_place_of_another_user(boards: Farm, processes: Processes) -> None:
    boards.client("-p", "desk", "acquire", user="alice")
    with pytest.raises(labgrid.PlaceTaken, match=r"acquired by \S+/alice$") as caught:
        labgrid.acquired("desk").__enter__()
    assert "--wait" in caught.value.hint
    assert boards.holder("desk").endswith("/alice")
    code = "from hil.targets import labgrid\nwith labgrid.acquired('desk', wait_s=600): pass\n"
    waiting = processes.start(sys.executable, "-c", code)
    wait_until(lambda: processes.living("labgrid-client", "acquire"))
    assert waiting.poll() is None
    boards.client("-p", "desk", "release", user="alice")
    assert waiting.wait() == 0
    assert boards.holder("desk") == "None"


def test_a_place_that_the_user_had_is_kept(boards: Farm) -> None:
    boards.client("-p", "desk", "acquire")
    with labgrid.acquired("desk") as url:
        assert url.startswith("rfc2217://")
    assert boards.holder("desk") != "None"


def test_a_place_on_another_machine_of_the_user(
    boards: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    boards.client("-p", "desk", "acquire")
    monkeypatch.setenv("LG_HOSTNAME", "elsewhere")
    with pytest.raises(labgrid.PlaceTaken, match="acquired by"):
        labgrid.acquired("desk").__enter__()


def test_places_without_what_is_needed(boards: Farm) -> None:
    with pytest.raises(UsageError, match="there is no labgrid place 'dusk'"):
        labgrid.acquired("dusk").__enter__()
    boards.client("-p", "bare", "create")
    boards.client("-p", "bare", "set-comment", "no board: yet")
    boards.client("-p", "bare", "set-tags", "profile=nrf52840", "rack=2")
    with pytest.raises(UsageError, match="'bare' has no serial port"):
        labgrid.acquired("bare").__enter__()
    assert boards.holder("bare") == "None"
    bare, desk = (place for place in labgrid.places() if place.name in ("bare", "desk"))
    assert (bare.name, bare.comment, bare.acquired) == ("bare", "no board: yet", "")
    assert bare.tags == {"profile": "nrf52840", "rack": "2"}
    assert desk.name == "desk"


def test_a_port_that_the_exporter_no_longer_has(boards: Farm, processes: Processes) -> None:
    folder = boards.folder / "second"
    folder.mkdir()
    second = Farm(processes, folder, boards.coordinator, "there")
    with on_pty(FakeDut()) as tty:
        second.export(bench=tty)
        (exporter,) = processes.living("labgrid-exporter")
        os.kill(exporter, signal.SIGTERM)
        wait_until(lambda: "there/bench" not in boards.client("resources"))
        with pytest.raises(MissingTool, match="bench"):
            labgrid.acquired("bench").__enter__()
    assert boards.holder("bench") == "None"


def test_the_scan_lists_places(
    boards: Farm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    places = hil("board", "scan", "--json").envelope["data"]["places"]
    (desk,) = (place for place in places if place["where"] == "desk")
    assert desk["board"]["place"] == "desk"
    boards.client("-p", "desk", "set-tags", "profile=nrf52840")
    command = next(one for one in hil("board", "scan").stdout.splitlines() if "--place desk" in one)
    assert command == "# hil board add desk --profile nrf52840 --place desk"
    assert hil(*command.split()[2:]).code == 0
    places = hil("board", "scan", "--json").envelope["data"]["places"]
    assert [p["configured"] for p in places if p["where"] == "desk"] == ["desk"]
    monkeypatch.setenv("LG_COORDINATOR", "127.0.0.1:9")
    unreachable = hil("board", "scan", "--json").envelope["data"]
    assert unreachable["places"] == []
    assert "coordinator" in unreachable["labgrid"]


def test_no_coordinator(boards: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LG_COORDINATOR", "127.0.0.1:9")
    with pytest.raises(MissingTool, match="Could not connect to coordinator") as caught:
        labgrid.acquired("desk").__enter__()
    assert "LG_COORDINATOR" in caught.value.hint


def test_no_client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which(labgrid.CLIENT) is None
    assert not labgrid.installed()
    with pytest.raises(MissingTool, match="not on the PATH") as caught:
        labgrid.places()
    assert "pipx install labgrid" in caught.value.hint
