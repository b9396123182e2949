"""Runs any Cortex-M ELF in QEMU and returns how often each block ran between two functions.

The program prints and ends through semihosting; what it sends to its first UART counts as printed
too. It runs in a folder of its own, but semihosting lets it open the host's files and run
commands: programs that one does not trust do not belong here.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from hil import files
from hil.devices import Flash
from hil.errors import DeviceFault, DeviceTimeout, LinkError, MissingTool, RunFailed
from hil.firmware.program import Program, open_program
from hil.records import BlockProfile, MemoryRegion, RegionTrace
from hil.targets import execution_record
from hil.targets.dut.link import LinkClosed
from hil.targets.interface import OutputCall
from hil.targets.profiling import cache_settings
from hil.targets.qemu import profiler
from hil.targets.qemu.emulator import find_qemu, probe
from hil.targets.qemu.machines import MACHINES
from hil.targets.qemu.process import QemuProcess, machine_arguments

_POLL_S = 0.005
_READ_BYTES = 1 << 15
_PIPE_BYTES = 1 << 16
_KEPT_OUTPUT_BYTES = 1 << 20
_DYING_S = 2.0
_EXCEPTIONS = {2: "NMI", 3: "HardFault", 4: "MemManage", 5: "BusFault", 6: "UsageFault"}


def run_region(
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
    """See :class:`hil.targets.interface.ProgramRunner`.

    QEMU is stopped once all windows are recorded. A machine that is not in ``MACHINES`` has its
    flash, for the simulated caches, where the ELF was linked to.
    """
    started = time.monotonic()
    program = open_program(elf)
    marks = (program.address(begin), program.address(end))
    binary = find_qemu()
    emulator = probe(binary)
    if machine not in emulator.machines:
        raise MissingTool(
            f"{binary} has no machine '{machine}'",
            hint=f"`{binary} -M help` lists its machines; a newer QEMU may have more",
        )
    with files.temporary_folder("region") as folder:
        record = folder / "profile.bin"
        seen = folder / "seen"
        caches = _caches(flash, program, machine) if flash is not None else None
        plugin = profiler.region_argument(
            profiler.ensure_plugin(binary), record, *marks, windows, caches, seen
        )
        arguments = [*machine_arguments(elf, machine), "-plugin", plugin]
        process = QemuProcess(binary, arguments, folder=folder, debug=False, semihosting=True)
        watch = _Watch(program, (begin, end), marks, record, seen, windows, timeout_s, on_output)
        with process, _Listener(process, watch.keep):
            exit_code = _until_recorded(process, watch)
        profiles = watch.profiles()
        if len(profiles) < windows:
            raise _incomplete(watch, exit_code)
    _refuse_recursion(watch, profiles)
    return RegionTrace(
        windows=tuple(profiles),
        tool=emulator.version,
        command=process.command,
        output=bytes(watch.output),
        exit_code=exit_code,
        wall_s=time.monotonic() - started,
    )


def _caches(flash: Flash, program: Program, machine: str) -> dict[str, int]:
    """What the profiler is to simulate, with the flash where the machine or the ELF has it."""
    known = MACHINES.get(machine)
    if known is not None:
        return cache_settings(flash, known.flash)
    first = program.origin
    last = max(address + size for address, size in program.loads)
    return cache_settings(flash, MemoryRegion(first, last - first))


@dataclass
class _Watch:
    """What is waited for, and what came so far."""

    program: Program
    names: tuple[str, str]
    marks: tuple[int, int]
    record: Path
    seen: Path
    windows: int
    timeout_s: float
    on_output: OutputCall | None
    output: bytearray = field(default_factory=bytearray)
    _size: int = -1
    _profiles: list[BlockProfile] = field(default_factory=list)

    def profiles(self) -> list[BlockProfile]:
        """The windows recorded so far; the file is read again only when it grew."""
        with contextlib.suppress(OSError):
            size = self.record.stat().st_size
            if size > self._size:
                self._profiles = execution_record.read(self.record, n_ops=1)
                self._size = size
        return self._profiles

    def what_happened(self) -> str:
        """Say which markers were reached, for a program that passed the region too seldom."""
        begin, end = (f"'{name}'" for name in self.names)
        try:
            letters = self.seen.read_text(encoding="ascii")
        except OSError:
            letters = ""
        if letters.startswith("E") and "B" in letters and not self.profiles():
            return f"it came to {end} only before {begin}: the markers are in the wrong order"
        if "R" in letters:
            return f"it came to {begin} again before it came to {end}"
        if "B" not in letters:
            return f"it never came to {begin}" + (f", only to {end}" if letters else "")
        if not self.profiles():
            return f"it came to {begin}, but never to {end} after it"
        return f"it passed {_times(len(self.profiles()))}"

    def keep(self, data: bytes) -> None:
        """Keep what the program printed, and pass it on."""
        self.output += data[: max(0, _KEPT_OUTPUT_BYTES - len(self.output))]
        if self.on_output is not None:
            self.on_output(data)


def _until_recorded(process: QemuProcess, watch: _Watch) -> int | None:
    """Let the program run until its windows are recorded or it ends; return its exit code.

    None where it still runs: the caller ends it.
    """
    try:
        process.resume()
        deadline = time.monotonic() + watch.timeout_s
        while len(watch.profiles()) < watch.windows and process.exit_code() is None:
            if time.monotonic() > deadline:
                raise _timeout(process, watch)
            time.sleep(_POLL_S)
    except LinkClosed as error:
        if process.exit_code(_DYING_S) is None:
            raise process.explain(error) from error
    exit_code = process.exit_code()
    if exit_code is not None and exit_code < 0:
        raise _crash(process, watch)
    return exit_code


class _Listener:
    """Reads what the program prints, in a thread of its own, while the context is open.

    Once the pipe is full, a program that prints stops QEMU, its control socket included.
    """

    def __init__(self, process: QemuProcess, keep: OutputCall) -> None:
        self._process = process
        self._keep = keep
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="console", daemon=True)
        self._sources: list[int] = []

    def __enter__(self) -> Self:
        self._sources = [self._process.console, self._process.uart.fileno()]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Read what was printed before this; a program that still runs may print more."""
        self._stop.set()
        self._thread.join()

    def _listen(self) -> None:
        while self._sources and not self._stop.is_set():
            self._read(_POLL_S)
        for _ in range(_PIPE_BYTES // _READ_BYTES + 1):
            self._read(0)

    def _read(self, wait_s: float) -> None:
        """Pass on what came within ``wait_s``; sources that ended leave the list."""
        for source in select.select(self._sources, [], [], wait_s)[0]:
            try:
                data = os.read(source, _READ_BYTES)
            except OSError:
                data = b""
            if data:
                self._keep(data)
            else:
                self._sources.remove(source)


def _timeout(process: QemuProcess, watch: _Watch) -> DeviceTimeout:
    where = _whereabouts(process, watch)
    return DeviceTimeout(
        f"the program did not pass from '{watch.names[0]}' to '{watch.names[1]}' "
        f"{_times(watch.windows)} in {watch.timeout_s:g} s: {watch.what_happened()}"
        + (f"; it was {where}" if where else ""),
        hint="give it more time with --timeout, or correct the markers; a program that stays in a "
        "fault handler has crashed",
    )


def _whereabouts(process: QemuProcess, watch: _Watch) -> str:
    """Where the program is just now; empty where QEMU does not say."""
    try:
        return _place(process.registers(), watch.program)
    except LinkError:
        return ""


def _place(registers: str, program: Program) -> str:
    """Read QEMU's dump of the registers: ``at loop+0x4, handling HardFault``."""
    counter = re.search(r"R15=([0-9a-f]{8})", registers)
    status = re.search(r"XPSR=([0-9a-f]{8})", registers)
    if counter is None or status is None:
        return ""
    exception = int(status[1], 16) & 0x1FF
    name = _EXCEPTIONS.get(exception, f"exception {exception}")
    place = program.symbolize(int(counter[1], 16))
    return f"at {place}" + (f", handling {name}" if exception else "")


def _crash(process: QemuProcess, watch: _Watch) -> RunFailed:
    """A lockup is the program's fault; anything else that ends QEMU by a signal is QEMU's."""
    messages = process.messages()
    lockup = re.search(r"Lockup: .*", messages)
    if lockup is None:
        return process.explain(LinkClosed("QEMU ended"))
    return DeviceFault(
        f"the program crashed the processor {_place(messages, watch.program)} ({lockup[0]})",
        hint="a fault inside a fault handler, a vector table that is not where the machine looks "
        "for it, or code for another core does this; is --machine the one it was linked for?",
    )


def _incomplete(watch: _Watch, exit_code: int | None) -> RunFailed:
    begin, end = watch.names
    return RunFailed(
        f"the program ended (exit code {exit_code}) without passing from '{begin}' to '{end}' "
        f"{_times(watch.windows)}: {watch.what_happened()}",
        hint="a marker counts when its first instruction runs: a function that was inlined never "
        "runs (mark it __attribute__((noinline)))",
    )


def _refuse_recursion(watch: _Watch, profiles: Sequence[BlockProfile]) -> None:
    """Refuse windows in which ``begin`` was called again: which pass would it be?

    A loop whose head is the entry of ``begin`` is not a call.
    """
    begin = watch.marks[0]
    for number, profile in enumerate(profiles):
        entered = int(profile.executed[profile.start == begin].sum())
        if entered > 1:
            entered -= _looped_to(watch.program, profile, begin)
        if entered > 1:
            raise RunFailed(
                f"pass {number} came to '{watch.names[0]}' {entered} times before it reached "
                f"'{watch.names[1]}': the region is recursive or its markers do not enclose it",
                hint="choose markers that are called once a pass, right before and after",
            )


def _looped_to(program: Program, profile: BlockProfile, address: int) -> int:
    """How often a direct branch, no call, led to ``address``."""
    rows = zip(profile.start.tolist(), profile.end.tolist(), profile.taken.tolist(), strict=True)
    return sum(taken for start, end, taken in rows if program.direct_branch(start, end) == address)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
