"""Geometry of a study's charts: lines by data type over the size of the model, with bands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.report.format import NBSP, count, quantity, scale_of, significant

WIDTH, HEIGHT = 520.0, 300.0
LEFT, RIGHT, TOP, BOTTOM = 62.0, 14.0, 12.0, 40.0
STYLES = 6
"""Colours with marker shapes and dashes of their own; more series begin again."""


@dataclass(frozen=True)
class Point:
    """One figure of one run: ``low`` and ``high`` are the ends of its band (the value without)."""

    x: float
    value: float
    low: float
    high: float
    words: str


@dataclass(frozen=True)
class Tick:
    """A place on an axis, in the SVG's units, and what stands there."""

    at: float
    text: str


@dataclass(frozen=True)
class Marker:
    """A point of a line; ``path`` is its shape around (0, 0)."""

    x: float
    y: float
    path: str
    words: str


@dataclass(frozen=True)
class Line:
    """One series: polyline points, the outline of its band (empty without) and markers."""

    label: str
    style: int
    points: str
    band: str
    markers: tuple[Marker, ...]


@dataclass(frozen=True)
class ChartShape:
    """All that is drawn."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float
    y_title: str
    x_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]


_MARKS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "M-3.6,-3.6h7.2v7.2h-7.2z",
    "M0,-4.8L4.6,3.4h-9.2z",
    "M0,-5.2L5.2,0L0,5.2L-5.2,0z",
    "M-4.2,-1.4h2.8v-2.8h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8z",
    "M0,4.8L4.6,-3.4h-9.2z",
)


def mark(style: int) -> str:
    """The marker's path of a style."""
    return _MARKS[style % STYLES]


def draw(series: Mapping[str, Sequence[Point]], unit: str, title: str, x_title: str) -> ChartShape:
    """Lay out a chart: both axes begin at 0, so that lengths compare."""
    points = [point for line in series.values() for point in line]
    factor, name = scale_of(max((p.high for p in points), default=1.0) or 1.0, unit)
    y_ticks = nice_ticks(max((p.high for p in points), default=1.0) / factor)
    x_ticks = nice_ticks(max((p.x for p in points), default=1.0))
    y_top, x_top = y_ticks[-1] * factor, x_ticks[-1]

    def x_of(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * value / x_top, 2)

    def y_of(value: float) -> float:
        return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / y_top, 2)

    lines = []
    for position, (label, line) in enumerate(series.items()):
        ordered = sorted(line, key=lambda p: p.x)
        upper = [f"{x_of(p.x)},{y_of(p.high)}" for p in ordered]
        lower = [f"{x_of(p.x)},{y_of(p.low)}" for p in reversed(ordered)]
        has_band = len(ordered) > 1 and any(p.high > p.low for p in ordered)
        lines.append(
            Line(
                label=label,
                style=position % STYLES + 1,
                points=" ".join(f"{x_of(p.x)},{y_of(p.value)}" for p in ordered),
                band=" ".join([*upper, *lower]) if has_band else "",
                markers=tuple(
                    Marker(x_of(p.x), y_of(p.value), mark(position), p.words) for p in ordered
                ),
            )
        )
    return ChartShape(
        width=WIDTH,
        height=HEIGHT,
        left=LEFT,
        right=RIGHT,
        top=TOP,
        bottom=BOTTOM,
        y_title=f"{title}, {name}" if name else title,
        x_title=x_title,
        x_ticks=tuple(Tick(x_of(value), _short(value)) for value in x_ticks),
        y_ticks=tuple(Tick(y_of(value * factor), _plain(value)) for value in y_ticks),
        lines=tuple(lines),
    )


def nice_ticks(highest: float, wanted: int = 5) -> list[float]:
    """0 and equal steps of 1, 2, 2.5 or 5 times a power of ten, up to ``highest`` or just above."""
    if not math.isfinite(highest) or highest <= 0:
        return [0.0, 1.0]
    rough = highest / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= rough * 0.999)
    steps = math.ceil(highest / step * 0.999)
    return [round(step * i, 12) for i in range(steps + 1)]


def _plain(value: float) -> str:
    """``0.25``, ``50``, ``1,200``: a tick without zeros at its end."""
    return _trimmed(significant(value, 4)) if value else "0"


def _short(value: float) -> str:
    """A count: ``20 k`` rather than ``20.0 k``."""
    number, space, prefix = count(value).partition(NBSP)
    return _trimmed(number) + space + prefix


def _trimmed(number: str) -> str:
    return number.rstrip("0").rstrip(".") if "." in number else number


def words(label: str, model: str, value: float, unit: str, band: str, kind: str) -> str:
    """A point in words, for its tooltip."""
    return f"{label}, {model}: {quantity(value, unit)} {band} ({kind})"
