"""The target for boards: real hardware on a serial port, described in ``boards.toml``.

A virtual board (an emulator at a serial port) takes the same way, but nothing of it is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from hil import boards, devices
from hil.boards import Board
from hil.devices import Profile
from hil.errors import HilError, UsageError
from hil.records import (
    BlockProfile,
    Finding,
    Firmware,
    MemoryRegion,
    MeteredRun,
    Platform,
    Recording,
)
from hil.targets.board import energy, lock
from hil.targets.board.port import attached
from hil.targets.board.start import Started, start
from hil.targets.dut.client import DutClient, MemoryAccess
from hil.targets.interface import Options
from hil.targets.registry import board_emulator


@dataclass(eq=False)
class BoardSession:
    """See :class:`hil.targets.interface.Session`. Tensors go through the serial port."""

    client: DutClient
    tool: str
    facts: Mapping[str, Any]
    started: Started = field(repr=False)
    meter: energy.OpenMeter | None = field(repr=False)
    timeout_s: float
    memory: MemoryAccess | None = None
    command: tuple[str, ...] = ()

    def profiles(self, n_ops: int) -> Sequence[BlockProfile]:
        """No profile is recorded: a board counts its cycles itself."""
        return ()

    def metered(self, cycles: int | None) -> MeteredRun | None:
        """See :class:`hil.targets.interface.Metered`."""
        if self.meter is None:
            return None
        clock_hz = self.client.info().clock_hz
        cycles_us = None if cycles is None else cycles / clock_hz * 1e6
        return self.meter.record(self.client, cycles_us, self.timeout_s)

    def recorded(self, run: Callable[[], None]) -> Recording | None:
        """See :class:`hil.targets.interface.Metered`."""
        return None if self.meter is None else self.meter.around(run)

    def kill(self) -> None:
        """See :class:`hil.targets.interface.Session`; the board itself goes on running."""
        self.started.stream.interrupt()


class BoardTarget:
    """Boards attached to this computer, or to one that passes their serial port on."""

    name = "board"
    title = "a board"
    rank = 30
    scarce = True

    def tool(self) -> str:
        """See :class:`hil.targets.interface.Target`; each board's flasher is in its session."""
        import serial

        return f"pyserial {serial.__version__}"

    def findings(self) -> Sequence[Finding]:
        """See :class:`hil.targets.interface.Target`."""
        try:
            found = boards.load_all()
        except HilError as error:
            return [Finding("boards", "warn", detail=error.message)]
        names = ", ".join(f"{board.name} ({board.profile})" for board in found.values())
        return [Finding("boards", "ok", detail=names or "none configured (`hil board add`)")]

    def platform(self, profile: Profile, machine: str | None = None) -> Platform:
        """See :class:`hil.targets.interface.Target`; ``machine`` is the board's name."""
        board = boards.load(machine) if machine is not None else _only_board(profile)
        own = devices.load(board.profile)
        if own.chip != profile.chip:
            raise UsageError(
                f"the board '{board.name}' is a {own.chip.part} (profile {own.name}), the profile "
                f"'{profile.name}' a {profile.chip.part}",
                hint="leave --profile out to use the board's, or choose one of its chip, such as "
                f"{own.name}@16MHz",
            )
        found = _emulated(board, profile) if board.virtual else _of_chip(profile, own)
        return replace(
            found,
            target=self.name,
            machine=board.name,
            attached=True,
            baud=board.baud or profile.firmware.baud,
            defines={**found.defines, **energy.window_defines(board)},
            meter=None if board.meter is None else board.meter.name,
        )

    def roomiest(self, platform: Platform) -> Platform:
        """See :class:`hil.targets.interface.Target`."""
        return platform

    @contextmanager
    def open(
        self, firmware: Firmware, platform: Platform, options: Options
    ) -> Iterator[BoardSession]:
        """See :class:`hil.targets.interface.Target`.

        The board is locked, switched on where its meter supplies it, flashed unless it runs this
        firmware already, and asked what it runs.

        Raises further:
            MissingTool: the board is in use, not attached, or its port or probe cannot be used.
            FlashFailed: the flasher's tool reported an error.
        """
        if options.load == "direct":
            raise UsageError(
                "a board's memory cannot be written directly",
                hint="leave --load out: inputs go through the serial port",
            )
        board = boards.load(platform.machine)
        with ExitStack() as stack:
            name = f"the board '{board.name}'"
            stack.enter_context(lock.held(name, f"board {board.name}", options.wait_s))
            port = stack.enter_context(attached(board, options.wait_s))
            name = f"the port {port.url} of the board '{board.name}'"
            stack.enter_context(lock.held(name, f"port {port.identity}", options.wait_s))
            meter = stack.enter_context(energy.opened(board))
            started = stack.enter_context(start(board, port, firmware, platform, options))
            facts = {**started.facts, **({} if meter is None else meter.facts)}
            yield BoardSession(
                started.client, started.tool, facts, started, meter, options.timeout_s
            )


def _of_chip(profile: Profile, own: Profile) -> Platform:
    """What a board with the profile's chip is; ``own`` is the profile that the board has."""
    config, ram = profile.firmware, profile.main_ram
    if config.port is None:
        raise UsageError(
            f"there is no port of the firmware for the profile '{profile.name}'",
            hint="docs/porting.md describes how to write one, and firmware.port names it",
        )
    return Platform(
        target="",
        machine="",
        port=config.port,
        core=profile.chip.core,
        flash=MemoryRegion(profile.flash.origin, profile.flash.size_bytes),
        ram=MemoryRegion(ram.origin, ram.size_bytes),
        clock_hz=profile.clock.hz,
        exact=True,
        defines={**config.defines, **_clock_defines(profile, own)},
        time="measured",
    )


def _emulated(board: Board, profile: Profile) -> Platform:
    """What a virtual board is; nothing of it is measured."""
    found = board_emulator().virtual_platform(profile, board.machine)
    note = (
        f"'{board.name}' is a virtual board, {found.machine} of an emulator on a serial port: "
        "nothing was measured, and its cycles are not a chip's"
    )
    return replace(found, exact=False, note=note, time="modelled")


def _only_board(profile: Profile) -> Board:
    """The only configured board of a profile."""
    every = boards.load_all()
    kind = profile.name.partition("@")[0]
    found = [b for b in every.values() if b.profile.partition("@")[0] == kind]
    if len(found) == 1:
        return found[0]
    known = ", ".join(f"{board.name} ({board.profile})" for board in every.values()) or "none"
    count = f"{len(found)} boards have" if found else "no board has"
    raise UsageError(
        f"{count} the profile '{kind}'", hint=f"choose one with --board NAME; boards: {known}"
    )


def _clock_defines(profile: Profile, own: Profile) -> Mapping[str, str]:
    """Another clock than the board's usual one is set by the firmware's port."""
    if profile.clock.hz == own.clock.hz and "@" not in own.name:
        return {}
    return {
        "HIL_CLOCK_HZ": str(profile.clock.hz),
        "HIL_FLASH_WAIT_STATES": str(profile.flash.wait_states),
    }
