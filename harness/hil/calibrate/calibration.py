"""Calibrates a profile with a board: measured against emulated runs of the same firmware.

Measurements come as a file. Each row finds its emulated run in the store; the share of flash waits
that the prefetcher hides is fitted to all of them, power is taken as it was measured, and the
residuals become the band. ``docs/calibration.md`` is for users.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version

from hil.calibrate.fitting import fit_hidden_share, prediction_half_width, untypical
from hil.calibrate.matching import Pair
from hil.devices import Profile
from hil.devices.overlays import Calibration, CalibrationRow, CycleFit, FlashFit, PowerFit
from hil.errors import UsageError

MIN_FIRMWARES = 3
"""With fewer, residuals say nothing about the next firmware."""
MAX_SHARE_ERROR = 0.25
"""A fitted share with a larger standard error is no better than a guess; it is left out."""
MIN_BAND_PCT = 0.5
"""Least half band of calibrated cycles: input data and code alignment move them by that."""
_CONTRADICTION_HINT = (
    "was it the same model and optimization, at this clock, with interrupts off and caches on? "
    "take the row out, or measure again"
)
MIN_POWER_BAND_PCT = 2.0
"""Least half band of calibrated power: boards and temperatures differ by that."""


@dataclass(frozen=True)
class Outcome:
    """A calibration, its messages to the user, and the median band of cycles before it."""

    calibration: Calibration
    messages: tuple[str, ...]
    band_before_pct: float | None


def calibrate(
    profile: Profile, pairs: Sequence[Pair], *, date: str | None = None, virtual: bool = False
) -> Outcome:
    """Fit the free parameters of ``profile`` to matched measurements.

    Args:
        profile: as shipped, without a calibration.
        pairs: measured beside emulated, one for each firmware (``matching.match``).
        date: ISO date to record, today by default.
        virtual: the board is an emulated one: nothing was measured, and its cycles, which follow
            no chip's timing, may contradict the model.

    Raises:
        UsageError: too few firmwares, or rows that contradict the model or each other.
    """
    timed = [pair for pair in pairs if pair.measured_cycles is not None]
    powered = [pair for pair in pairs if pair.power_mw is not None]
    if max(len(timed), len(powered)) < MIN_FIRMWARES:
        raise UsageError(
            f"a calibration needs {MIN_FIRMWARES} firmwares, the measurements are of "
            f"{max(len(timed), len(powered))}",
            hint="measure more models on the board; until then the model's wide band holds",
        )
    messages: list[str] = []
    for pair in timed:
        if why := _contradiction(pair):
            if not virtual:
                raise UsageError(why, hint=_CONTRADICTION_HINT)
            messages.append(f"{why}: of a real board this would be refused")
    cycles, flash, rows = _fit_cycles(profile, timed, messages)
    power = _fit_power(powered, messages)
    _compare_power(profile, power, messages)
    calibration = Calibration(
        schema=1,
        profile=profile.name,
        part=profile.chip.part,
        clock_hz=profile.clock.hz,
        date=date or f"{datetime.now(UTC):%Y-%m-%d}",
        hil_version=version("hil"),
        virtual=virtual,
        flash=flash,
        cycles=cycles,
        power=power,
        rows=(*rows, *(_row(pair) for pair in powered if pair.measured_cycles is None)),
    )
    before = [pair.band_pct for pair in timed if pair.band_pct is not None]
    return Outcome(calibration, tuple(messages), statistics.median(before) if before else None)


def _contradiction(pair: Pair) -> str:
    """A time outside of what the model gives for any share that prefetch hides; '' where none."""
    assert pair.measured_cycles is not None
    tolerance = pair.rules_band_pct / 100
    least = pair.pipeline_cycles * (1 - tolerance)
    most = (pair.pipeline_cycles + pair.none_hidden_cycles) * (1 + tolerance)
    if least <= pair.measured_cycles <= most:
        return ""
    if pair.measured_cycles < least:
        what = f"below the {least:,.0f} that the core needs without any wait for flash"
    else:
        what = f"above the {most:,.0f} that it needs with every wait"
    return f"{pair.model}: {pair.measured_cycles:,.0f} measured cycles are {what}"


def _fit_cycles(
    profile: Profile, timed: list[Pair], messages: list[str]
) -> tuple[CycleFit | None, FlashFit | None, list[CalibrationRow]]:
    if len(timed) < MIN_FIRMWARES:
        if timed:
            messages.append(f"cycles: {len(timed)} firmwares are too few, nothing was fitted")
        return None, None, [_row(pair) for pair in timed]
    used, odd = list(timed), untypical(timed)
    if odd is not None:
        used.remove(odd)
        messages.append(f"{odd.model} was left out: far from the other firmwares")
    fit = fit_hidden_share(used)
    flash = None
    if fit is not None and fit.standard_error <= MAX_SHARE_ERROR and profile.flash.prefetch:
        flash = FlashFit(
            prefetch_hidden=round(fit.share, 6), standard_error=round(fit.standard_error, 6)
        )
    else:
        messages.append("these firmwares do not show what prefetch hides; it stays unknown")
    share = flash.prefetch_hidden if flash is not None else 0.5
    residuals = [pair.residual(share) for pair in used]
    spread = max((pair.spread_pct or 0.0 for pair in used), default=0.0) / 2
    width = 100 * prediction_half_width(residuals, fitted=1 if flash is not None else 0)
    result = CycleFit(
        n=len(used),
        uncertainty_pct=round(max(width, spread, MIN_BAND_PCT), 3),
        rms_residual_pct=round(100 * statistics.fmean(r * r for r in residuals) ** 0.5, 4),
        worst_residual_pct=round(100 * max(abs(r) for r in residuals), 4),
        dtypes=tuple(sorted({pair.dtype for pair in used})),
    )
    rows = [_row(pair, share) for pair in used]
    if odd is not None:
        rows.append(_row(odd, share, why="far from the others"))
    return result, flash, rows


def _fit_power(powered: list[Pair], messages: list[str]) -> PowerFit | None:
    if len(powered) < MIN_FIRMWARES:
        if powered:
            messages.append(f"power: {len(powered)} firmwares are too few, the table's row stays")
        return None
    volts = {pair.volts for pair in powered}
    if len(volts) > 1:
        raise UsageError(
            f"power was measured at different supplies ({', '.join(f'{v:g} V' for v in volts)})",
            hint="calibrate with the rows of one supply",
        )
    values = [pair.power_mw for pair in powered if pair.power_mw is not None]
    middle = statistics.median(values)
    width = 100 * prediction_half_width([value / middle - 1 for value in values], fitted=0)
    return PowerFit(
        n=len(values),
        active_mw=round(middle, 6),
        volts=volts.pop(),
        uncertainty_pct=round(max(width, MIN_POWER_BAND_PCT), 3),
    )


def _compare_power(profile: Profile, power: PowerFit | None, messages: list[str]) -> None:
    """Warn where the board's power is outside of the table's band: units may be wrong."""
    if power is None:
        return
    table = profile.power.model_copy(update={"volts": power.volts}).choose(profile.clock.hz)
    if abs(power.active_mw / table.milliwatts - 1) * 100 > table.row.uncertainty_pct:
        messages.append(
            f"the board draws {power.active_mw:.4g} mW where the profile's table has "
            f"{table.milliwatts:.4g} mW ±{table.row.uncertainty_pct:g} %; are the units right?"
        )


def _row(pair: Pair, share: float | None = None, why: str = "") -> CalibrationRow:
    row = CalibrationRow(
        run_id=pair.run_id,
        model=pair.model,
        model_sha256=pair.model_sha256,
        firmware_sha256=pair.firmware_sha256,
        engine=pair.engine,
        instrument=pair.instrument,
        repetitions=pair.repetitions,
        measured_cycles=pair.measured_cycles,
        power_mw=pair.power_mw,
        used=not why,
        why=why,
    )
    if share is None:
        return row
    return row.model_copy(
        update={
            "modelled_cycles": round(pair.modelled(share), 1),
            "residual_pct": round(100 * pair.residual(share), 4),
        }
    )
