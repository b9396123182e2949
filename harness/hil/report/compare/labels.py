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
_Box = tuple[float, float, float, float, float]  # x in per cent; left, right, top, bottom in px


def place_labels(
    spots: Sequence[tuple[float, float]],
    front: Sequence[tuple[float, float]],
    details: Sequence[str],
) -> list[tuple[float, float, str]]:
    """Offsets (dx, dy) in px and text anchor of each label, the first free place of a spiral.

    Another label or point is worse than the edge, than standing nearer to another point, and than
    the line of the front.
    """
    taken: list[_Box] = [(x, -_POINT_PX, _POINT_PX, y - _POINT_PX, y + _POINT_PX) for x, y in spots]
    taken_wide = list(taken)
    placed = []
    for i, (x, y) in enumerate(spots):
        short = _label_px(str(i + 1))
        long = _label_px(f"{i + 1} {details[i]}") if details[i] else short
        choice = min(
            (
                (
                    _candidate(x, y, short, dx, dy),
                    _candidate(x, y, long, dx, dy),
                )
                for dx, dy in _OFFSETS
            ),
            key=lambda c: (
                _cost(c[0][1], taken, front, _WIDTHS_PX)
                + _astray(c[0][1], i, spots, _WIDTHS_PX)
                + (_cost(c[1][1], taken_wide, front, _WIDE_PX) if long > short else 0)
                + (_astray(c[1][1], i, spots, _WIDE_PX) if long > short else 0)
            ),
        )
        placed.append(choice[0][0])
        taken.append(choice[0][1])
        taken_wide.append(choice[1][1])
    return placed


def _label_px(text: str) -> float:
    return _CHAR_PX * len(text) + 2


def _cost(
    box: _Box,
    taken: Sequence[_Box],
    front: Sequence[tuple[float, float]],
    widths: tuple[float, float],
) -> float:
    """How badly a label would stand there on plots of these widths."""
    meets = sum(_meet(box, other, widths) for other in taken)
    return meets + _outside(box, widths[0]) + 0.25 * _on_line(box, front, widths)


def _astray(
    box: _Box, own: int, spots: Sequence[tuple[float, float]], widths: tuple[float, float]
) -> float:
    """Whether a label would stand nearer to another point than to its own."""
    for width in widths:
        gaps = [_gap(box, spot, width) for spot in spots]
        if min(gaps) < gaps[own] - 1:
            return 0.4
    return 0.0


def _gap(box: _Box, spot: tuple[float, float], width: float) -> float:
    """Pixels between a box and a point, 0 inside."""
    x, left, right, top, bottom = box
    at = (spot[0] - x) * width / 100
    return math.hypot(max(left - at, 0, at - right), max(top - spot[1], 0, spot[1] - bottom))


def _candidate(
    x: float, y: float, width: float, dx: float, dy: float
) -> tuple[tuple[float, float, str], _Box]:
    anchor = "start" if dx > 0 else "end" if dx < 0 else "middle"
    left = dx if dx > 0 else dx - width if dx < 0 else -width / 2
    top = y + dy - _LINE_PX / 2
    return (dx, dy, anchor), (x, left, left + width, top, top + _LINE_PX)


def _meet(a: _Box, b: _Box, widths: tuple[float, float]) -> bool:
    """Whether two boxes can overlap at some width of the plot between the two."""
    if a[4] <= b[3] or b[4] <= a[3]:
        return False
    narrow, wide = (
        ((a[0] * w / 100 + a[1], a[0] * w / 100 + a[2]),
         (b[0] * w / 100 + b[1], b[0] * w / 100 + b[2]))
        for w in widths
    )  # fmt: skip
    a_first = narrow[0][1] <= narrow[1][0] and wide[0][1] <= wide[1][0]
    b_first = narrow[1][1] <= narrow[0][0] and wide[1][1] <= wide[0][0]
    return not (a_first or b_first)


def _on_line(box: _Box, line: Sequence[tuple[float, float]], widths: tuple[float, float]) -> bool:
    """Whether a line of level and upright pieces runs through a box on a narrow or wide plot."""
    for width in widths:
        left, right = (box[0] * width / 100 + edge for edge in box[1:3])
        for (x1, y1), (x2, y2) in pairwise(line):
            across = min(x1, x2) * width / 100 < right and max(x1, x2) * width / 100 > left
            if across and min(y1, y2) < box[4] and max(y1, y2) > box[3]:
                return True
    return False


def _outside(box: _Box, width: float) -> float:
    left = box[0] * width / 100 + box[1]
    right = box[0] * width / 100 + box[2]
    return 0.5 * (left < 0 or right > width or box[3] < 0 or box[4] > HEIGHT_PX)
