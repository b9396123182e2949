"""Times a part of any Cortex-M program: run on a target, priced as hil's own firmware is."""

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
from hil.records import FunctionMeasurement, Measurement, RegionTrace
from hil.targets.interface import OutputCall
from hil.targets.registry import program_runner

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
    target: str
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
        HilError: what :meth:`ProgramRunner.run_region` raises.
    """
    program = open_program(elf)
    _require_core(program, profile.chip.core)
    for marker in (begin, end):
        program.address(marker)
    runner = program_runner()
    chosen = runner.machine_of(profile, program, machine)
    simulated = memory_model(profile.flash, model) == "cache"
    trace = runner.run_region(
        elf,
        machine=chosen,
        begin=begin,
        end=end,
        windows=windows,
        timeout_s=timeout_s,
        flash=profile.flash if simulated else None,
        on_output=on_output,
    )
    return _priced(program, profile, (runner.name, chosen), trace, n_blocks)


def _priced(
    program: Program,
    profile: Profile,
    where: tuple[str, str],
    trace: RegionTrace,
    n_blocks: int,
) -> Timing:
    core = core_table(profile.chip.core)
    if core.counts_only:
        return _counted(program, profile, where, trace)
    windows = price_windows(profile, program.read, trace.windows)
    middle = median_window(windows)
    return Timing(
        elf=program.path,
        profile=profile,
        core=core.name,
        target=where[0],
        machine=where[1],
        figures=modelled_figures(profile, windows, "general"),
        totals=tuple(window.total for window in windows),
        functions=rows_by_name(middle, _namer(program)),
        blocks=hottest_blocks(core, program.read, middle, program.symbolize, count=n_blocks),
        trace=trace,
        notes=timing_notes(profile, windows, "general"),
    )


def _counted(
    program: Program, profile: Profile, where: tuple[str, str], trace: RegionTrace
) -> Timing:
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
        target=where[0],
        machine=where[1],
        figures={"instructions": instructions},
        totals=(),
        functions=(),
        blocks=(),
        trace=trace,
        notes=(f"{core.title}: instructions only; {core.source}",),
    )


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
