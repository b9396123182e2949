"""What a target is: a place where firmware runs, an emulator, a board or this computer.

A target registers a class under the entry point group ``hil.targets``; everything above asks
:mod:`hil.targets.registry` for it by name and uses these protocols alone. See docs/targets.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, get_args, runtime_checkable

from hil.devices import Flash, Profile
from hil.errors import UsageError
from hil.firmware.program import Program
from hil.records import (
    BlockProfile,
    Finding,
    Firmware,
    MeteredRun,
    Platform,
    Recording,
    RegionTrace,
)
from hil.targets.dut.client import DutClient, MemoryAccess

LoadPath = Literal["auto", "direct", "protocol"]
Start = Literal["as needed", "reset", "flash"]
OutputCall = Callable[[bytes], None]


@dataclass(frozen=True)
class Options:
    """How a firmware is run.

    ``timeout_s`` bounds one answer of the device. ``load`` is how tensors get in and out:
    ``protocol`` through the link, ``direct`` through a debugger, ``auto`` the fastest there is.
    The first ``profile_windows`` inferences carry an execution profile, if the target makes any;
    with ``flash`` its caches are simulated in them and the misses counted. ``wait_s`` is how long
    to wait for a device that somebody else uses (``math.inf``: as long as it takes). With
    ``energy`` the machine's meter records further inferences. ``start`` is for a device that keeps
    its firmware: it is flashed where it does not run this one (``as needed``), reset at least, or
    flashed in any case.
    """

    timeout_s: float = 60.0
    load: LoadPath = "auto"
    profile_windows: int = 0
    flash: Flash | None = None
    wait_s: float = 0.0
    energy: bool = False
    start: Start = "as needed"

    def __post_init__(self) -> None:
        """Raise UsageError for a load path that does not exist."""
        if self.load not in get_args(LoadPath):
            raise UsageError(
                f"unknown load path '{self.load}'", hint=f"one of {', '.join(get_args(LoadPath))}"
            )


class Session(Protocol):
    """One running firmware; leaving the context manager that gave it ends the device.

    ``tool`` is the version line of what runs the firmware, ``command`` its command line (empty
    for a board). ``memory`` reads and writes the device's memory beside the protocol; None where
    tensors go through the link. ``facts`` are what a run's provenance gets beside these.
    """

    client: DutClient
    memory: MemoryAccess | None
    tool: str
    command: tuple[str, ...]

    @property
    def facts(self) -> Mapping[str, Any]:
        """Facts of this session by name; empty where there are none."""

    def profiles(self, n_ops: int) -> Sequence[BlockProfile]:
        """End the device and return the execution profiles, in order; none where none is made.

        Raises:
            LinkError: not as many were recorded as :class:`Options` asked for.
        """

    def kill(self) -> None:
        """End the device at once, from any thread: what waits for it fails."""


@runtime_checkable
class Metered(Protocol):
    """A session whose machine may have an energy meter."""

    def metered(self, cycles: int | None) -> MeteredRun | None:
        """Run inferences while the meter records them; None without a meter.

        ``cycles`` is what an inference takes, None where it is not known. The inferences come on
        top of those whose time counts.

        Raises:
            MeterFailed: the meter stopped or refused.
            DeviceFault, DeviceTimeout, LinkError: see :class:`DutClient`.
        """

    def recorded(self, run: Callable[[], None]) -> Recording | None:
        """Return what the meter records while ``run`` runs; None without a meter. Errors as for
        :meth:`metered`, and what ``run`` raises.
        """


class Target(Protocol):
    """A kind of place where firmware runs.

    ``name`` is what users write and what is stored with a run; ``title`` is for sentences. The
    target with the lowest ``rank`` is the default. ``scarce``: not every machine with hil has one,
    or it runs few firmwares at a time, so that workers of a cluster offer it as a resource.
    """

    name: str
    title: str
    rank: int
    scarce: bool

    def tool(self) -> str:
        """Version line of what runs the firmware.

        Raises:
            MissingTool: it is not on this machine.
        """

    def findings(self) -> Sequence[Finding]:
        """What ``hil doctor`` shows of this target. Does not raise ``HilError``."""

    def platform(self, profile: Profile, machine: str | None = None) -> Platform:
        """Choose where the profile's firmware runs: ``machine``, else the most faithful one.

        Raises:
            UsageError: the machine is unknown or not suitable, or there is none for the profile.
            MissingTool: the target's tool is not on this machine.
        """

    def roomiest(self, platform: Platform) -> Platform:
        """Return the platform of the same core with the most RAM, for firmware that finds out
        how much memory something needs; ``platform`` itself where none has more.
        """

    def open(
        self, firmware: Firmware, platform: Platform, options: Options
    ) -> AbstractContextManager[Session]:
        """Start the firmware and wait until it is ready.

        Raises, when entered and at each use of the session:
            UsageError: the target cannot load as ``options.load`` says.
            MissingTool: the target's tool is not there or does not start.
            DeviceFault, DeviceTimeout, LinkError: see :class:`DutClient`.
            RunFailed: the target ended early; its messages are in the error.
        """


@runtime_checkable
class ProgramRunner(Protocol):
    """A target that also runs any ELF and counts what it executes between two functions."""

    name: str

    def machine_of(self, profile: Profile, program: Program, asked: str | None) -> str:
        """Choose the machine that ``program`` runs on: ``asked``, else the first that fits.

        Raises:
            UsageError: ``asked`` is unknown or does not fit, or none fits.
        """

    def run_region(
        self,
        elf: Path,
        *,
        machine: str,
        begin: str,
        end: str,
        windows: int = 1,
        timeout_s: float = 60.0,
        flash: Flash | None = None,
        on_output: OutputCall | None = None,
    ) -> RegionTrace:
        """Run ``elf`` on ``machine`` until it passed from ``begin`` to ``end`` ``windows`` times.

        ``begin`` and ``end`` are function symbols, or addresses (``0x…``): a window opens when
        control reaches the first instruction of ``begin`` (counted) and closes when it reaches
        the first of ``end`` (not counted). ``timeout_s`` bounds the whole run. With ``flash`` its
        caches are simulated. ``on_output`` gets what the program prints as it comes.

        Raises:
            UsageError: a marker is not a function of the ELF, or the ELF cannot run there.
            MissingTool: the target's tool is not there, does not start, or lacks the machine.
            DeviceTimeout: the windows did not complete in time; the message says where it was.
            DeviceFault: the program crashed the processor.
            RunFailed: the program ended before, or came to ``begin`` again inside a window.
        """


class EmulatedBoard(Protocol):
    """An emulated board that runs: one that is flashed and talked to as a real one is.

    ``port`` is the path of its tty, ``server`` the ``HOST:PORT`` of a gdb server that writes its
    flash; its flash is empty, and it does not run, until that happened. ``tool`` and ``command``
    are those of a :class:`Session`.
    """

    platform: Platform
    port: str
    server: str
    tool: str
    command: tuple[str, ...]

    def wait(self) -> None:
        """Return when the emulator ended by itself in good order (a debugger ended it).

        Raises:
            RunFailed: it ended otherwise; its messages are in the error.
        """


@runtime_checkable
class BoardEmulator(Protocol):
    """A target that also emulates boards: with an empty flash, a tty and a cycle counter."""

    name: str

    def virtual_platform(self, profile: Profile, machine: str | None = None) -> Platform:
        """Choose what a virtual board of the profile is, and what its firmware is built for.

        ``machine`` None is the default one. The platform's clock is the profile's; its cycles are
        counted by the emulator's instructions, so that its ``time`` is ``modelled``.

        Raises:
            UsageError: the machine is unknown, cannot be a board or does not fit, or none does.
            MissingTool: the target's tool is not on this machine.
        """

    def virtual_board(self, platform: Platform) -> AbstractContextManager[EmulatedBoard]:
        """Start a board of a platform of :meth:`virtual_platform`; leaving the context ends it.

        Raises, when entered:
            MissingTool: the target's tool is not there, does not start, or lacks the machine.
            RunFailed: it ended at once; its messages are in the error.
        """
