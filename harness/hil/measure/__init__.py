"""Measurements from a trace and its ELF: every figure with its kind and its uncertainty."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

from hil.devices import Profile
from hil.errors import RunFailed
from hil.measure.calibration import calibration_notes, narrowed, wait_figures
from hil.measure.cycles.bands import CodeKind, summary
from hil.measure.cycles.cores import core_table
from hil.measure.cycles.decode import ReadCode
from hil.measure.cycles.memory_system import waits_note
from hil.measure.cycles.windows import (
    Window,
    counted_figures,
    counted_op_rows,
    function_rows,
    is_virtual,
    median_window,
    modelled_figures,
    op_rows,
    price_windows,
)
from hil.measure.energy import energy_figure
from hil.measure.memory import memory_figures
from hil.measure.metered import cut, energy_figures
from hil.records import (
    Firmware,
    FunctionMeasurement,
    MeasuredEnergy,
    Measurement,
    Measurements,
    OpMeasurement,
    Trace,
)
from hil.tflite.graph import Graph

_WITHOUT_TIME = "the virtual board counts no cycles: there is no time and no energy"


def measure(profile: Profile, firmware: Firmware, trace: Trace, graph: Graph) -> Measurements:
    """Make figures, op rows and function rows of a trace.

    Cycle-counter readings (a board) win over block counts (an emulator); time on a board refers
    to the clock it ran at, modelled time to the profile's. Values are those of the window of
    median length, ``spread_pct`` is over all windows.

    Energy is that of the meter where one recorded, else active power times latency.

    Raises:
        MeterFailed: the meter's recording cannot be used.
        RunFailed: the trace holds neither counter readings nor an execution profile, although
            the platform has a time; a virtual board need not count.
    """
    windows = _windows(profile, firmware, trace)
    on_silicon = any(inference.cycles is not None for inference in trace.inferences)
    has_time = bool(windows) or on_silicon
    counts_nothing = not has_time and is_virtual(trace.platform)
    if not has_time and trace.platform.time is not None and not counts_nothing:
        raise RunFailed(
            "the run gave neither cycle counts nor an execution profile",
            hint="run again with --keep DIR and look at the transcript and the target's messages",
        )
    figures: dict[str, Measurement] = {}
    ops: tuple[OpMeasurement, ...] = ()
    functions: tuple[FunctionMeasurement, ...] = ()
    if windows:
        from hil.firmware.elf import symbols

        middle = median_window(windows)
        figures |= modelled_figures(profile, windows) | wait_figures(profile.flash, middle)
        figures = narrowed(profile, graph.dtype, figures)
        ops = op_rows(profile, graph, middle)
        functions = function_rows(middle, symbols(firmware.elf))
    if on_silicon:
        figures |= counted_figures(trace.platform, trace.inferences)
        ops = counted_op_rows(trace.platform, graph, trace.inferences) or ops
    notes: tuple[str, ...] = (_WITHOUT_TIME,) if counts_nothing else ()
    if has_time:
        figures["energy_uj"] = energy_figure(profile, figures["latency_us"])
        notes = (*timing_notes(profile, windows), *calibration_notes(profile, graph.dtype, figures))
    energy: MeasuredEnergy | None = None
    if trace.metered is not None:
        energy = cut(trace.metered, virtual=trace.platform.time != "measured")
        figures |= energy_figures(energy)
    figures |= memory_figures(firmware, trace)
    return Measurements(figures, ops, functions, notes, energy)


def op_listing(profile: Profile, firmware: Firmware, trace: Trace, graph: Graph) -> str:
    """Return the hottest blocks of each op as annotated disassembly (docs/timing.md).

    Empty where the trace has no execution profile, as on a board.
    """
    from hil.firmware.program import open_program
    from hil.measure.cycles.listing import render_ops

    windows = _windows(profile, firmware, trace)
    if not windows:
        return ""
    program = open_program(firmware.elf)
    core = core_table(profile.chip.core)
    return render_ops(core, program.read, median_window(windows), graph, program.symbolize)


def _windows(profile: Profile, firmware: Firmware, trace: Trace) -> list[Window]:
    profiles = [i.profile for i in trace.inferences if i.profile is not None]
    if not profiles:
        return []
    return price_windows(profile, _code_reader(firmware), profiles)


def _code_reader(firmware: Firmware) -> ReadCode:
    """Read code of the ELF by address.

    Raises (when called):
        RunFailed: a block ran outside the ELF's executable sections.
    """
    from hil.firmware.elf import code_bytes

    sections = code_bytes(firmware.elf)
    origins = [address for address, _ in sections]

    def read(start: int, end: int) -> bytes:
        at = bisect.bisect_right(origins, start) - 1
        if at < 0 or end > origins[at] + len(sections[at][1]):
            raise RunFailed(
                f"the device ran code at 0x{start:08x}, which is not in the firmware",
                hint="this is a defect of the run or of the firmware; keep it with --keep DIR",
            )
        return sections[at][1][start - origins[at] : end - origins[at]]

    return read


def timing_notes(
    profile: Profile, windows: Sequence[Window], kind: CodeKind = "integer"
) -> tuple[str, ...]:
    """Return what the cycles of the windows are derived from, as notes; none without windows."""
    notes = []
    if windows:
        core = core_table(profile.chip.core)
        notes.append(f"timing model of {core.title}: {summary(core, kind)}")
        window = median_window(windows)
        waits = waits_note(
            profile.flash, window.wait_low, window.wait_high, window.caches_simulated
        )
        notes += [waits] if waits else []
    return tuple(notes)
