"""The energy meter of a board: powers it, and records while inferences run."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from hil.boards import Board
from hil.records import MeteredRun, Recording
from hil.targets.dut.client import DutClient
from hil.targets.meters.interface import Meter, MeterOptions
from hil.targets.meters.registry import meter as find_meter

WINDOWS = 5
WINDOW_S = 1.0
PAUSE_S = 0.25
"""Before, between and after the windows: the baseline of windows by the load, and time for the
meter to deliver."""


@dataclass(frozen=True)
class OpenMeter:
    """A board's meter, connected; ``instrument`` is its model, serial number and firmware."""

    meter: Meter
    instrument: str

    def record(self, client: DutClient, cycles_us: float | None, timeout_s: float) -> MeteredRun:
        """Run ``WINDOWS`` windows of equally many inferences while the meter records.

        ``cycles_us`` is the time of an inference as far as it is known. The device's clock times
        the windows again, so that a recording that contradicts it is refused.

        Raises:
            MeterFailed: the meter stopped or refused.
            DeviceFault, DeviceTimeout, LinkError: see :class:`DutClient`.
        """
        latency_us = cycles_us or float(client.infer().elapsed_us)
        runs = inferences_in_window(latency_us, timeout_s)
        elapsed = []
        self.meter.start()
        time.sleep(PAUSE_S)
        for _ in range(WINDOWS):
            elapsed.append(client.infer(runs).elapsed_us / runs)
            time.sleep(PAUSE_S)
        recording = self.meter.stop()
        clock_us = statistics.median(elapsed)
        return MeteredRun(recording, self.meter.sign, WINDOWS, runs, clock_us or cycles_us)

    def around(self, run: Callable[[], None]) -> Recording:
        """Record while ``run`` runs, and a moment before and after it."""
        self.meter.start()
        time.sleep(PAUSE_S)
        run()
        time.sleep(PAUSE_S)
        return self.meter.stop()

    @property
    def facts(self) -> Mapping[str, str]:
        """For provenance."""
        return {"meter": self.meter.name, "meter_instrument": self.instrument}


def inferences_in_window(latency_us: float, timeout_s: float) -> int:
    """How many inferences make a window of ``WINDOW_S``, or half the time that an answer has."""
    window_us = min(WINDOW_S, timeout_s / 2) * 1e6
    return max(1, math.ceil(window_us / latency_us)) if latency_us > 0 else 1


def window_defines(board: Board) -> Mapping[str, str]:
    """The defines with which firmware moves the pin that the board's meter listens to.

    Raises:
        UsageError: the meter's options are invalid.
        MissingTool: its module cannot be imported.
    """
    if board.meter is None:
        return {}
    sign = _made(board).sign
    if sign == "none":
        return {}
    pulses = {"HIL_WINDOW_PULSES": "1"} if sign == "pulses" else {}
    return {"HIL_WINDOW_PIN": "1", **pulses}


@contextmanager
def opened(board: Board) -> Iterator[OpenMeter | None]:
    """Connect the board's meter, and switch the board on where the meter supplies it; None
    without a meter.

    Raises:
        UsageError: the meter's options are invalid.
        MissingTool: its library or the instrument is not there, or is in use.
        MeterFailed: it does not answer as such an instrument.
    """
    if board.meter is None:
        yield None
        return
    meter = _made(board)
    try:
        instrument = meter.open()
        if meter.supplies:
            meter.power(True)
        yield OpenMeter(meter, instrument)
    finally:
        meter.close()


def _made(board: Board) -> Meter:
    assert board.meter is not None
    return find_meter(board.meter.name, MeterOptions(board.meter.volts, board.meter.options))
