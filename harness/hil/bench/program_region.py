"""Times a part of any Cortex-M program: run in QEMU, priced as our own firmware is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from hil import cores
from hil.devices import Profile
from hil.errors import UsageError
from hil.figures import FIGURES
from hil.firmware.program import Program, open_program
from hil.measure import timing_notes
from hil.measure.cycles.cores import core_table
from hil.measure.cycles.listing import ListedBlock, hottest_blocks
from hil.measure.cycles.memory_system import memory_model
from hil.measure.cycles.windows import (
    median_window,
    modelled_figures,
    price_windows,
    rows_by_name,
)
from hil.records import FunctionMeasurement, Measurement, MemoryRegion
from hil.targets.qemu.emulator import Emulator, find_qemu, probe
from hil.targets.qemu.machines import MACHINES, Machine
from hil.targets.qemu.profiler import cache_settings
from hil.targets.qemu.region import OutputCall, RegionTrace, run_region

NO_SYMBOL = "(no symbol)"


@dataclass(frozen=True)
class Timing:
    """What a region of a program takes on a device.

    ``figures`` holds ``cycles``, ``latency_us``, ``instructions`` and ``cpi`` of the window of
    median length, ``totals`` the cycles of every window in order. ``functions`` and ``blocks``
    are the median window's. Of a core without a timing model there is only ``instructions``.
    """

    elf: Path
    profile: Profile
    core: str
    machine: str
    figures: Mapping[str, Measurement]
    totals: tuple[int, ...]
    functions: tuple[FunctionMeasurement, ...]
    blocks: tuple[ListedBlock, ...]
    trace: RegionTrace
    notes: tuple[str, ...]


def time_region(
    elf: Path,
    profile: Profile,
    *,
    begin: str,
    end: str,
    machine: str | None = None,
    windows: int = 1,
    timeout_s: float = 60.0,
    model: str | None = None,
    n_blocks: int = 10,
    on_output: OutputCall | None = None,
) -> Timing:
    """Run ``elf`` and price what it does from function ``begin`` to function ``end``.

    ``model`` is the memory's: ``ideal`` or ``cache`` (None: ``cache`` where the flash has waits).

    Raises:
        UsageError: the ELF, a marker or the machine is not usable, or they do not go together.
        HilError: what ``run_region`` raises.
    """
    program = open_program(elf)
    _require_core(program, profile.chip.core)
    for marker in (begin, end):
        program.address(marker)
    chosen = choose_machine(profile, program, machine, probe(find_qemu()))
    trace = run_region(
        elf,
        machine=chosen,
        begin=begin,
        end=end,
        windows=windows,
        timeout_s=timeout_s,
        on_output=on_output,
        caches=_caches(profile, program, chosen, model),
    )
    return _priced(program, profile, chosen, trace, n_blocks)


def _priced(
    program: Program, profile: Profile, machine: str, trace: RegionTrace, n_blocks: int
) -> Timing:
    core = core_table(profile.chip.core)
    if core.counts_only:
        return _counted(program, profile, machine, trace)
    windows = price_windows(profile, program.read, trace.windows)
    middle = median_window(windows)
    return Timing(
        elf=program.path,
        profile=profile,
        core=core.name,
        machine=machine,
        figures=modelled_figures(profile, windows, "general"),
        totals=tuple(window.total for window in windows),
        functions=rows_by_name(middle, _namer(program)),
        blocks=hottest_blocks(core, program.read, middle, program.symbolize, count=n_blocks),
        trace=trace,
        notes=timing_notes(profile, windows, "general"),
    )


def _counted(program: Program, profile: Profile, machine: str, trace: RegionTrace) -> Timing:
    """What is known of a core whose cycles no model prices: its instructions, exactly."""
    core = core_table(profile.chip.core)
    counts = sorted(window.instructions for window in trace.windows)
    instructions = Measurement(
        "instructions",
        float(counts[len(counts) // 2]),
        FIGURES["instructions"].unit,
        "modelled",
        0.0,
        n=len(counts),
        source="counted in emulation, exact",
    )
    return Timing(
        elf=program.path,
        profile=profile,
        core=core.name,
        machine=machine,
        figures={"instructions": instructions},
        totals=(),
        functions=(),
        blocks=(),
        trace=trace,
        notes=(f"{core.title}: instructions only; {core.source}",),
    )


def _caches(
    profile: Profile, program: Program, machine: str, asked: str | None
) -> dict[str, int] | None:
    """What the profiler is to simulate, with the flash where the machine or the ELF has it."""
    if memory_model(profile.flash, asked) == "ideal":
        return None
    known = MACHINES.get(machine)
    if known is not None:
        return cache_settings(profile.flash, known.flash)
    first = _origin(program)
    last = max(address + size for address, size in program.loads)
    return cache_settings(profile.flash, MemoryRegion(first, last - first))


def _namer(program: Program) -> Callable[[int], str]:
    def name_of(address: int) -> str:
        function = program.function_at(address)
        return function.name if function is not None else NO_SYMBOL

    return name_of


def _require_core(program: Program, name: str) -> None:
    core = cores.find(name)
    if not program.cpu_arch or program.cpu_arch in core.executes:
        return
    raise UsageError(
        f"{program.path} was compiled for Arm{program.cpu_arch}, which a {name} does not execute",
        hint=f"choose a profile of the core it was built for, or build it with "
        f"-mcpu={core.gcc_name}",
    )


def choose_machine(
    profile: Profile, program: Program, asked: str | None, emulator: Emulator
) -> str:
    """Choose the machine that ``program`` runs on: ``asked``, else the first one that fits.

    A machine fits that runs the profile's core and finds the program's vector table at its reset
    address. Machines that hil has no data of are taken at the user's word.

    Raises:
        UsageError: ``asked`` is unknown or does not fit, or none fits.
    """
    if asked is not None:
        return _asked(profile, program, asked, emulator)
    named = [name for name in profile.emulation.qemu if name in MACHINES]
    others = [name for name in MACHINES if name not in named]
    reasons = []
    for name in [*named, *others]:
        machine = MACHINES[name]
        if profile.chip.core not in machine.cores or name not in emulator.machines:
            continue
        if (reason := _misplaced(program, machine)) is None:
            return name
        reasons.append(f"{name} {reason}")
    known = "; ".join(reasons) or f"this QEMU has no machine with a {profile.chip.core}"
    raise UsageError(
        f"{program.path} fits no machine for {profile.chip.core}: it is linked to "
        f"0x{_origin(program):08x}; {known}",
        hint="link it for one of these machines, or name another one of QEMU's with --machine",
    )


def _asked(profile: Profile, program: Program, name: str, emulator: Emulator) -> str:
    if name not in emulator.machines:
        state = "is not in this QEMU" if name in MACHINES else "is unknown"
        raise UsageError(
            f"the emulator machine '{name}' {state}",
            hint=f"`{emulator.path} -M help` lists its machines",
        )
    machine = MACHINES.get(name)
    if machine is None:
        return name
    if profile.chip.core not in machine.cores:
        raise UsageError(
            f"the machine '{name}' runs {' and '.join(machine.cores)}, "
            f"{profile.chip.part} has a {profile.chip.core}",
            hint="choose a machine of the profile's core, or leave --machine out",
        )
    if reason := _misplaced(program, machine):
        raise UsageError(
            f"{program.path} does not fit the machine '{name}': it is linked to "
            f"0x{_origin(program):08x}; {name} {reason}",
            hint="link it for this machine, or choose the one that it was linked for",
        )
    return name


def _misplaced(program: Program, machine: Machine) -> str | None:
    """Why the machine would not find the program's vector table; None where it does."""
    reset = machine.flash.origin
    if any(address <= reset < address + size for address, size in program.loads):
        return None
    return f"starts from the vector table at 0x{reset:08x}"


def _origin(program: Program) -> int:
    return min((address for address, _ in program.loads), default=0)
