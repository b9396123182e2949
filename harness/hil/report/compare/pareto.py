"""Time against RAM over all candidates of one model: the Pareto front, and positions of points.

Positions across are per cent of the plot's width, which follows the page; heights are pixels. The
label of a point is its number, on a wide plot with the data type after it where runs differ in it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise

from hil.records import Measurement, RunRecord
from hil.report.compare.labels import HEIGHT_PX, NARROW_PX, Label, Spot, place_labels
from hil.report.words.axes import Tick, round_step
from hil.report.words.format import round_text
from hil.report.words.naming import engine_title, family, model_name, names
from hil.verdict.kinship import arithmetic

_TICK_X_PX, _TICK_Y_PX = 52.0, 36.0  # at least between two ticks
_LOG_FROM = 8.0  # a span of more than this factor gets a logarithmic axis
_MARGIN = 0.07  # of an axis, left free at both ends
_WIDE_MARGIN = 0.11  # of the axis of time where labels are long
SHAPES = ("circle", "square", "diamond", "triangle", "down", "plus", "cross", "bar")


@dataclass(frozen=True)
class Point:
    """A candidate: its figures, its place, and its label beside it.

    ``detail`` is of the label, on wide plots; ``dominated_by`` the number of one that is no worse
    in both figures and better in one, None on the front.
    """

    number: int
    run_id: str
    name: str
    detail: str
    shape: str
    time: Measurement
    ram: Measurement
    dominated_by: int | None
    x: float
    y: float
    label: Label


@dataclass(frozen=True)
class Pareto:
    """The picture and its table for one model; ``front`` are the steps as (x, y) of its corners."""

    anchor: str
    model_name: str
    points: tuple[Point, ...]
    front: tuple[tuple[float, float], ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_log: bool
    y_log: bool
    legend: tuple[tuple[str, str], ...]
    summary: str


@dataclass(frozen=True)
class _Axis:
    low: float
    high: float
    log: bool

    def at(self, value: float) -> float:
        """Position from 0 to 1."""
        if self.log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)


def paretos(runs: Sequence[RunRecord]) -> tuple[Pareto, ...]:
    """One picture for each model of which at least three runs passed with time and RAM."""
    groups: dict[str, dict[str, RunRecord]] = {}
    for run in runs:
        if _counts(run) and family(run):
            groups.setdefault(family(run), {})[run.run_id] = run
    large = [list(group.values()) for group in groups.values() if len(group) > 2]
    return tuple(_pareto(group, f"pareto-{position}") for position, group in enumerate(large, 1))


def _counts(run: RunRecord) -> bool:
    values = [run.measurements.get(name) for name in ("latency_us", "ram_bytes")]
    return run.status == "passed" and all(v is not None and v.value > 0 for v in values)


def dominated_by(values: Sequence[tuple[float, float]]) -> list[int | None]:
    """For each (time, RAM) the position of one that is no worse in both and better in one.

    Of several the one with the least time is named. Equal points do not dominate each other.
    """
    found: list[int | None] = []
    for time, ram in values:
        better = [
            (*other, position)
            for position, other in enumerate(values)
            if other[0] <= time and other[1] <= ram and other != (time, ram)
        ]
        found.append(min(better)[2] if better else None)
    return found


def _pareto(runs: list[RunRecord], anchor: str) -> Pareto:
    runs = sorted(runs, key=_values)
    values = [_values(run) for run in runs]
    wide = len({arithmetic(run) for run in runs}) > 1
    x_axis = _axis([value[0] for value in values], _WIDE_MARGIN if wide else _MARGIN)
    y_axis = _axis([value[1] for value in values], _MARGIN)
    spots = [(100 * x_axis.at(t), HEIGHT_PX * (1 - y_axis.at(r))) for t, r in values]
    dominating = dominated_by(values)
    front = _steps([spot for spot, by in zip(spots, dominating, strict=True) if by is None])
    shape_of = _distinguished_by(runs)
    legend = dict(zip(dict.fromkeys(map(shape_of, runs)), cycle(SHAPES), strict=False))
    points = _points(runs, spots, front, dominating, [legend[shape_of(run)] for run in runs])
    return Pareto(
        anchor=anchor,
        model_name=model_name(runs[0]),
        points=points,
        front=front,
        x_ticks=tuple(
            Tick(100 * x_axis.at(v), round_text(v, "us"))
            for v in _ticks(x_axis, False, _TICK_X_PX / NARROW_PX)
        ),
        y_ticks=tuple(
            Tick(HEIGHT_PX * (1 - y_axis.at(v)), round_text(v, "bytes"))
            for v in _ticks(y_axis, True, _TICK_Y_PX / HEIGHT_PX)
        ),
        x_log=x_axis.log,
        y_log=y_axis.log,
        legend=tuple(legend.items()),
        summary=_summary(points),
    )


def _points(
    runs: Sequence[RunRecord],
    spots: Sequence[Spot],
    front: Sequence[Spot],
    dominating: Sequence[int | None],
    shapes: Sequence[str],
) -> tuple[Point, ...]:
    types = [arithmetic(run) for run in runs]
    details = types if len(set(types)) > 1 else [""] * len(runs)
    labels = place_labels(spots, front, details)
    called = names(runs)
    return tuple(
        Point(
            number=i + 1,
            run_id=run.run_id,
            name=called[i],
            detail=details[i],
            shape=shapes[i],
            time=run.measurements["latency_us"],
            ram=run.measurements["ram_bytes"],
            dominated_by=None if by is None else by + 1,
            x=spots[i][0],
            y=spots[i][1],
            label=labels[i],
        )
        for i, (run, by) in enumerate(zip(runs, dominating, strict=True))
    )


def _distinguished_by(runs: Sequence[RunRecord]) -> Callable[[RunRecord], str]:
    """What the shapes show: engines, or with one engine data types, if there are several."""
    engines = {engine_title(run) for run in runs}
    one_engine = len(engines) == 1 and len({arithmetic(run) for run in runs}) > 1
    return arithmetic if one_engine else engine_title


def _values(run: RunRecord) -> tuple[float, float]:
    return run.measurements["latency_us"].value, run.measurements["ram_bytes"].value


def _axis(values: Sequence[float], margin: float) -> _Axis:
    low, high = min(values), max(values)
    if high / low > _LOG_FROM:
        factor = (high / low) ** (margin / (1 - 2 * margin))
        return _Axis(low / factor, high * factor, True)
    span = (high - low) or high * 0.2
    free = span * margin / (1 - 2 * margin)
    return _Axis(max(0.0, low - free), high + free, False)


def _ticks(axis: _Axis, binary: bool, gap: float) -> list[float]:
    """Round values inside the axis, at least ``gap`` (of its length) apart.

    Bytes step in powers of two, other values in 1, 2 and 5 times powers of ten.
    """
    for values in _tick_choices(axis, binary):
        found = [value for value in values if axis.low <= value <= axis.high]
        spots = [axis.at(value) for value in found]
        if all(b - a >= gap for a, b in pairwise(spots)):
            return found
    return found[:1]


def _tick_choices(axis: _Axis, binary: bool) -> Iterator[list[float]]:
    """Sets of ticks, each with fewer than the one before."""
    if not axis.log:
        for parts in (5, 4, 3, 2, 1):
            step = _step((axis.high - axis.low) / parts, binary)
            first, last = math.ceil(axis.low / step), math.floor(axis.high / step)
            yield [step * i for i in range(first, last + 1)]
        return
    base = 2.0 if binary else 10.0
    exponents = range(
        math.floor(math.log(axis.low, base)), math.ceil(math.log(axis.high, base)) + 1
    )
    if not binary:
        yield [base**e * s for e in exponents for s in (1, 2, 5)]
        yield [base**e * s for e in exponents for s in (1, 3)]
    for every in (1, 2, 3, 4, 6, 8):
        yield [base**e for e in exponents[::every]]


def _step(rough: float, binary: bool) -> float:
    if binary:
        return float(2.0 ** round(math.log2(max(rough, 1.0))))
    return round_step(rough)


def _steps(corners: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """The front as a staircase: along to the next point's time, then down to its RAM."""
    line: list[tuple[float, float]] = []
    for x, y in corners:
        if line:
            line.append((x, line[-1][1]))
        line.append((x, y))
    return tuple(line)


def _summary(points: Sequence[Point]) -> str:
    front = [point for point in points if point.dominated_by is None]
    listing = ", ".join(
        f"{point.number}" + (f" ({point.name})" if len(front) < 4 else "") for point in front
    )
    if len(front) == 1:
        return f"One is best in both time and RAM: {listing}."
    return f"{len(front)} of {len(points)} are on the front, where less time costs RAM: {listing}."
