"""The rules of a window: five of at least 10 s and 10 inferences each, of which the median counts.

Sources: README of https://github.com/eembc/energyrunner ("Performance mode"), ``benchmark/runner``
of https://github.com/mlcommons/tiny (``script.py`` refuses other than five windows, ``main.py``
windows below 10 s). How long a window took is what the device's own clock says.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from hil.errors import DeviceFault, RunFailed

WINDOWS = 5
LEAST_S = 10.0
LEAST_INFERENCES = 10
_MARGIN = 0.01  # windows are planned so much longer
_TRIAL_S = 1.0  # a trial of so long is precise enough to plan with
_TRIALS = 8
_ATTEMPTS = 3  # to reach 10 s with a window
_MOST = 2**32 - 1  # inferences that a command can ask for

Infer = Callable[[int, int], int]
"""Runs inferences after warm-ups; returns the microseconds of the inferences by the device."""


@dataclass(frozen=True)
class Window:
    """``inferences`` that took ``elapsed_us`` together, by the device's clock."""

    inferences: int
    elapsed_us: int

    @property
    def throughput(self) -> float:
        """Inferences per second."""
        return self.inferences * 1e6 / self.elapsed_us

    @property
    def latency_us(self) -> float:
        """Microseconds of one inference."""
        return self.elapsed_us / self.inferences

    @property
    def valid(self) -> bool:
        """Whether it is as long as the rules ask for."""
        return self.elapsed_us >= LEAST_S * 1e6 and self.inferences >= LEAST_INFERENCES


def inferences_for_a_window(infer: Infer, warmups: int) -> int:
    """Find by trials how many inferences take 10 s, and a little more.

    Raises:
        DeviceFault: the device's clock does not count.
    """
    count = LEAST_INFERENCES
    for _ in range(_TRIALS):
        elapsed_us = _counted(infer(count, warmups))
        seconds = LEAST_S if elapsed_us >= _TRIAL_S * 1e6 else _TRIAL_S
        wanted = planned(count, elapsed_us, seconds)
        if seconds == LEAST_S:
            return wanted
        count = max(wanted, count + 1)
    raise DeviceFault(
        f"{count:,} inferences took {elapsed_us} us by the device's clock: it hardly counts",
        hint="the cycle counter or the clock that the firmware states is wrong",
    )


def planned(count: int, elapsed_us: int, seconds: float) -> int:
    """How many inferences take ``seconds`` if ``count`` take ``elapsed_us``; at least 10."""
    wanted = math.ceil(count * seconds * 1e6 * (1 + _MARGIN) / elapsed_us)
    return min(max(wanted, LEAST_INFERENCES), _MOST)


def valid_window(infer: Infer, count: int, warmups: int, prepare: Callable[[], None]) -> Window:
    """Run a window; one that turned out too short is run again with more inferences.

    ``prepare`` loads the input, before each attempt.

    Raises:
        DeviceFault: the device's clock does not count.
        RunFailed: the window is too short each time.
    """
    for _ in range(_ATTEMPTS):
        prepare()
        window = Window(count, _counted(infer(count, warmups)))
        if window.valid:
            return window
        count = planned(count, window.elapsed_us, LEAST_S)
    raise RunFailed(
        f"a window took {window.elapsed_us / 1e6:.3f} s instead of {LEAST_S:g} s, "
        f"{_ATTEMPTS} times in a row",
        hint="the time of an inference varies a lot: is the device's clock stable?",
    )


def _counted(elapsed_us: int) -> int:
    if elapsed_us <= 0:
        raise DeviceFault(
            "the device's clock does not count, so that a window has no length",
            hint="performance needs a cycle counter: a board, or a virtual board; on an emulator "
            "leave --board out, and times are modelled",
        )
    return elapsed_us
