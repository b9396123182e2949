"""The power that a meter recorded, over time, with the windows in which inferences ran.

Positions along the time are per cent of the drawing's width, heights in its units of ``HEIGHT``;
lines are points of a drawing that is 1,000 wide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby

from hil.records import MeasuredEnergy, PowerTrace, RunRecord
from hil.report.words.axes import Tick, round_step
from hil.report.words.format import plural, quantity

HEIGHT = 220
_WIDTH = 1000
_CAUSES = {
    "instrument": "the instrument's limit of error",
    "edges": "position of the windows' edges",
    "resolution": "smallest step of the instrument's values",
    "spread": "scatter of the windows",
    "window": "windows by the load, without the pin",
}


@dataclass(frozen=True)
class WindowRow:
    """A window: in the chart (``x``, ``width``, per cent), and in the table beside it."""

    number: int
    x: float
    width: float
    start: str
    length: str
    energy_uj: float
    energy: str
    power_mw: float
    power: str


@dataclass(frozen=True)
class PowerView:
    """The chart and the tables of a run's measured energy."""

    summary: str
    instrument: str
    how: str
    height: int
    lines: tuple[str, ...]
    ranges: tuple[str, ...]
    windows: tuple[WindowRow, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    causes: tuple[tuple[str, str], ...]


def power_view(run: RunRecord) -> PowerView | None:
    """The measured energy of a run; None where no meter recorded."""
    energy = run.energy
    if energy is None or not energy.windows:
        return None
    trace = energy.trace
    seconds = trace.step_s * len(trace.mean_mw)
    top, y_ticks = _y_axis(trace)
    each = plural(energy.inferences, "inference")
    return PowerView(
        summary=f"{plural(len(energy.windows), 'window')} of {each}: "
        f"{quantity(energy.energy_uj, 'uJ')} an inference at {quantity(energy.power_mw, 'mW')}.",
        instrument=energy.instrument,
        how=_HOW[energy.sign],
        height=HEIGHT,
        lines=tuple(_lines(trace, top)),
        ranges=tuple(_ranges(trace, top)),
        windows=tuple(_rows(energy, seconds)),
        x_ticks=_x_axis(seconds),
        y_ticks=y_ticks,
        causes=tuple(
            (_CAUSES.get(name, name), f"{pct:.2g} %")
            for name, pct in sorted(energy.contributions.items(), key=lambda item: -item[1])
        ),
    )


_HOW = {
    "level": "The board's window pin was low during them.",
    "pulses": "The board's window pin marked their begin and end.",
    "none": "No window pin was wired: they were found by the load, so that the band is wider.",
}


def _rows(energy: MeasuredEnergy, seconds: float) -> list[WindowRow]:
    rows = []
    for number, window in enumerate(energy.windows, start=1):
        length_s = window.end_s - window.start_s
        one_uj = window.energy_uj / energy.inferences
        power_mw = window.energy_uj / length_s * 1e-3
        rows.append(
            WindowRow(
                number=number,
                x=100 * window.start_s / seconds,
                width=100 * length_s / seconds,
                start=quantity(window.start_s * 1e6, "us"),
                length=quantity(length_s * 1e6, "us"),
                energy_uj=one_uj,
                energy=quantity(one_uj, "uJ"),
                power_mw=power_mw,
                power=quantity(power_mw, "mW"),
            )
        )
    return rows


def _segments(trace: PowerTrace) -> list[list[int]]:
    """The points between gaps."""
    known = groupby(range(len(trace.mean_mw)), lambda at: trace.mean_mw[at] is not None)
    return [list(group) for present, group in known if present]


def _lines(trace: PowerTrace, top: float) -> list[str]:
    return [
        " ".join(_point(trace, at, trace.mean_mw[at], top) for at in segment)
        for segment in _segments(trace)
    ]


def _ranges(trace: PowerTrace, top: float) -> list[str]:
    """Between the lowest and the highest sample of each point."""
    return [
        " ".join(
            [_point(trace, at, trace.high_mw[at], top) for at in segment]
            + [_point(trace, at, trace.low_mw[at], top) for at in reversed(segment)]
        )
        for segment in _segments(trace)
    ]


def _point(trace: PowerTrace, at: int, milliwatts: float | None, top: float) -> str:
    x = _WIDTH * (at + 0.5) / len(trace.mean_mw)
    y = HEIGHT * (1 - max(milliwatts or 0.0, 0.0) / top)
    return f"{x:.1f},{y:.1f}"


def _y_axis(trace: PowerTrace) -> tuple[float, tuple[Tick, ...]]:
    highest = max((value for value in trace.high_mw if value is not None), default=0.0)
    step = round_step(max(highest, 1e-6) / 4)
    count = max(1, math.ceil(highest / step))
    ticks = tuple(
        Tick(HEIGHT * (1 - n / count), quantity(n * step, "mW") if n else "0")
        for n in range(count + 1)
    )
    return count * step, ticks


def _x_axis(seconds: float) -> tuple[Tick, ...]:
    step = round_step(seconds / 8)
    count = int(seconds / step + 1e-9)
    return tuple(
        Tick(100 * n * step / seconds, quantity(n * step * 1e6, "us") if n else "0")
        for n in range(count + 1)
    )
