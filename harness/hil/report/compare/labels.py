"""Places for the labels of a scatter chart's points.

A label is a number, on a wide plot with a detail after it. It is placed so that it meets no other
label and no point at any width of the plot: two boxes that are apart in height stay apart, and two
that are apart across at both ends of a range of widths, in the same order, are apart between them.
Positions across are per cent of the plot's width, which follows the page; heights are pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

HEIGHT_PX = 300
NARROW_PX = 270.0
"""The least width of the plot: a phone's."""
_WIDTHS_PX = (NARROW_PX, 1150.0)
_WIDE_PX = (590.0, 1150.0)  # with the whole label; style.css shows it from the same width on
_CHAR_PX, _LINE_PX, _POINT_PX = 7.2, 15.0, 7.0

_OFFSETS = tuple(
    (dx * far, dy * far)
    for far in (1.0, 1.7, 2.4, 3.2)
    for dx, dy in ((-10, 0), (-9, 10), (9, -10), (10, 0), (9, 10), (-9, -10), (0, 13), (0, -13))
)
Spot = tuple[float, float]
"""A position: x in per cent, y in px."""


class Label(NamedTuple):
    """A label's offset from its point in px, and its SVG text anchor."""

    dx: float
    dy: float
    anchor: str


class _Box(NamedTuple):
    """A box around the point at ``x`` (in per cent): its edges in px, left and right from there."""

    x: float
    left: float
    right: float
    top: float
    bottom: float

    def sides(self, width: float) -> tuple[float, float]:
        """Left and right in px on a plot of this width."""
        at = self.x * width / 100
        return at + self.left, at + self.right


def place_labels(
    spots: Sequence[Spot], front: Sequence[Spot], details: Sequence[str]
) -> list[Label]:
    """The label of each point, at the first free place of a spiral.

    Another label or point is worse than the edge, than being nearer to another point, and than
    the line of the front.
    """
    taken = [_Box(x, -_POINT_PX, _POINT_PX, y - _POINT_PX, y + _POINT_PX) for x, y in spots]
    taken_wide = list(taken)
    placed = []
    for own, (spot, detail) in enumerate(zip(spots, details, strict=True)):
        short = str(own + 1)
        long = f"{short} {detail}" if detail else short
        best = math.inf
        for dx, dy in _OFFSETS:
            box, wide = _box(spot, short, dx, dy), _box(spot, long, dx, dy)
            cost = _cost(box, own, taken, spots, front, _WIDTHS_PX)
            if detail:
                cost += _cost(wide, own, taken_wide, spots, front, _WIDE_PX)
            if cost < best:
                best, chosen, boxes = cost, (dx, dy), (box, wide)
        placed.append(Label(*chosen, _anchor(chosen[0])))
        taken.append(boxes[0])
        taken_wide.append(boxes[1])
    return placed


def _anchor(dx: float) -> str:
    return "start" if dx > 0 else "end" if dx < 0 else "middle"


def _box(spot: Spot, text: str, dx: float, dy: float) -> _Box:
    width = _CHAR_PX * len(text) + 2
    left = dx if dx > 0 else dx - width if dx < 0 else -width / 2
    top = spot[1] + dy - _LINE_PX / 2
    return _Box(spot[0], left, left + width, top, top + _LINE_PX)


def _cost(
    box: _Box,
    own: int,
    taken: Sequence[_Box],
    spots: Sequence[Spot],
    front: Sequence[Spot],
    widths: tuple[float, float],
) -> float:
    """How badly a label of point ``own`` would be placed there on plots of these widths."""
    meets = sum(_meet(box, other, widths) for other in taken)
    astray = any(_is_astray(box, own, spots, width) for width in widths)
    on_line = any(_is_on_line(box, front, width) for width in widths)
    return meets + 0.5 * _is_outside(box, widths[0]) + 0.4 * astray + 0.25 * on_line


def _meet(a: _Box, b: _Box, widths: tuple[float, float]) -> bool:
    """Whether two boxes can overlap at some width of the plot between the two."""
    if a.bottom <= b.top or b.bottom <= a.top:
        return False
    sides = [(a.sides(width), b.sides(width)) for width in widths]
    a_first = all(left[1] <= right[0] for left, right in sides)
    b_first = all(right[1] <= left[0] for left, right in sides)
    return not (a_first or b_first)


def _is_astray(box: _Box, own: int, spots: Sequence[Spot], width: float) -> bool:
    """Whether a label would be nearer to another point than to its own."""
    left, right = box.sides(width)
    gaps = [
        math.hypot(
            max(left - x * width / 100, 0, x * width / 100 - right),
            max(box.top - y, 0, y - box.bottom),
        )
        for x, y in spots
    ]
    return min(gaps) < gaps[own] - 1


def _is_on_line(box: _Box, line: Sequence[Spot], width: float) -> bool:
    """Whether a line of level and upright pieces runs through a box."""
    left, right = box.sides(width)
    return any(
        min(x1, x2) * width / 100 < right
        and max(x1, x2) * width / 100 > left
        and min(y1, y2) < box.bottom
        and max(y1, y2) > box.top
        for (x1, y1), (x2, y2) in pairwise(line)
    )


def _is_outside(box: _Box, width: float) -> bool:
    left, right = box.sides(width)
    return left < 0 or right > width or box.top < 0 or box.bottom > HEIGHT_PX
