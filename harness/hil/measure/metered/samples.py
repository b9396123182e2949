"""Samples of a recording as energies, over any part of it, and thinned out for a chart."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hil.errors import MeterFailed
from hil.records import Array, PowerTrace, Recording

TRACE_POINTS = 600
"""A stored trace has at most so many points."""


@dataclass(frozen=True)
class Span:
    """A window of a recording; each of its two edges may be ``edge_s`` earlier or later."""

    start_s: float
    end_s: float
    edge_s: float

    @property
    def seconds(self) -> float:
        """Its length."""
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Samples:
    """A recording's samples as energies in J.

    Raises (when made):
        MeterFailed: the recording is empty or contradicts itself.
    """

    recording: Recording

    def __post_init__(self) -> None:
        values = np.asarray(self.recording.values)
        if values.ndim != 1 or values.size == 0:
            raise MeterFailed("the meter recorded no samples", hint=_CABLES)
        if not (np.isfinite(self.recording.rate_hz) and self.recording.rate_hz > 0):
            raise MeterFailed(f"the recording's sample rate is {self.recording.rate_hz:g} Hz")
        if self.recording.quantity == "A" and self.recording.volts is None:
            raise MeterFailed(
                "the recording has currents without a supply voltage",
                hint="give `volts` of the board's meter",
            )
        for other in (self.recording.volts, self.recording.step):
            if isinstance(other, np.ndarray) and other.shape != values.shape:
                raise MeterFailed(
                    "the recording's columns have different lengths",
                    hint="the meter's data is damaged; record again",
                )

    @property
    def period_s(self) -> float:
        """Time of one sample."""
        return 1.0 / self.recording.rate_hz

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return len(self.joules) * self.period_s

    @cached_property
    def joules(self) -> Array:
        """Energy of each sample's interval."""
        values = np.asarray(self.recording.values, dtype=np.float64)
        if self.recording.quantity == "J":
            return values
        volts = 1.0 if self.recording.quantity == "W" else self.recording.volts
        return values * (np.asarray(volts) * self.period_s)

    def indices(self, span: Span) -> slice:
        """Samples that a span touches, wherever its edges are within their uncertainty."""
        first = int(np.floor((span.start_s - span.edge_s) / self.period_s))
        last = int(np.ceil((span.end_s + span.edge_s) / self.period_s))
        return slice(max(first, 0), min(last, len(self.joules)))

    def energy_j(self, span: Span) -> float:
        """Energy of a span; of the samples at its ends the part that is inside."""
        begin, end = span.start_s / self.period_s, span.end_s / self.period_s
        first, last = int(np.floor(begin)), min(int(np.ceil(end)), len(self.joules))
        part = self.joules[first:last].copy()
        part[0] *= min(first + 1, end) - begin
        if len(part) > 1:
            part[-1] *= 1.0 - (last - end)
        return float(part.sum())

    def trace(self) -> PowerTrace:
        """The power over the whole recording in at most ``TRACE_POINTS`` steps."""
        count = len(self.joules)
        per_point = -(-count // TRACE_POINTS)
        milliwatts = np.empty(-(-count // per_point) * per_point)
        milliwatts[:count] = self.joules * (1e3 / self.period_s)
        points = milliwatts.reshape(-1, per_point)
        if short := points.size - count:  # fill the last point with its own mean
            points[-1, per_point - short :] = points[-1, : per_point - short].mean()
        return PowerTrace(
            per_point * self.period_s,
            _numbers(points.min(axis=1)),
            _numbers(points.mean(axis=1)),
            _numbers(points.max(axis=1)),
        )


_CABLES = "check that the board draws its current through the meter"


def _numbers(values: Array) -> tuple[float | None, ...]:
    return tuple(float(f"{value:.5g}") if np.isfinite(value) else None for value in values)
