"""Steps in the history of a figure: where its level changed, and from what to what.

Emulated and static figures repeat exactly, so every change is a step. Measured figures scatter: the
level is piecewise constant under noise, and the changes are found by kernel change-point detection
with a linear kernel, which is the least-squares fit of a piecewise constant function with a penalty
on the number of pieces (PELT: Killick, Fearnhead and Eckley, "Optimal detection of changepoints
with a linear computational cost", JASA 107, 2012; the implementation is ``ruptures``, Truong, Oudre
and Vayatis, Signal Processing 167, 2020). asv fits the same function with absolute instead of
squared deviations, for the sake of single outliers; here a running median of three removes those
before the fit. So a single run never makes a step: a measured change shows after two runs.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from hil.figures import unit

_ROUNDING = 1e-9  # of the value: sums of floating-point numbers differ by less
_PENALTY = 8.0  # times variance times log(n); tests/site/test_steps.py has the rate of false steps
_LEAST_SIZE = 2  # runs of one level
_FLOOR = 1e-4  # relative scatter that is always allowed: readings are rounded
_NORMAL = 1.4826  # standard deviation of a normal distribution / median absolute deviation


@dataclass(frozen=True)
class Value:
    """One value of the history; values of different kinds or units are not compared."""

    value: float
    kind: str
    unit: str


@dataclass(frozen=True)
class Level:
    """The values at ``first`` to ``last`` (positions, both included) are at one level."""

    first: int
    last: int
    value: float


@dataclass(frozen=True)
class Step:
    """The level changes between the positions ``before`` and ``after``, from ``old`` to ``new``."""

    before: int
    after: int
    old: float
    new: float

    @property
    def change(self) -> float | None:
        """The change as a fraction of the old level; None where that is 0."""
        return self.new / self.old - 1 if self.old else None


def levels(values: Sequence[Value | None]) -> list[list[Level]]:
    """Return the levels of a history, a list for each part of one kind and unit.

    None (no value, such as of a failed run) and values that are not finite are skipped.
    """
    parts: list[list[tuple[int, Value]]] = []
    for position, value in enumerate(values):
        if value is None or not math.isfinite(value.value):
            continue
        if not parts or _sort(parts[-1][-1][1]) != _sort(value):
            parts.append([])
        parts[-1].append((position, value))
    return [_levels(part) for part in parts]


def steps(values: Sequence[Value | None]) -> list[Step]:
    """Return the steps of a history, the oldest first."""
    return [
        Step(old.last, new.first, old.value, new.value)
        for part in levels(values)
        for old, new in itertools.pairwise(part)
    ]


def scatters(value: Value) -> bool:
    """Whether repeated runs of the same firmware would give other values: a measured quantity."""
    return value.kind == "measured" and unit(value.unit).name != "bytes"


def _sort(value: Value) -> tuple[str, str]:
    return value.kind, value.unit


def _levels(part: Sequence[tuple[int, Value]]) -> list[Level]:
    numbers = [value.value for _, value in part]
    starts = _noisy_starts(numbers) if scatters(part[0][1]) else _exact_starts(numbers)
    ends = [*starts[1:], len(part)]
    return [
        Level(part[start][0], part[end - 1][0], _median(numbers[start:end]))
        for start, end in zip(starts, ends, strict=True)
    ]


def _exact_starts(numbers: Sequence[float]) -> list[int]:
    """Positions at which a level begins, where equal runs give equal values."""
    starts = [0]
    for position in range(1, len(numbers)):
        level = numbers[starts[-1]]
        if abs(numbers[position] - level) > _ROUNDING * abs(level):
            starts.append(position)
    return starts


def _noisy_starts(numbers: Sequence[float]) -> list[int]:
    """The same under noise."""
    count = len(numbers)
    if count < 2 * _LEAST_SIZE:
        return [0]
    import numpy as np
    from ruptures.detection.kernelcpd import KernelCPD

    # Logarithms: noise of times and energies is a share of the value.
    positive = min(numbers) > 0
    signal = np.log(numbers) if positive else np.asarray(numbers) / max(map(abs, numbers))
    middle = np.median(np.stack((signal[:-2], signal[1:-1], signal[2:])), axis=0)
    smooth = np.concatenate((middle[:1], middle, middle[-1:]))
    noise = _NORMAL * float(np.median(np.abs(np.diff(signal)))) / math.sqrt(2)
    penalty = _PENALTY * max(noise, _FLOOR) ** 2 * math.log(count)
    found = KernelCPD(kernel="linear", min_size=_LEAST_SIZE).fit(smooth.reshape(-1, 1))
    return [0, *found.predict(pen=penalty)[:-1]]


def _median(numbers: Sequence[float]) -> float:
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
