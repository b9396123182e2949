"""A board's supply of known energy, as a meter would sample it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from hil.records import Array, Edge, MeteredRun, Recording, WindowSign


@dataclass(frozen=True)
class Supply:
    """Power in W over time: ``idle_w`` outside of windows, in a window layers of their own power.

    ``layers`` are (share of the window's time, W); the window repeats ``inferences`` times the
    same layers. ``noise_w`` is added to each sample.
    """

    windows: int = 3
    inferences: int = 10
    latency_s: float = 0.010
    idle_w: float = 0.020
    layers: Sequence[tuple[float, float]] = ((0.5, 0.050), (0.3, 0.040), (0.2, 0.060))
    first_s: float = 0.0503
    pause_s: float = 0.0317
    noise_w: float = 0.0
    seed: int = 0
    breaks: tuple[Array, Array] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        times, powers, at = [0.0], [self.idle_w], self.first_s
        for _ in range(self.windows):
            for _ in range(self.inferences):
                for share, watts in self.layers:
                    times.append(at)
                    powers.append(watts)
                    at += share * self.latency_s
            times.append(at)
            powers.append(self.idle_w)
            at += self.pause_s
        object.__setattr__(self, "breaks", (np.array(times), np.array(powers)))

    @property
    def spans(self) -> list[tuple[float, float]]:
        """Begin and end of each window."""
        length = self.inferences * self.latency_s
        begins = [self.first_s + k * (length + self.pause_s) for k in range(self.windows)]
        return [(begin, begin + length) for begin in begins]

    @property
    def seconds(self) -> float:
        return self.spans[-1][1] + self.pause_s

    @property
    def energy_uj(self) -> float:
        """The truth: of one inference."""
        return sum(share * watts for share, watts in self.layers) * self.latency_s * 1e6

    def joules(self, at: Array) -> Array:
        """Energy from 0 to each of the times."""
        times, powers = self.breaks
        sums = np.concatenate([[0.0], np.cumsum(powers[:-1] * np.diff(times))])
        index = np.searchsorted(times, at, side="right") - 1
        return sums[index] + powers[index] * (at - times[index])

    def watts(self, rate_hz: float, phase: float = 0.0) -> Array:
        """Mean power of each sample; the first sample begins ``phase`` periods after 0."""
        count = math.floor(self.seconds * rate_hz - phase)
        bounds = (np.arange(count + 1) + phase) / rate_hz
        found = np.diff(self.joules(bounds)) * rate_hz
        if self.noise_w:
            found = found + np.random.default_rng(self.seed).normal(0, self.noise_w, count)
        return found

    def low(self, at: Array) -> Array:
        """Whether the window pin is low at each of the times."""
        return np.any([(begin <= at) & (at < end) for begin, end in self.spans], axis=0)

    def edges(self, rate_hz: float, phase: float = 0.0) -> tuple[Edge, ...]:
        """The pin as sampled in the middle of each sample."""
        count = math.floor(self.seconds * rate_hz - phase)
        low = self.low((np.arange(count) + phase + 0.5) / rate_hz)
        changes = np.flatnonzero(low[1:] != low[:-1]) + 1
        return tuple(Edge(k / rate_hz, not low[k], 1.0 / rate_hz) for k in changes)

    def run(
        self, rate_hz: float = 100_000.0, phase: float = 0.0, sign: WindowSign = "level"
    ) -> MeteredRun:
        """What a perfect power meter gives of it."""
        edges = self.edges(rate_hz, phase)
        if sign == "pulses":
            edges = tuple(Edge(e.at_s, False, e.uncertainty_s) for e in edges)
        recording = Recording(
            "Perfect 1", rate_hz, "W", self.watts(rate_hz, phase), None, edges, 0, 0.0
        )
        return MeteredRun(
            recording,
            sign,
            self.windows,
            self.inferences,
            self.latency_s * 1e6,
        )
