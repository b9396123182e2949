"""Figures that a calibration is fitted to, and the bands that it gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from hil.devices import Flash, Profile
from hil.devices.overlays import CycleFit
from hil.figures import FIGURES
from hil.measure.cycles.memory_system import wait_cycles
from hil.measure.cycles.windows import Window
from hil.records import Measurement

PIPELINE = "pipeline_cycles"
ALL_HIDDEN = "flash_wait_low_cycles"
NONE_HIDDEN = "flash_wait_high_cycles"
_NARROWED = ("cycles", "latency_us", "cpi")


def wait_figures(flash: Flash, window: Window) -> dict[str, Measurement]:
    """Return the parts of the cycles, for ``hil calibrate``; empty without cache simulation.

    ``pipeline_cycles`` is the window without flash waits; ``flash_wait_low_cycles`` and
    ``flash_wait_high_cycles`` are its waits with the prefetcher hiding every sequential miss and
    hiding none. They are the same with and without a calibration.
    """
    used = wait_cycles(flash, window.profile)
    if not flash.wait_states or not used.simulated:
        return {}
    hidden, bare = (_waits(flash, window, share) for share in (1.0, 0.0))
    pipeline = window.total - float(used.value.sum())
    return {
        PIPELINE: _cycles(PIPELINE, pipeline, "core cycles without waiting for flash"),
        ALL_HIDDEN: _cycles(ALL_HIDDEN, hidden, "flash waits, every sequential miss hidden"),
        NONE_HIDDEN: _cycles(NONE_HIDDEN, bare, "flash waits, no sequential miss hidden"),
    }


def narrowed(
    profile: Profile, dtype: str, figures: Mapping[str, Measurement]
) -> dict[str, Measurement]:
    """Return the modelled figures with the calibration's band, where it holds for the run."""
    fit = applicable(profile, dtype, figures)
    if fit is None or profile.calibration is None:
        return dict(figures)
    words = f"; band from the calibration of {profile.calibration.date}, {fit.n} firmwares"
    words += ", with a virtual board, not a measurement" * profile.calibration.virtual
    return {
        name: dataclasses.replace(
            figure, uncertainty_pct=fit.uncertainty_pct, source=figure.source + words
        )
        if name in _NARROWED
        else figure
        for name, figure in figures.items()
    }


def applicable(profile: Profile, dtype: str, figures: Mapping[str, Measurement]) -> CycleFit | None:
    """The calibration's fit of cycles, if it holds for models of ``dtype`` in this run.

    It does not for a data type that no calibrated firmware had, nor where flash waits were left
    out of the run (ideal memory).
    """
    calibration = profile.calibration
    if calibration is None or calibration.cycles is None:
        return None
    if dtype not in calibration.cycles.dtypes:
        return None
    if profile.flash.wait_states and PIPELINE not in figures:
        return None
    return calibration.cycles


def calibration_notes(
    profile: Profile, dtype: str, figures: Mapping[str, Measurement]
) -> tuple[str, ...]:
    """Return notes on whether a calibration was used, and for what; empty without one."""
    calibration = profile.calibration
    if calibration is None:
        return ()
    used = []
    if applicable(profile, dtype, figures) is not None:
        used.append("cycles")
    if calibration.power is not None:
        used.append("power")
    what = calibration.title
    notes = [f"{what} used for {' and '.join(used)}" if used else f"{what} does not hold here"]
    if calibration.cycles is not None and "cycles" not in used:
        known = ", ".join(calibration.cycles.dtypes)
        notes.append(f"its band of cycles is for {known} models with the cache simulation")
    return tuple(notes)


def _waits(flash: Flash, window: Window, hidden: float) -> float:
    if not flash.prefetch:
        return float(wait_cycles(flash, window.profile).value.sum())
    other = flash.model_copy(update={"prefetch_hidden": hidden})
    return float(wait_cycles(other, window.profile).value.sum())


def _cycles(name: str, value: float, source: str) -> Measurement:
    return Measurement(name, value, FIGURES[name].unit, "modelled", None, source=source)
