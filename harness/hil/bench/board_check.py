"""``hil board check``: every link from the entry in ``boards.toml`` to the running firmware.

Each link is tried by itself, so that the first one that is broken is named with what to do about
it; links that need a broken one are skipped. Everything that was opened is closed again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from hil import boards, devices
from hil.bench.pipeline import Request, build_firmware, fitted, prepare
from hil.boards import Board
from hil.devices import Profile
from hil.engines.tflm.one_op import one_op_model
from hil.errors import (
    DeviceFault,
    DeviceTimeout,
    HilError,
    LinkError,
    MeterFailed,
    MissingTool,
)
from hil.firmware.elf import build_id
from hil.records import Firmware, Platform
from hil.targets.board import energy, lock
from hil.targets.board.access import other_users, permission
from hil.targets.board.flashing import Flashing, flashing, no_flasher
from hil.targets.board.port import Port, attached
from hil.targets.dut.answers import DutInfo
from hil.targets.dut.client import DutClient
from hil.targets.dut.link import Link as SerialLink
from hil.targets.dut.serial_port import GONE_HINT, PortStream, open_port
from hil.targets.registry import target
from hil.tflite.model import Model

State = Literal["ok", "failed", "skipped"]
Report = Callable[[str], None]

_REOPEN_S = 5.0  # a board with USB of its own is away for a moment after a reset
_REOPEN_POLL_S = 0.05
_WINDOW_S = 0.1  # long enough for any meter's input


@dataclass(frozen=True)
class Link:
    """One link. ``detail`` is what was found, or the problem; ``hint`` what to do about it."""

    name: str
    state: State
    detail: str
    hint: str = ""


@dataclass(frozen=True)
class Checked:
    """The links in their order, and the error of the first that is broken."""

    links: tuple[Link, ...]
    error: HilError | None


class _Skip(Exception):
    """A link that there is nothing to try of."""


@dataclass
class _Chain:
    report: Report
    links: list[Link] = field(default_factory=list)
    error: HilError | None = None

    def link(self, name: str, attempt: Callable[[], str], *needs: str) -> None:
        """Try a link, unless one that it needs does not work."""
        self.report(name)
        missing = [need for need in needs if not self.works(need)]
        if missing:
            self.links.append(Link(name, "skipped", f"needs: {missing[0]}"))
            return
        try:
            self.links.append(Link(name, "ok", attempt()))
        except _Skip as reason:
            self.links.append(Link(name, "skipped", str(reason)))
        except HilError as error:
            self.links.append(Link(name, "failed", error.message, error.hint))
            self.error = self.error or error

    def works(self, name: str) -> bool:
        """Whether a link was tried and works."""
        return any(link.name == name and link.state == "ok" for link in self.links)


def check(
    name: str,
    *,
    flash: bool = False,
    model: Model | None = None,
    timeout_s: float = 10.0,
    wait_s: float = 0.0,
    report: Report = lambda name: None,
) -> Checked:
    """Try every link of a board.

    Args:
        name: the board's.
        flash: write a firmware: of ``model``, else of a model with one op.
        model: see ``flash``.
        timeout_s: how long one answer of the board may take.
        wait_s: how long to wait for a board in use.
        report: called with the name of each link before it is tried.

    Raises:
        UsageError: there is no board of that name, or boards.toml is invalid.
    """
    board = boards.load(name)
    chain = _Chain(report)
    with ExitStack() as stack:
        _Attempt(board, flash, model or one_op_model(), timeout_s, wait_s, stack).run(chain)
    return Checked(tuple(chain.links), chain.error)


@dataclass
class _Attempt:
    """The attempts, in their order; what one opens or finds, the next ones use."""

    board: Board
    flash: bool
    model: Model
    timeout_s: float
    wait_s: float
    stack: ExitStack
    firmware: Firmware | None = None  # that was written
    profile: Profile = field(init=False)
    platform: Platform = field(init=False)
    port: Port = field(init=False)
    flashing: Flashing | None = field(init=False)
    stream: PortStream = field(init=False)
    client: DutClient = field(init=False)
    info: DutInfo = field(init=False)
    meter: energy.OpenMeter | None = field(init=False)
    cycles: int = field(init=False)

    def run(self, chain: _Chain) -> None:
        """Try all links."""
        link = chain.link
        link("entry", self._entry)
        link("lock", self._lock, "entry")
        link("meter", self._meter, "lock")  # before the port: it may supply the board
        link("port", self._port, "lock")
        link("permission", self._permission, "port")
        link("no other user", self._other_users, "port")
        link("open", self._open, "port")
        link("flasher", self._flasher, "entry")
        link("probe", self._probe, "flasher")
        link("flash", self._flash, "open")
        last = "flash" if self.flash else "open"  # what the firmware needs
        link("answer", self._answer, last)
        link("firmware", self._firmware, "answer")
        link("clock", self._clock, "firmware")
        link("cycle counter", self._counter, "firmware")
        link("memory", self._memory, "firmware")
        link("window pin", self._window_pin, "meter", "cycle counter")

    def _entry(self) -> str:
        self.profile = devices.load(self.board.profile)
        self.platform = target("board").platform(self.profile, self.board.name)
        kind = "virtual board" if self.board.virtual else "board"
        return f"{kind} of {self.profile.name}, {self.platform.baud} baud"

    def _lock(self) -> str:
        what = f"the board '{self.board.name}'"
        self.stack.enter_context(lock.held(what, f"board {self.board.name}", self.wait_s))
        return "held by no other hil"

    def _port(self) -> str:
        self.port = self.stack.enter_context(attached(self.board, self.wait_s))
        if "://" not in self.port.url and not os.path.exists(self.port.url):
            open_port(self.port.url, 0)  # raises, with the ports that there are
        what = f"the port {self.port.url}"
        self.stack.enter_context(lock.held(what, f"port {self.port.identity}", self.wait_s))
        return self.port.url + (f" (USB {self.port.usb})" if self.port.usb else "")

    def _permission(self) -> str:
        self._only_local()
        return permission(self.port.url)

    def _other_users(self) -> str:
        self._only_local()
        if self.board.virtual:
            raise _Skip("the emulator has it open")
        return other_users(self.port.url)

    def _only_local(self) -> None:
        if "://" in self.port.url:
            raise _Skip("a port of another machine")

    def _open(self) -> str:
        self.stream = open_port(self.port.url, self.platform.baud or 0)
        self.stack.callback(lambda: self.stream.close())
        return f"at {self.platform.baud} baud"

    def _flasher(self) -> str:
        self.flashing = flashing(self.board, self.profile, Path())
        if self.flashing is None:
            raise _Skip("flashed by hand: neither the board nor its profile names a flasher")
        return f"{self.flashing.flasher.name}: {self.flashing.tool}"

    def _probe(self) -> str:
        assert self.flashing is not None
        flasher, wanted = self.flashing.flasher, self.board.flasher.probe
        found = flasher.probes()
        if not found:
            raise _Skip(f"{flasher.name} lists no debug probe; flashing shows whether there is one")
        if wanted is not None and wanted not in found:
            raise MissingTool(
                f"the debug probe {wanted} is not attached; attached: {', '.join(found)}",
                hint=f"correct the board's probe: `hil board add {self.board.name} --replace …`",
            )
        if wanted is None and len(found) > 1:
            raise MissingTool(
                f"{len(found)} debug probes are attached, and the board names none",
                hint=f"name the board's with --probe, one of {', '.join(found)}",
            )
        return wanted or found[0]

    def _meter(self) -> str:
        self.meter = self.stack.enter_context(energy.opened(self.board))
        if self.meter is None:
            raise _Skip("the board has none")
        return self.meter.instrument

    def _flash(self) -> str:
        if not self.flash:
            raise _Skip("not asked for: --flash writes a firmware")
        self.firmware = self._built()
        writing = flashing(self.board, self.profile, self.firmware.elf)
        if writing is None:
            raise no_flasher(self.board, "a firmware was to be written")
        self.stream.close()  # some probes share their USB connection with the port
        writing.flash()
        self.stream = self._reopened()
        return f"{writing.flasher.name} wrote and compared {self.firmware.elf.stat().st_size:,} B"

    def _built(self) -> Firmware:
        request = Request(self.model, self.profile, target="board", machine=self.board.name)
        return build_firmware(fitted(prepare(request)))

    def _reopened(self) -> PortStream:
        until = time.monotonic() + _REOPEN_S
        while True:
            try:
                return open_port(self.port.url, self.platform.baud or 0)
            except MissingTool:
                if time.monotonic() > until:
                    raise
                time.sleep(_REOPEN_POLL_S)

    def _answer(self) -> str:
        link = SerialLink(self.stream, name=self.board.name, if_closed=GONE_HINT)
        self.client = DutClient(link, timeout_s=self.timeout_s)
        started = time.monotonic()
        try:
            self.client.wait_ready(knock=True)
        except DeviceTimeout as error:
            if self.flash:
                raise
            raise DeviceTimeout(
                error.message,
                hint="does the board run a firmware of hil's? `hil board check "
                f"{self.board.name} --flash` writes one; else check wiring and baud rate",
            ) from error
        return f"m-ready after {time.monotonic() - started:.2f} s"

    def _firmware(self) -> str:
        self.info = self.client.info()
        if self.firmware is not None and self.info.build != build_id(self.firmware.elf):
            raise LinkError(
                f"the board runs build {self.info.build[:12] or 'none'}, what was written is build "
                f"{build_id(self.firmware.elf)[:12]}",
                hint="does the flasher write to this board (probe), and does the board start from "
                "its flash (boot pins)?",
            )
        build = self.info.build[:12] or "none"
        return (
            f"protocol {self.info.version}, engine {self.info.engine}, port {self.info.port}, "
            f"build {build}"
        )

    def _clock(self) -> str:
        runs, wanted = self.info.clock_hz, self.platform.clock_hz
        if runs != wanted:
            raise DeviceFault(
                f"the firmware runs at {runs / 1e6:g} MHz, the profile says {wanted / 1e6:g} MHz",
                hint="the chip fell back to a slow clock (oscillator, PLL, supply), or it runs the "
                "firmware of another profile: check with --flash",
            )
        return f"{runs / 1e6:g} MHz"

    def _counter(self) -> str:
        if not self.info.counter:
            if self.board.virtual:
                raise _Skip("this firmware of a virtual board has none")
            raise DeviceFault(
                "the cycle counter does not count",
                hint="does a debugger hold the DWT? without it there is no time",
            )
        self.client.infer()
        cycles, _ = self.client.marks()
        if cycles <= 0:
            raise DeviceFault(
                "the cycle counter counted nothing during an inference",
                hint="does a debugger hold the DWT? without it there is no time",
            )
        self.cycles = cycles
        return f"{cycles:,} cycles for one inference"

    def _memory(self) -> str:
        found = self.client.memory()
        if found.stack_bytes is None or found.stack_reserved_bytes is None:
            return "the port has no stack of its own"
        if found.stack_bytes >= found.stack_reserved_bytes:
            raise DeviceFault(
                f"the stack used all of its {found.stack_reserved_bytes:,} B",
                hint="increase firmware.stack_bytes in the profile",
            )
        return f"stack {found.stack_bytes:,} of {found.stack_reserved_bytes:,} B used"

    def _window_pin(self) -> str:
        assert self.meter is not None
        meter = self.meter.meter
        if meter.sign == "none":
            raise _Skip("the meter listens to no pin")
        if self.firmware is None:
            raise _Skip("needs --flash: other firmware may not move the pin")
        latency_us = self.cycles / self.platform.clock_hz * 1e6
        meter.start()
        time.sleep(energy.PAUSE_S)  # for the meter to deliver
        try:
            self.client.infer(energy.inferences_in_window(latency_us, 2 * _WINDOW_S))
            time.sleep(energy.PAUSE_S)
        finally:
            recording = meter.stop()
        if not recording.edges:
            raise MeterFailed(
                "the meter saw no edge of the window pin",
                hint="connect the pin that docs/porting.md names for the board with the meter's "
                "input, and both grounds (docs/energy.md)",
            )
        return f"{len(recording.edges)} edges in {recording.values.size:,} samples"
