"""Cycles and time of one inference: block counts in emulation, the counter on silicon."""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.devices import Profile
from hil.figures import FIGURES
from hil.measure.band import combined_pct
from hil.measure.cycles.bands import CodeKind, band
from hil.measure.cycles.cores import TimingTable, core_table
from hil.measure.cycles.decode import ReadCode
from hil.measure.cycles.memory_system import wait_cycles
from hil.measure.cycles.pricing import PricedBlocks, pipeline_cycles, price_blocks
from hil.records import (
    BlockProfile,
    FunctionMeasurement,
    Inference,
    Kind,
    Measurement,
    OpMeasurement,
    Platform,
    Symbol,
)
from hil.tflite.graph import Graph

MIN_MEASURED_PCT = 0.1
"""Least band of a measured time: crystals of boards are good to 50 ppm, interrupts are off."""


@dataclass(frozen=True)
class Window:
    """One inference, priced. Arrays by region (ops, then "between ops"); cycles are integers.

    ``row_cycles`` is parallel to the profile's rows, flash waits included, not rounded;
    ``row_waits`` is the waits alone. ``wait_low`` and ``wait_high`` bound their sum;
    ``caches_simulated`` is False where there are none because no cache was simulated.
    """

    profile: BlockProfile
    cycles: npt.NDArray[np.int64]
    instructions: npt.NDArray[np.int64]
    row_cycles: npt.NDArray[np.float64]
    row_waits: npt.NDArray[np.float64]
    row_instructions: npt.NDArray[np.int64]
    wait_low: float
    wait_high: float
    caches_simulated: bool
    float_share: float

    @property
    def total(self) -> int:
        """Cycles of the whole window."""
        return int(self.cycles.sum())


def whole_cycles(cycles: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Round to whole cycles, half to even. The only place where cycles are rounded."""
    return np.rint(cycles).astype(np.int64)


def price_windows(
    profile: Profile, read: ReadCode, windows: Sequence[BlockProfile]
) -> list[Window]:
    """Price every window with the profile's core and flash; each block is decoded once."""
    starts = np.concatenate([w.start for w in windows])
    ends = np.concatenate([w.end for w in windows])
    pairs, index = np.unique(np.stack([starts, ends], axis=1), axis=0, return_inverse=True)
    priced = price_blocks(
        core_table(profile.chip.core), read, [(int(s), int(e)) for s, e in pairs.tolist()]
    )
    bounds = np.cumsum([0] + [len(w.start) for w in windows])
    index = index.reshape(-1)
    return [
        _price_window(profile, window, _take(priced, index[bounds[i] : bounds[i + 1]]))
        for i, window in enumerate(windows)
    ]


def _price_window(profile: Profile, window: BlockProfile, priced: PricedBlocks) -> Window:
    pipeline = pipeline_cycles(priced, window)
    waits = wait_cycles(profile.flash, window)
    row_cycles: npt.NDArray[np.float64] = pipeline + waits.value
    regions = window.n_regions + 1
    by_region = np.bincount(window.region, row_cycles, regions).astype(np.float64)
    row_instructions = priced.instructions * window.executed
    return Window(
        profile=window,
        cycles=whole_cycles(by_region),
        instructions=np.bincount(window.region, row_instructions, regions).astype(np.int64),
        row_cycles=row_cycles,
        row_waits=waits.value,
        row_instructions=row_instructions,
        wait_low=float(waits.low.sum()),
        wait_high=float(waits.high.sum()),
        caches_simulated=waits.simulated,
        float_share=float((priced.float_cycles * window.executed).sum() / pipeline.sum()),
    )


def _take(priced: PricedBlocks, index: npt.NDArray[Any]) -> PricedBlocks:
    return PricedBlocks(**{name: values[index] for name, values in vars(priced).items()})


def median_window(windows: Sequence[Window]) -> Window:
    """The window whose total is the (lower) median: its ops add up to its total."""
    middle = statistics.median_low(window.total for window in windows)
    return next(window for window in windows if window.total == middle)


def modelled_figures(
    profile: Profile, windows: Sequence[Window], kind: CodeKind = "integer"
) -> dict[str, Measurement]:
    """Return ``cycles``, ``latency_us``, ``instructions`` and ``cpi`` from priced windows.

    ``kind`` of code chooses the band: kernels of models are "integer", other programs "general".
    """
    core = core_table(profile.chip.core)
    window = median_window(windows)
    totals = [w.total for w in windows]
    instructions = int(window.instructions.sum())
    half = band_pct(core, profile, window, kind)
    source = (
        f"block counts in emulation x timing model of {core.title}, {_waits_text(profile, window)}"
    )
    counted = [int(w.instructions.sum()) for w in windows]
    cpi = window.total / instructions if instructions else 0.0
    figures = [
        _modelled("cycles", window.total, half, totals, source),
        _modelled("latency_us", _microseconds(window.total, profile), half, totals, source),
        _modelled("instructions", instructions, 0.0, counted, "counted in emulation, exact"),
        _modelled("cpi", cpi, half, totals, "cycles / instructions"),
    ]
    return {figure.name: figure for figure in figures}


def band_pct(
    core: TimingTable, profile: Profile, window: Window, kind: CodeKind = "integer"
) -> float:
    """Half band in per cent: pipeline rules, bounds of the flash waits, undocumented flash.

    The rules' band is that of ``kind`` of code on this core, and of FP arithmetic by its share.
    """
    share = window.float_share
    pipeline = band(core, kind).pct * (1 - share)
    if share:
        pipeline += band(core, "float").pct * share
    waits = 100.0 * (window.wait_high - window.wait_low) / 2 / max(1, window.total)
    combined = combined_pct(pipeline, waits, profile.flash.uncertainty_pct)
    assert combined is not None
    return combined


def op_rows(profile: Profile, graph: Graph, window: Window) -> tuple[OpMeasurement, ...]:
    """One row per op of the graph, from the median window."""
    return tuple(
        _op_row(
            graph,
            index,
            int(window.cycles[index]),
            int(window.instructions[index]),
            profile.clock.hz,
            "modelled",
        )
        for index in range(min(len(graph.ops), window.profile.n_regions))
    )


def function_rows(window: Window, functions: Sequence[Symbol]) -> tuple[FunctionMeasurement, ...]:
    """Cycles by function of the ELF, self only, the most expensive first."""
    addresses = [symbol.address for symbol in functions]

    def name_of(address: int) -> str:
        at = bisect.bisect_right(addresses, address) - 1
        return functions[at].name if at >= 0 else f"0x{address:08x}"

    return rows_by_name(window, name_of)


def rows_by_name(window: Window, name_of: Callable[[int], str]) -> tuple[FunctionMeasurement, ...]:
    """Cycles by what ``name_of`` calls the address of a block, the most expensive first."""
    cycles: dict[str, float] = {}
    instructions: dict[str, int] = {}
    rows = zip(
        window.profile.start.tolist(),
        window.row_cycles.tolist(),
        window.row_instructions.tolist(),
        strict=True,
    )
    for start, row_cycles, row_instructions in rows:
        name = name_of(start)
        cycles[name] = cycles.get(name, 0.0) + row_cycles
        instructions[name] = instructions.get(name, 0) + row_instructions
    whole = whole_cycles(np.array(list(cycles.values()), dtype=np.float64)).tolist()
    table = [
        FunctionMeasurement(name, instructions[name], count)
        for name, count in zip(cycles, whole, strict=True)
    ]
    return tuple(sorted(table, key=lambda row: (-row.cycles, row.name)))


def counted_figures(platform: Platform, inferences: Sequence[Inference]) -> dict[str, Measurement]:
    """Return ``cycles`` and ``latency_us`` from a board's cycle counter, the median counts.

    Those of a virtual board are modelled, without a band: its counter follows no chip's timing.
    """
    totals = [i.cycles for i in inferences if i.cycles is not None]
    cycles = statistics.median_low(totals)
    spread = _spread_pct(totals)
    megahertz = platform.clock_hz / 1e6
    half: float | None = max(spread / 2, MIN_MEASURED_PCT)
    source = f"cycle counter of the board at {megahertz:g} MHz"
    if is_virtual(platform):
        half = None
        source = (
            f"virtual board '{platform.machine}': the counter of an emulator at {megahertz:g} MHz, "
            "not a measurement"
        )
    per_us = platform.clock_hz / 1e6
    observed = {
        "cycles": [float(total) for total in totals],
        "latency_us": [total / per_us for total in totals],
    }
    values = {"cycles": float(cycles), "latency_us": cycles / per_us}
    return {
        name: Measurement(
            name=name,
            value=value,
            unit=FIGURES[name].unit,
            kind=_counted_kind(platform),
            uncertainty_pct=half,
            n=len(totals),
            spread_pct=spread,
            source=source,
            samples=tuple(observed[name]),
        )
        for name, value in values.items()
    }


def counted_op_rows(
    platform: Platform, graph: Graph, inferences: Sequence[Inference]
) -> tuple[OpMeasurement, ...]:
    """Op rows from the board's inference of median length; instructions are not counted there."""
    seen = [i for i in inferences if i.cycles is not None and i.op_cycles]
    if not seen:
        return ()
    middle = statistics.median_low(i.cycles for i in seen if i.cycles is not None)
    op_cycles = next(i.op_cycles for i in seen if i.cycles == middle) or ()
    kind = _counted_kind(platform)
    return tuple(
        _op_row(graph, index, cycles, None, platform.clock_hz, kind)
        for index, cycles in enumerate(op_cycles[: len(graph.ops)])
    )


def is_virtual(platform: Platform) -> bool:
    """Whether a platform is an emulator that takes the way of a board."""
    return platform.attached and platform.time != "measured"


def _counted_kind(platform: Platform) -> Kind:
    return "modelled" if is_virtual(platform) else "measured"


def _op_row(
    graph: Graph, index: int, cycles: int, instructions: int | None, clock_hz: int, kind: Kind
) -> OpMeasurement:
    op = graph.ops[index]
    return OpMeasurement(
        index=index,
        op=op.name,
        name=graph.tensors[op.outputs[0]].name,
        macs=op.macs,
        instructions=instructions,
        cycles=cycles,
        latency_us=cycles * 1e6 / clock_hz,
        kind=kind,
    )


def _modelled(name: str, value: float, band: float, totals: list[int], source: str) -> Measurement:
    unit, spread = FIGURES[name].unit, _spread_pct(totals)
    return Measurement(name, float(value), unit, "modelled", band, len(totals), spread, source)


def _microseconds(cycles: int, profile: Profile) -> float:
    return cycles * 1e6 / profile.clock.hz


def _spread_pct(values: Sequence[int]) -> float:
    middle = statistics.median_low(values)
    return 100.0 * (max(values) - min(values)) / middle if middle else 0.0


def _waits_text(profile: Profile, window: Window) -> str:
    waits, clock = profile.flash.wait_states, f"{profile.clock.hz / 1e6:g} MHz"
    if waits and not window.caches_simulated:
        return f"{waits} flash wait states at {clock} left out"
    return f"{waits} flash wait states at {clock}"
