"""Measured energy of inferences, as stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hil.records.recording import WindowSign


@dataclass(frozen=True)
class EnergyWindow:
    """One window of a recording: from ``start_s`` to ``end_s`` after its begin, ``energy_uj``."""

    start_s: float
    end_s: float
    energy_uj: float
    samples: int


@dataclass(frozen=True)
class PowerTrace:
    """Power over the time of a recording: lowest, mean and highest in mW of each ``step_s``.

    None where samples are missing. A bounded number of points, whatever the recording's length.
    """

    step_s: float
    low_mw: tuple[float | None, ...]
    mean_mw: tuple[float | None, ...]
    high_mw: tuple[float | None, ...]


@dataclass(frozen=True)
class MeasuredEnergy:
    """Energy of one inference by a meter, and what it was taken from.

    ``energy_uj``, ``power_mw`` and ``duration_us`` (the window's time per inference) are medians
    over the windows, each of ``inferences`` inferences. ``uncertainty_pct`` is the half width of
    the energy's 95 % interval, ``power_uncertainty_pct`` of the power's; ``contributions`` are the
    energy's standard uncertainties by cause, in per cent. ``virtual``: the recording is of an
    emulated board.
    """

    instrument: str
    sign: WindowSign
    inferences: int
    windows: tuple[EnergyWindow, ...]
    energy_uj: float
    power_mw: float
    duration_us: float
    uncertainty_pct: float
    power_uncertainty_pct: float
    rate_hz: float
    trace: PowerTrace
    contributions: Mapping[str, float] = field(default_factory=dict)
    virtual: bool = False
