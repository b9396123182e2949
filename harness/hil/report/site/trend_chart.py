"""Geometry of a figure's history: values over runs, levels, steps, the baseline, failed runs.

Horizontal positions are per cent of the width, vertical ones pixels, so that text keeps its size
at any width; lines are points of a box of 1000 units by ``HEIGHT`` that is stretched.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hil.report.site.steps import Level, Step
from hil.report.words.axes import Tick, round_step
from hil.report.words.format import NBSP, change_text, quantity, scale_of, significant
from hil.report.words.judge import points_text

Direction = Literal["worse", "better", "other"]
Anchor = Literal["start", "middle", "end"]

HEIGHT = 190
_TOP, _BOTTOM = 26, 16  # room for the labels of steps, and for the marks of failed runs
_LEFT, _WIDTH = 2.0, 96.0  # of the width in per cent
_LEAST_SPAN = 0.04  # of the value: a smaller range would make nothing look like much
_NEAR = 0.25  # a baseline further off than this would flatten the line; it is left out
_MOST_DOTS = 150  # beyond, only the runs beside steps have one
_OFF_CENTRE = 6.0  # of the width in per cent: how far from it the tick in the middle may be
_CHARACTER = 3.0  # of the width in per cent: a character of a label where the chart is narrowest


@dataclass(frozen=True)
class Point:
    """A run: its value (None: it failed), its tooltip, and what the axis says of it."""

    value: float | None
    words: str
    date: str
    revision: str


@dataclass(frozen=True)
class Dot:
    """A mark with its tooltip; ``y`` is None for a failed run, which is at the bottom."""

    x: float
    y: float | None
    words: str


@dataclass(frozen=True)
class StepMark:
    """A step: a vertical line, and where there is room for it, a label."""

    x: float
    direction: Direction
    text: str
    words: str
    labelled: bool
    anchor: Anchor


@dataclass(frozen=True)
class RunTick:
    """A run below the axis."""

    at: float
    date: str
    revision: str
    anchor: Anchor


@dataclass(frozen=True)
class TrendChart:
    """All that is drawn. ``lines`` join values, ``levels`` are what was fitted to noisy ones."""

    lines: tuple[str, ...]
    levels: tuple[tuple[float, float, float], ...]
    dots: tuple[Dot, ...]
    steps: tuple[StepMark, ...]
    baseline_y: float | None
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[RunTick, ...]
    height: int = HEIGHT


@dataclass(frozen=True)
class _Plane:
    """From positions and values to the drawing."""

    count: int
    low: float
    high: float

    def x(self, position: float) -> float:
        if self.count < 2:
            return 50.0
        return round(_LEFT + _WIDTH * position / (self.count - 1), 3)

    def y(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return round(HEIGHT - _BOTTOM - share * (HEIGHT - _TOP - _BOTTOM), 1)


def draw(
    points: Sequence[Point],
    unit: str,
    *,
    levels: Sequence[Sequence[Level]] = (),
    steps: Sequence[tuple[Step, Direction]] = (),
    baseline: float | None = None,
) -> TrendChart:
    """Lay out a history with at least one value; ``levels`` only where they are to be drawn."""
    values = [point.value for point in points if point.value is not None]
    shown = baseline if baseline is not None and _is_near(baseline, values) else None
    low, high = _span([*values, *([shown] if shown is not None else [])])
    plane = _Plane(len(points), low, high)
    return TrendChart(
        lines=_lines(points, plane),
        levels=tuple(
            (plane.x(level.first), plane.x(level.last), plane.y(level.value))
            for part in levels
            for level in part
        ),
        dots=_dots(points, [step for step, _ in steps], plane),
        steps=_step_marks(steps, unit, plane),
        baseline_y=plane.y(shown) if shown is not None else None,
        y_ticks=_y_ticks(plane, unit),
        x_ticks=_x_ticks(points, plane),
    )


@functools.lru_cache(maxsize=10_000)
def value_text(value: float, unit: str) -> str:
    """A figure rounded for reading; a share in per cent. Most runs repeat the one before."""
    return f"{100 * value:.2f}{NBSP}%" if unit == "share" else quantity(value, unit)


def sparkline(values: Sequence[float | None], most: int = 80) -> str:
    """Points of a line in a box of 100 by 24 units; every so many values where there are more."""
    known = [(i, value) for i, value in enumerate(values) if value is not None]
    if len(known) > most:
        known = [known[round(i * (len(known) - 1) / (most - 1))] for i in range(most)]
    if len(known) < 2:
        return ""
    low, high = _span([value for _, value in known])
    last = len(values) - 1
    return " ".join(
        f"{100 * i / last:.4g},{22 - 20 * (value - low) / (high - low):.4g}" for i, value in known
    )


def _is_near(baseline: float, values: Sequence[float]) -> bool:
    return any(abs(value - baseline) <= _NEAR * abs(baseline) for value in values)


def _span(values: Sequence[float]) -> tuple[float, float]:
    """The range of the axis: that of the values, but not too narrow, and never below 0."""
    low, high = min(values), max(values)
    least = _LEAST_SPAN * max(abs(low), abs(high)) or 1.0
    if high - low < least:
        middle = (low + high) / 2
        low, high = middle - least / 2, middle + least / 2
        if min(values) >= 0 and low < 0:
            low, high = 0.0, least
    return low, high


def _lines(points: Sequence[Point], plane: _Plane) -> tuple[str, ...]:
    """One line for all values: a failed run has none and does not break it."""
    joined = [
        f"{10 * plane.x(i):.5g},{plane.y(point.value)}"
        for i, point in enumerate(points)
        if point.value is not None
    ]
    return (" ".join(joined),) if len(joined) > 1 else ()


def _dots(points: Sequence[Point], steps: Sequence[Step], plane: _Plane) -> tuple[Dot, ...]:
    chosen = range(len(points))
    if len(points) > _MOST_DOTS:
        ends = {end for step in steps for end in (step.before, step.after)}
        failed = {i for i, point in enumerate(points) if point.value is None}
        kept = sorted(ends | failed)[-_MOST_DOTS:]
        return tuple(_dot(i, points[i], plane) for i in sorted({0, *kept, len(points) - 1}))
    return tuple(_dot(i, points[i], plane) for i in chosen)


def _dot(position: int, point: Point, plane: _Plane) -> Dot:
    y = None if point.value is None else plane.y(point.value)
    return Dot(plane.x(position), y, point.words)


def _step_marks(
    steps: Sequence[tuple[Step, Direction]], unit: str, plane: _Plane
) -> tuple[StepMark, ...]:
    """The newest steps are labelled first, older ones where there is still room."""
    marks: list[StepMark] = []
    taken: list[tuple[float, float]] = []
    for step, direction in reversed(steps):
        x = plane.x((step.before + step.after) / 2)
        text = step_text(step, unit)
        width = len(text) * _CHARACTER
        anchor: Anchor = "start" if x < width / 2 else "end" if x > 100 - width / 2 else "middle"
        start = x - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
        labelled = all(start + width <= left or right <= start for left, right in taken)
        if labelled:
            taken.append((start, start + width))
        words = f"{text}: from {value_text(step.old, unit)} to {value_text(step.new, unit)}"
        marks.append(StepMark(x, direction, text, words, labelled, anchor))
    return tuple(reversed(marks))


def signed(change: float | None) -> str:
    """``+3.0 %`` or ``−12 %`` of a change such as 0.03; None is a change from 0."""
    if change is None:
        return "from none"
    sign, size = "+" if change > 0 else "−", 100 * abs(change)
    return f"{sign}{significant(size, 2)}{NBSP}%" if size < 0.1 else f"{sign}{change_text(change)}"


def step_text(step: Step, unit: str) -> str:
    """The change of a step; a share changes by points, as 95 % against 100 % are not 5 % less."""
    if unit != "share":
        return signed(step.change)
    points = 100 * (step.new - step.old)
    return f"{'+' if points > 0 else '−'}{points_text(points)}"


def _y_ticks(plane: _Plane, unit: str) -> tuple[Tick, ...]:
    """Three to five round values with as many decimals as their distance needs."""
    factor, name = (0.01, "%") if unit == "share" else scale_of(plane.high, unit)
    low, high = plane.low / factor, plane.high / factor
    step = round_step((high - low) / 4)
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    if step * 10**decimals % 1 > 1e-6:  # 2.5
        decimals += 1
    first = math.ceil(low / step - 1e-9)
    return tuple(
        Tick(plane.y(step * i * factor), f"{step * i:,.{decimals}f}{NBSP}{name}")
        for i in range(first, math.floor(high / step + 1e-9) + 1)
    )


def _x_ticks(points: Sequence[Point], plane: _Plane) -> tuple[RunTick, ...]:
    """The first and the last run, and one between them where it is far enough from both."""
    last = len(points) - 1
    if last == 0:
        return (RunTick(50.0, points[0].date, points[0].revision, "middle"),)
    ticks = [
        RunTick(plane.x(0), points[0].date, points[0].revision, "start"),
        RunTick(plane.x(last), points[last].date, points[last].revision, "end"),
    ]
    if abs(plane.x(last // 2) - 50) <= _OFF_CENTRE:
        middle = points[last // 2]
        tick = RunTick(plane.x(last // 2), middle.date, middle.revision, "middle")
        ticks.insert(1, tick)
    return tuple(ticks)
