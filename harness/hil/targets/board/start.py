"""From a serial port to a board that runs the right firmware: knock, flash if needed, compare."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from hil import devices
from hil.boards import Board
from hil.errors import (
    DeviceFault,
    DeviceTimeout,
    LinkError,
    MissingTool,
)
from hil.firmware.elf import build_id
from hil.records import Firmware, Platform
from hil.targets.board.flashing import Flashing, flashing, no_flasher
from hil.targets.board.port import Port
from hil.targets.dut.answers import DutInfo, Restarted
from hil.targets.dut.client import DutClient
from hil.targets.dut.link import Link
from hil.targets.dut.serial_port import GONE_HINT, PortStream, open_port
from hil.targets.interface import Options
from hil.targets.session import symbolizer

_PRESENT_S = 1.0  # for a board that may run the firmware already
_REOPEN_S = 5.0  # for a USB port that disappears while its board is flashed
_REOPEN_POLL_S = 0.05
_SHOWN = 12  # digits of a build id


@dataclass(frozen=True)
class Started:
    """A board that runs the firmware; ``facts`` are for provenance."""

    client: DutClient
    stream: PortStream
    tool: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class _Wanted:
    """What is to run where."""

    board: Board
    port: Port
    firmware: Firmware
    platform: Platform
    options: Options
    build: str

    @property
    def name(self) -> str:
        """What messages call the board."""
        return f"the board '{self.board.name}' ({self.port.url})"


@contextmanager
def start(
    board: Board, port: Port, firmware: Firmware, platform: Platform, options: Options
) -> Iterator[Started]:
    """Open the port, flash the board unless it runs ``firmware``, and check what it runs.

    Raises:
        MissingTool: the port cannot be opened, or a tool or a probe is missing.
        FlashFailed: the flasher's tool reported an error.
        LinkError: the board runs another firmware than was written, or the link broke.
        DeviceFault: its clock is not the profile's, or its cycle counter does not count.
        DeviceTimeout: it does not answer.
    """
    wanted = _Wanted(board, port, firmware, platform, options, build_id(firmware.elf))
    profile = devices.load(board.profile)
    flasher = flashing(board, profile, firmware.elf)
    stream = open_port(port.url, platform.baud or profile.firmware.baud)
    try:
        patience_s = options.timeout_s if flasher is None else _PRESENT_S
        found = _found(wanted, stream, min(patience_s, options.timeout_s))
        flashed = found != wanted.build or options.start == "flash"
        if flashed or options.start == "reset":
            stream.close()
            _write(wanted, flasher, found, flash=flashed)
            stream = _reopened(wanted)
        client = _client(wanted, stream, options.timeout_s)
        info = _greeted(client)
        _check(wanted, info)
        tool = _tool(flasher, flashed=flashed)
        yield Started(client, stream, tool, _facts(wanted, info, flasher, tool, flashed=flashed))
    finally:
        stream.close()


def _found(wanted: _Wanted, stream: PortStream, patience_s: float) -> str | None:
    """The build id of what the board runs; None where it does not answer in hil's language."""
    client = _client(wanted, stream, patience_s)
    try:
        return _greeted(client).build
    except (DeviceFault, DeviceTimeout, LinkError):
        return None


def _greeted(client: DutClient) -> DutInfo:
    """Knock, and ask what runs. A board that was just flashed may start once more in between."""
    for last in (False, True):
        client.wait_ready(knock=True)
        try:
            return client.info()
        except Restarted:
            if last:
                raise
    raise AssertionError("unreachable")


def _client(wanted: _Wanted, stream: PortStream, timeout_s: float) -> DutClient:
    link = Link(stream, name=wanted.name, if_closed=GONE_HINT)
    return DutClient(link, timeout_s=timeout_s, symbolize=symbolizer(wanted.firmware.elf))


def _write(wanted: _Wanted, flasher: Flashing | None, found: str | None, *, flash: bool) -> None:
    """Flash the board, or only reset it."""
    if flasher is None:
        if found == wanted.build:
            raise no_flasher(wanted.board, f"{wanted.name} is to be flashed or reset")
        runs = f"{wanted.name} runs another firmware" if found is not None else ""
        raise no_flasher(wanted.board, runs or f"{wanted.name} does not answer")
    if flash:
        flasher.flash()
    else:
        flasher.reset()


def _reopened(wanted: _Wanted) -> PortStream:
    """Open the port again; a board with USB of its own is away for a moment after a reset."""
    baud = wanted.platform.baud or 0
    until = time.monotonic() + _REOPEN_S
    while True:
        try:
            return open_port(wanted.port.url, baud)
        except MissingTool:
            if time.monotonic() > until:
                raise
            time.sleep(_REOPEN_POLL_S)


def _check(wanted: _Wanted, info: DutInfo) -> None:
    """Compare what answers with what was asked for."""
    if info.build != wanted.build:
        says = info.build[:_SHOWN] or "none"
        raise LinkError(
            f"{wanted.name} answers for another firmware: build {says} of model {info.model}, "
            f"expected build {wanted.build[:_SHOWN]}",
            hint="the flasher reported success: does it write to this board (probe), and does the "
            "board start from its flash (boot pins)?",
        )
    if info.clock_hz != wanted.platform.clock_hz:
        raise _wrong_clock(wanted, info.clock_hz)
    if not info.counter and not wanted.board.virtual:
        raise DeviceFault(
            f"the cycle counter of {wanted.name} does not count",
            hint="the chip has no DWT counter, or a debugger holds it; without it there is no time",
        )


def _wrong_clock(wanted: _Wanted, clock_hz: int) -> DeviceFault:
    right = f"{wanted.platform.clock_hz / 1e6:g} MHz"
    if not clock_hz:  # a port's oscillator that has not settled
        says = f"{wanted.name} does not know its clock, the profile says {right}"
    else:
        says = (
            f"{wanted.name} runs at {clock_hz / 1e6:g} MHz, the profile says {right}: its "
            "firmware fell back to the chip's slow clock"
        )
    return DeviceFault(
        says,
        hint="an oscillator or the PLL did not start: check the board's clock source and its "
        "supply; docs/porting.md has the oscillator of each port",
    )


def _tool(flasher: Flashing | None, *, flashed: bool) -> str:
    """Version line of the flasher's tool, which need not be here where nothing was flashed."""
    if flasher is None:
        return "flashed by hand"
    try:
        return flasher.tool
    except MissingTool:
        if flashed:
            raise
        return f"{flasher.flasher.name}, not used"


def _facts(
    wanted: _Wanted, info: DutInfo, flasher: Flashing | None, tool: str, *, flashed: bool
) -> dict[str, Any]:
    board = wanted.board
    return {
        "board": board.name,
        "board_port": wanted.port.url,
        "board_baud": wanted.platform.baud,
        "board_virtual": board.virtual,
        "board_clock_hz": info.clock_hz,
        "firmware_build_id": info.build,
        "flasher": flasher.flasher.name if flasher is not None else "none",
        "flasher_tool": tool,
        "flashed": flashed,
        **({"board_usb": wanted.port.usb} if wanted.port.usb else {}),
        **({"board_probe": board.flasher.probe} if board.flasher.probe else {}),
    }
