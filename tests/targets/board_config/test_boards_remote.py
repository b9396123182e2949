"""Boards behind ``socket://`` and ``rfc2217://``: a virtual board behind real servers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hil import boards
from hil.boards import Board, FlasherSetup
from hil.devices import load
from hil.targets.board.port import attached
from hil.targets.dut.client import DutClient
from hil.targets.dut.serial_port import open_link
from hil.targets.interface import EmulatedBoard
from hil.targets.registry import board_emulator

from tests.support.fake_dut import FakeDut, N, on_pty
from tests.support.hil import DIGITS, hil
from tests.support.processes import Processes
from tests.support.remote_ports import rfc2217_server, ser2net
from tests.support.tiny_engine import tiny_inputs, tiny_outputs
from tests.support.tools import tool

PROFILE = "stm32l4"


@pytest.fixture(autouse=True)
def own_boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))


@pytest.fixture
def virtual() -> Iterator[EmulatedBoard]:
    for name in ("arm-none-eabi-gcc", "cmake", "ninja", "gdb-multiarch"):
        tool(name)
    emulator = board_emulator()
    with emulator.virtual_board(emulator.virtual_platform(load(PROFILE))) as running:
        yield running


def infers(url: str) -> None:
    """Load inputs, infer and read the outputs at a URL."""
    inputs = tiny_inputs(1, N)
    with attached(Board(name="x", profile=PROFILE, port=url)) as port:
        link = open_link(port.url)
        try:
            client = DutClient(link, timeout_s=60)
            client.wait_ready(knock=True)
            client.load(inputs)
            client.infer()
            outputs = client.outputs()
        finally:
            link.close()
    assert outputs == tuple(array.tobytes() for array in tiny_outputs(inputs, 1))


@pytest.mark.parametrize("rfc2217", [False, True], ids=["socket", "rfc2217"])
def test_a_port_that_ser2net_serves(processes: Processes, rfc2217: bool) -> None:
    with on_pty(FakeDut()) as tty:
        infers(ser2net(processes, tty, rfc2217=rfc2217))


def test_settings_are_negotiated_once() -> None:
    """pyserial negotiates again whenever a time-out changes: a load took half a minute so."""
    with on_pty(FakeDut()) as tty, rfc2217_server(tty) as server:
        link = open_link(server.url)
        try:
            client = DutClient(link, timeout_s=60)
            client.wait_ready(knock=True)
            before = server.settings
            assert before > 0
            client.load(tiny_inputs(1, N))
            client.infer()
            client.outputs()
            assert server.settings == before
        finally:
            link.close()


@pytest.mark.parametrize("rfc2217", [False, True], ids=["socket", "rfc2217"])
def test_a_run_on_a_remote_board(
    virtual: EmulatedBoard, processes: Processes, tmp_path: Path, rfc2217: bool
) -> None:
    url = ser2net(processes, virtual.port, rfc2217=rfc2217)
    flasher = FlasherSetup(name="gdb", options={"server": virtual.server})
    boards.save(Board(name="far", profile=PROFILE, port=url, flasher=flasher, virtual=True))
    checked = hil("board", "check", "far", "--flash")
    assert checked.code == 0, checked
    options = ("--samples", 1, "--db", tmp_path / "runs.db", "--json")
    ran = hil("run", "--board", "far", *options, DIGITS / "digits_int8.tflite")
    assert ran.code == 0, ran
    run = ran.envelope["data"]
    assert (run["target"], run["machine"]["name"]) == ("board", "far")
    assert run["provenance"]["board_port"] == url
