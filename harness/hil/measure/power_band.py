"""How good "active power times time" is: compared with every published pair of energy and latency.

The latency is the published one, so that only the power model is judged. A row is never compared
with itself: its power is predicted from the other tasks' rows of the same board and supply. The
band of ``energy_uj`` comes from here.
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hil import devices
from hil.devices import Profile
from hil.devices.power import ActivePower, PowerRow
from hil.published import PublishedResult, energy_pairs

MANY_ROWS = 20
"""From so many rows on the band covers 95 % of them; below it covers all."""
_SAME_VOLTS = 0.05
_SAME_CLOCK = 0.01
_STILL_SHARE = 0.1
"""Share of active power that is allowed not to follow the clock, where a row is scaled by it: an
assumption, no published inferences of one board at two clocks are known here."""
_SAME_POWER = 0.01  # a row with a figure of its own is not what was validated


@dataclass(frozen=True)
class Condition:
    """What published rows must share to be comparable; ``volts`` and ``clock_hz`` may be None."""

    board: str
    part: str
    volts: float | None
    regulator: str
    clock_hz: int | None

    @property
    def text(self) -> str:
        """In words, such as ``1.8 V, LDO, 120 MHz``."""
        parts = [f"{self.volts:g} V"] if self.volts else ["supply not stated"]
        parts += [self.regulator.upper()] if self.regulator else []
        parts += [f"{self.clock_hz / 1e6:g} MHz"] if self.clock_hz else []
        return ", ".join(parts)


@dataclass(frozen=True)
class EnergyRow:
    """A published inference beside its prediction. ``error_pct`` is (predicted / published - 1).

    ``doubt`` rows are shown, but nothing is fitted to them and no error counts them.
    """

    board: str
    profile: str | None
    condition: str
    submission: str
    task: str
    latency_ms: float
    published_uj: float
    published_mw: float
    predicted_uj: float
    predicted_mw: float
    error_pct: float
    volts_stated: bool
    doubt: str


@dataclass(frozen=True)
class TaskPower:
    """Spread of the published power of one task on one board, in mW."""

    n: int
    median_mw: float
    min_mw: float
    max_mw: float


@dataclass(frozen=True)
class BoardEnergy:
    """One board under one condition: its power, the errors, and the half band that they give."""

    board: str
    profile: str | None
    condition: str
    n: int
    median_mw: float
    min_mw: float
    max_mw: float
    tasks: Mapping[str, TaskPower]
    mean_error_pct: float
    worst_error_pct: float
    band_pct: float


@dataclass(frozen=True)
class LineCheck:
    """A data sheet's line against published inferences on the same chip (``ratio``: how low)."""

    profile: str
    line: str
    line_mw: float
    published_mw: float
    ratio: float


@dataclass(frozen=True)
class SupplyCheck:
    """Power at one supply, predicted from the rows at another."""

    board: str
    rule: str
    from_volts: float
    to_volts: float
    predicted_mw: float
    published_mw: float
    error_pct: float


@dataclass(frozen=True)
class EnergyReport:
    """Everything that ``hil validate --energy`` shows."""

    rows: tuple[EnergyRow, ...]
    boards: tuple[BoardEnergy, ...]
    lines: tuple[LineCheck, ...]
    supplies: tuple[SupplyCheck, ...]


@dataclass(frozen=True)
class PowerBand:
    """Half band of a profile's active power in per cent, and in words where it comes from."""

    pct: float
    words: str


def energy_report() -> EnergyReport:
    """Compare every published (board, task) with the power model.

    Raises:
        ProfileError, StoreError: shipped data is damaged.
    """
    shipped = [devices.load(name, overlays=False) for name in devices.names()]
    owner = {profile.chip.part: profile.name for profile in shipped}
    rows: list[EnergyRow] = []
    boards: list[BoardEnergy] = []
    for condition, results in groups(energy_pairs()).items():
        compared = _compare(condition, results, owner.get(condition.part))
        rows += compared
        if compared:
            boards.append(_summary(condition, results, compared, owner.get(condition.part)))
    return EnergyReport(tuple(rows), tuple(boards), _line_checks(shipped), _supply_checks())


def groups(results: Iterable[PublishedResult]) -> dict[Condition, list[PublishedResult]]:
    """Rows by board and condition, in the order in which they first appear."""
    grouped: dict[Condition, list[PublishedResult]] = {}
    for row in results:
        key = Condition(row.board, row.part, row.volts, row.regulator, row.clock_hz)
        grouped.setdefault(key, []).append(row)
    return grouped


def held_out_mw(results: Iterable[PublishedResult], task: str) -> float | None:
    """Median power of the rows of all other tasks, doubtful rows left out; None without any."""
    others = [row.power_mw for row in results if row.task != task and not row.doubt]
    return statistics.median(others) if others else None


def power_band(profile: Profile) -> PowerBand:
    """Half band of the power that runs on ``profile`` are taken to draw.

    In this order: the calibration's; what the published pairs of the same chip under the same
    condition give; the profile's own figure, for a data sheet's cover line at least what such
    lines were found to be wrong by. A row of another clock is scaled in proportion: its band grows
    by what ``_STILL_SHARE`` of the power would make of that.
    """
    active = profile.power.choose(profile.clock.hz)
    band = _band_of_row(profile, active)
    still = 100 * _STILL_SHARE * abs(1 / active.clock_ratio - 1)
    if still < 1:
        return band
    words = f"{band.words}; wider as it is scaled to another clock"
    return PowerBand(math.hypot(band.pct, still), words)


def _band_of_row(profile: Profile, active: ActivePower) -> PowerBand:
    row = active.row
    if profile.calibration is not None and profile.calibration.power is not None:
        return PowerBand(row.uncertainty_pct, f"calibrated {profile.calibration.date}")
    if (board := _validation_of(profile, active)) is not None:
        return PowerBand(
            board.band_pct,
            f"validated on {board.n} published pairs of {board.board} ({board.condition})",
        )
    if row.activity == "datasheet":
        low = _cover_line_error_pct()
        if low > row.uncertainty_pct:
            return PowerBand(low, "cover lines of data sheets are that far below inferences")
    return PowerBand(row.uncertainty_pct, "not validated by a published inference on this chip")


def _compare(
    condition: Condition, results: list[PublishedResult], profile: str | None
) -> list[EnergyRow]:
    rows = []
    for row in results:
        power = held_out_mw(results, row.task)
        if power is None:
            continue
        energy = row.energy_uj_per_inference
        assert energy is not None
        predicted = power * row.energy_latency_ms
        rows.append(
            EnergyRow(
                board=row.board,
                profile=profile,
                condition=condition.text,
                submission=row.label,
                task=row.task,
                latency_ms=row.energy_latency_ms,
                published_uj=energy,
                published_mw=row.power_mw,
                predicted_uj=predicted,
                predicted_mw=power,
                error_pct=100 * (predicted / energy - 1),
                volts_stated=row.volts_stated,
                doubt=row.doubt,
            )
        )
    return rows


def _summary(
    condition: Condition,
    results: list[PublishedResult],
    compared: list[EnergyRow],
    profile: str | None,
) -> BoardEnergy:
    trusted = [row for row in results if not row.doubt]
    counted = [row for row in compared if not row.doubt]
    errors = [abs(row.error_pct) for row in counted]
    power = [row.power_mw for row in trusted]
    by_task = {
        task: [row.power_mw for row in trusted if row.task == task]
        for task in sorted({row.task for row in trusted})
    }
    return BoardEnergy(
        board=condition.board,
        profile=profile,
        condition=condition.text,
        n=len(counted),
        median_mw=statistics.median(power),
        min_mw=min(power),
        max_mw=max(power),
        tasks={
            task: TaskPower(len(values), statistics.median(values), min(values), max(values))
            for task, values in by_task.items()
        },
        mean_error_pct=statistics.fmean(errors),
        worst_error_pct=max(errors),
        band_pct=covering_pct(
            [abs(row.published_mw / row.predicted_mw - 1) * 100 for row in counted]
        ),
    )


def covering_pct(deviations: list[float]) -> float:
    """The deviation that covers 95 % of the rows, or all where there are few."""
    ordered = sorted(deviations)
    if len(ordered) < MANY_ROWS:
        return ordered[-1]
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


@functools.cache
def _boards() -> tuple[tuple[Condition, BoardEnergy], ...]:
    found = []
    for condition, results in groups(energy_pairs()).items():
        compared = _compare(condition, results, None)
        if compared:
            found.append((condition, _summary(condition, results, compared, None)))
    return tuple(found)


def _validation_of(profile: Profile, active: ActivePower) -> BoardEnergy | None:
    """The published comparison that a profile's chosen row stands on, if there is one."""
    if active.row.activity != "nn" or active.scaled:
        return None
    for condition, board in _boards():
        if condition.part != profile.chip.part or not _applies(condition, active.row):
            continue
        if abs(active.milliwatts / board.median_mw - 1) < _SAME_POWER:
            return board
    return None


def _applies(condition: Condition, row: PowerRow) -> bool:
    if condition.volts is None or condition.clock_hz is None or row.clock_hz is None:
        return False
    return (
        abs(condition.volts - row.volts) < _SAME_VOLTS
        and abs(condition.clock_hz / row.clock_hz - 1) < _SAME_CLOCK
        and condition.regulator == (row.regulator or "")
    )


@functools.cache
def _cover_line_error_pct() -> float:
    """Root mean square of how far cover lines were below published inferences, in per cent."""
    shipped = [devices.load(name, overlays=False) for name in devices.names()]
    ratios = [check.ratio for check in _line_checks(shipped)]
    return 100 * math.sqrt(statistics.fmean((ratio - 1) ** 2 for ratio in ratios))


def _line_checks(shipped: list[Profile]) -> tuple[LineCheck, ...]:
    """Rows of data sheets on chips whose chosen row rests on published pairs."""
    checks = []
    for profile in shipped:
        board = _validation_of(profile, profile.power.choose(profile.clock.hz))
        for row in profile.power.rows if board else ():
            if row.activity == "nn" or board is None:
                continue
            line_mw = row.milliwatts(profile.clock.hz, profile.power.volts)
            ratio = board.median_mw / line_mw
            line = f"{row.activity}, {row.active_ua_per_mhz:g} uA/MHz at {row.volts:g} V"
            checks.append(LineCheck(profile.name, line, line_mw, board.median_mw, ratio))
    return tuple(checks)


def _supply_checks() -> tuple[SupplyCheck, ...]:
    """Boards with published rows behind the same LDO at two supplies: does the current stay?"""
    checks = []
    known = [(c, b) for c, b in _boards() if c.regulator == "ldo" and c.volts is not None]
    for origin, measured in known:
        for other, target in known:
            if origin.board != other.board or origin.clock_hz != other.clock_hz:
                continue
            assert origin.volts is not None
            assert other.volts is not None
            if origin.volts < other.volts:
                predicted = measured.median_mw * other.volts / origin.volts
                checks.append(
                    SupplyCheck(
                        board=origin.board,
                        rule="LDO: the current stays",
                        from_volts=origin.volts,
                        to_volts=other.volts,
                        predicted_mw=predicted,
                        published_mw=target.median_mw,
                        error_pct=100 * (predicted / target.median_mw - 1),
                    )
                )
    return tuple(checks)
