"""The band of a profile's active power, from published pairs of energy and latency.

Each published row is predicted from the rows of the other tasks of the same board and supply,
never from itself; how far these predictions are off is the band. ``hil validate --energy`` shows
all of it (``hil.validation.energy``).
"""

from __future__ import annotations

import functools
import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

from hil import devices
from hil.devices import Profile
from hil.devices.power import ActivePower, PowerRow
from hil.measure.band import Band
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
        """For messages, such as ``1.8 V, LDO, 120 MHz``."""
        parts = [f"{self.volts:g} V"] if self.volts else ["supply not stated"]
        parts += [self.regulator.upper()] if self.regulator else []
        parts += [f"{self.clock_hz / 1e6:g} MHz"] if self.clock_hz else []
        return ", ".join(parts)


@dataclass(frozen=True)
class BoardPower:
    """Published power of one board under one condition.

    ``predicted`` has each row with the power, in mW, that the other tasks' rows predict. Doubtful
    rows are in it, but in none of the figures.
    """

    condition: Condition
    results: tuple[PublishedResult, ...]
    predicted: tuple[tuple[PublishedResult, float], ...]

    @property
    def trusted(self) -> list[PublishedResult]:
        """The rows without a doubt."""
        return [row for row in self.results if not row.doubt]

    @property
    def median_mw(self) -> float:
        """Median power of the trusted rows."""
        return statistics.median(row.power_mw for row in self.trusted)

    @property
    def n(self) -> int:
        """How many predictions the band is made of."""
        return sum(not row.doubt for row, _ in self.predicted)

    @property
    def band_pct(self) -> float:
        """Half band in per cent of the predicted power."""
        return covering_pct(
            [abs(row.power_mw / power - 1) * 100 for row, power in self.predicted if not row.doubt]
        )


@dataclass(frozen=True)
class LineCheck:
    """A data sheet's line against published inferences on the same chip (``ratio``: how low)."""

    profile: str
    line: str
    line_mw: float
    published_mw: float
    ratio: float


@functools.cache
def published_boards() -> tuple[BoardPower, ...]:
    """Return the boards whose published rows can be compared with one another.

    Raises:
        StoreError: shipped data is damaged.
    """
    found = []
    for condition, results in groups(energy_pairs()).items():
        predicted = [
            (row, power) for row in results if (power := held_out_mw(results, row.task)) is not None
        ]
        if predicted:
            found.append(BoardPower(condition, tuple(results), tuple(predicted)))
    return tuple(found)


def groups(results: Iterable[PublishedResult]) -> dict[Condition, list[PublishedResult]]:
    """Return rows by board and condition, in the order in which they first appear."""
    grouped: dict[Condition, list[PublishedResult]] = {}
    for row in results:
        key = Condition(row.board, row.part, row.volts, row.regulator, row.clock_hz)
        grouped.setdefault(key, []).append(row)
    return grouped


def held_out_mw(results: Iterable[PublishedResult], task: str) -> float | None:
    """Median power of the rows of all other tasks, doubtful rows left out; None without any."""
    others = [row.power_mw for row in results if row.task != task and not row.doubt]
    return statistics.median(others) if others else None


def covering_pct(deviations: list[float]) -> float:
    """The deviation that covers 95 % of the rows, or all where there are few."""
    ordered = sorted(deviations)
    if len(ordered) < MANY_ROWS:
        return ordered[-1]
    return ordered[math.ceil(0.95 * len(ordered)) - 1]


def power_band(profile: Profile) -> Band:
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
    return Band(
        math.hypot(band.pct, still), f"{band.words}; wider as it is scaled to another clock"
    )


def _band_of_row(profile: Profile, active: ActivePower) -> Band:
    row = active.row
    if profile.calibration is not None and profile.calibration.power is not None:
        return Band(row.uncertainty_pct, f"calibrated {profile.calibration.date}")
    if (board := _board_of(profile, active)) is not None:
        name = f"{board.condition.board} ({board.condition.text})"
        return Band(board.band_pct, f"validated on {board.n} published pairs of {name}")
    if row.activity == "datasheet":
        low = _cover_line_error_pct()
        if low > row.uncertainty_pct:
            return Band(low, "cover lines of data sheets are that far below inferences")
    return Band(row.uncertainty_pct, "not validated by a published inference on this chip")


def _board_of(profile: Profile, active: ActivePower) -> BoardPower | None:
    """The published board that a profile's chosen row is taken from, if there is one."""
    if active.row.activity != "nn" or active.scaled:
        return None
    for board in published_boards():
        condition = board.condition
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
    return 100 * math.sqrt(statistics.fmean((check.ratio - 1) ** 2 for check in line_checks()))


def line_checks() -> tuple[LineCheck, ...]:
    """Compare rows of data sheets with published inferences, on chips that have both.

    Raises:
        ProfileError, StoreError: shipped data is damaged.
    """
    checks = []
    for name in devices.names():
        profile = devices.load(name, overlays=False)
        board = _board_of(profile, profile.power.choose(profile.clock.hz))
        for row in profile.power.rows if board else ():
            if row.activity == "nn" or board is None:
                continue
            line_mw = row.milliwatts(profile.clock.hz, profile.power.volts)
            ratio = board.median_mw / line_mw
            line = f"{row.activity}, {row.active_ua_per_mhz:g} uA/MHz at {row.volts:g} V"
            checks.append(LineCheck(profile.name, line, line_mw, board.median_mw, ratio))
    return tuple(checks)
