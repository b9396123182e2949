"""What an energy meter recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hil.records.arrays import Array


@dataclass(frozen=True)
class Edge:
    """A change of the trigger line to 1 (``rising``) or to 0: ``at_s`` seconds after the begin of
    the first sample's interval, at most ``uncertainty_s`` earlier or later.
    """

    at_s: float
    rising: bool
    uncertainty_s: float


@dataclass(frozen=True)
class Recording:
    """Samples of a supply at ``rate_hz``, and the edges of the trigger line among them.

    Sample k covers the interval from k to k + 1 sample periods. ``values`` are energies of the
    intervals in J, mean currents in A or mean powers in W, as ``quantity`` says: NaN for a sample
    that was lost, infinite for one beyond the instrument's range. ``volts`` is the supply for
    currents: one value, or one for each sample.

    ``lost`` counts samples that the meter or the link dropped. ``accuracy_pct`` is the limit of
    error of power (or energy) by the instrument's data sheet, ``step`` the smallest difference of
    values that it resolves, for all samples or for each; 0 where it does not matter.
    ``instrument`` has model, serial number and firmware.
    """

    instrument: str
    rate_hz: float
    quantity: Literal["J", "A", "W"]
    values: Array
    volts: float | Array | None
    edges: tuple[Edge, ...]
    lost: int
    accuracy_pct: float
    step: float | Array = 0.0


WindowSign = Literal["level", "pulses", "none"]
"""How windows are marked on the trigger line.

``level``: it is low during a window. ``pulses``: a short low pulse at the begin and one at the end,
for meters that report falling edges only. ``none``: no line, the load itself shows the windows.
"""


@dataclass(frozen=True)
class MeteredRun:
    """A recording, and what the device did meanwhile: ``windows`` windows, each of ``inferences``
    inferences that took ``latency_us`` each by the device's own clock (None: it has none).
    """

    recording: Recording
    sign: WindowSign
    windows: int
    inferences: int
    latency_us: float | None
