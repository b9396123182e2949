"""Geometry of a study's charts: lines by data type over the size of the model, with bands."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.report.words.axes import Tick, round_step
from hil.report.words.format import NBSP, count, scale_of, significant, trimmed

_MARKS = (
    "M-4,0a4,4 0 1,0 8,0a4,4 0 1,0 -8,0z",
    "M-3.6,-3.6h7.2v7.2h-7.2z",
    "M0,-4.8L4.6,3.4h-9.2z",
    "M0,-5.2L5.2,0L0,5.2L-5.2,0z",
    "M-4.2,-1.4h2.8v-2.8h2.8v2.8h2.8v2.8h-2.8v2.8h-2.8v-2.8h-2.8z",
    "M0,4.8L4.6,-3.4h-9.2z",
)
STYLES = len(_MARKS)
"""Colours with marker shapes and dashes of their own; more series begin again."""


@dataclass(frozen=True)
class Point:
    """One figure of one run: ``low`` and ``high`` are the ends of its band (the value without).

    Lines join points of one ``family`` only.
    """

    x: float
    value: float
    low: float
    high: float
    words: str
    family: str = ""


@dataclass(frozen=True)
class Marker:
    """A point of a line, and its tooltip."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Line:
    """One series: a polyline and the outline of its band for each family, and all markers.

    ``mark`` is the path of a marker's shape around (0, 0).
    """

    label: str
    style: int
    mark: str
    segments: tuple[str, ...]
    bands: tuple[str, ...]
    markers: tuple[Marker, ...]


@dataclass(frozen=True)
class Chart:
    """All that is drawn, in the SVG's units."""

    y_title: str
    x_title: str
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[Line, ...]
    width: float = 520.0
    height: float = 300.0
    left: float = 62.0
    right: float = 14.0
    top: float = 12.0
    bottom: float = 40.0


@dataclass(frozen=True)
class _Plane:
    """From values to the SVG's units; both axes begin at 0, so that lengths compare."""

    x_top: float
    y_top: float

    def x(self, value: float) -> float:
        return round(Chart.left + (Chart.width - Chart.left - Chart.right) * value / self.x_top, 2)

    def y(self, value: float) -> float:
        length = Chart.height - Chart.top - Chart.bottom
        return round(Chart.height - Chart.bottom - length * value / self.y_top, 2)

    def at(self, x: float, value: float) -> str:
        return f"{self.x(x)},{self.y(value)}"


def draw(series: Mapping[str, Sequence[Point]], unit: str, title: str, x_title: str) -> Chart:
    """Lay out a chart of all series; ``unit`` is that of the points' values."""
    points = [point for line in series.values() for point in line]
    highest = max((p.high for p in points), default=1.0) or 1.0
    factor, name = scale_of(highest, unit)
    y_ticks = nice_ticks(highest / factor)
    x_ticks = nice_ticks(max((p.x for p in points), default=1.0))
    plane = _Plane(x_ticks[-1], y_ticks[-1] * factor)
    return Chart(
        y_title=f"{title}, {name}" if name else title,
        x_title=x_title[:1].upper() + x_title[1:],
        x_ticks=tuple(Tick(plane.x(value), _short(value)) for value in x_ticks),
        y_ticks=tuple(Tick(plane.y(value * factor), _plain(value)) for value in y_ticks),
        lines=tuple(
            _line(label, position, line, plane)
            for position, (label, line) in enumerate(series.items())
        ),
    )


def _line(label: str, position: int, points: Sequence[Point], plane: _Plane) -> Line:
    ordered = sorted(points, key=lambda p: p.x)
    families = [
        [p for p in ordered if p.family == family]
        for family in dict.fromkeys(p.family for p in ordered)
    ]
    return Line(
        label=label,
        style=position % STYLES + 1,
        mark=_MARKS[position % STYLES],
        segments=tuple(
            " ".join(plane.at(p.x, p.value) for p in part) for part in families if len(part) > 1
        ),
        bands=tuple(_band(part, plane) for part in families if any(p.high > p.low for p in part)),
        markers=tuple(Marker(plane.x(p.x), plane.y(p.value), p.words) for p in ordered),
    )


def _band(points: Sequence[Point], plane: _Plane) -> str:
    """The outline around the bands of joined points; a bar around that of one alone."""
    if len(points) == 1:
        x, high, low = plane.x(points[0].x), plane.y(points[0].high), plane.y(points[0].low)
        return f"{x - 3:g},{high} {x + 3:g},{high} {x + 3:g},{low} {x - 3:g},{low}"
    upper = [plane.at(p.x, p.high) for p in points]
    lower = [plane.at(p.x, p.low) for p in reversed(points)]
    return " ".join([*upper, *lower])


def nice_ticks(highest: float, wanted: int = 5) -> list[float]:
    """0 and equal steps of 1, 2, 2.5 or 5 times a power of ten, up to ``highest`` or just above."""
    if not math.isfinite(highest) or highest <= 0:
        return [0.0, 1.0]
    step = round_step(highest / wanted)
    steps = math.ceil(highest / step * 0.999)
    return [round(step * i, 12) for i in range(steps + 1)]


def _plain(value: float) -> str:
    """``0.25``, ``50``, ``1,200``: a tick without zeros at its end."""
    return trimmed(significant(value, 4)) if value else "0"


def _short(value: float) -> str:
    """A count: ``20 k`` rather than ``20.0 k``."""
    number, space, prefix = count(value).partition(NBSP)
    return trimmed(number) + space + prefix
