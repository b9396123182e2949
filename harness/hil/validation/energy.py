"""Compares the power model, active power times time, with every published pair of energy and
latency.

The latency is the published one, so that the errors are those of the power alone.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hil import devices
from hil.measure.power_band import BoardPower, LineCheck, line_checks, published_boards
from hil.published import PublishedResult


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


def energy_report() -> EnergyReport:
    """Compare every published (board, task) with the power model.

    Raises:
        ProfileError, StoreError: shipped data is damaged.
    """
    shipped = (devices.load(name, overlays=False) for name in devices.names())
    profiles = {profile.chip.part: profile.name for profile in shipped}
    rows: list[EnergyRow] = []
    boards: list[BoardEnergy] = []
    for board in published_boards():
        profile = profiles.get(board.condition.part)
        compared = [_row(board, row, power, profile) for row, power in board.predicted]
        rows += compared
        boards.append(_summary(board, compared, profile))
    return EnergyReport(tuple(rows), tuple(boards), line_checks(), tuple(_supply_checks()))


def _row(
    board: BoardPower, row: PublishedResult, predicted_mw: float, profile: str | None
) -> EnergyRow:
    energy = row.energy_uj_per_inference
    assert energy is not None
    predicted = predicted_mw * row.energy_latency_ms
    return EnergyRow(
        board=row.board,
        profile=profile,
        condition=board.condition.text,
        submission=row.label,
        task=row.task,
        latency_ms=row.energy_latency_ms,
        published_uj=energy,
        published_mw=row.power_mw,
        predicted_uj=predicted,
        predicted_mw=predicted_mw,
        error_pct=100 * (predicted / energy - 1),
        volts_stated=row.volts_stated,
        doubt=row.doubt,
    )


def _summary(board: BoardPower, compared: list[EnergyRow], profile: str | None) -> BoardEnergy:
    trusted = board.trusted
    errors = [abs(row.error_pct) for row in compared if not row.doubt]
    power = [row.power_mw for row in trusted]
    by_task = {
        task: [row.power_mw for row in trusted if row.task == task]
        for task in sorted({row.task for row in trusted})
    }
    return BoardEnergy(
        board=board.condition.board,
        profile=profile,
        condition=board.condition.text,
        n=board.n,
        median_mw=board.median_mw,
        min_mw=min(power),
        max_mw=max(power),
        tasks={
            task: TaskPower(len(values), statistics.median(values), min(values), max(values))
            for task, values in by_task.items()
        },
        mean_error_pct=statistics.fmean(errors),
        worst_error_pct=max(errors),
        band_pct=board.band_pct,
    )


def _supply_checks() -> Iterator[SupplyCheck]:
    """Boards with published rows behind the same LDO at two supplies: does the current stay?"""
    known = [
        (board.condition, board.condition.volts, board.median_mw)
        for board in published_boards()
        if board.condition.regulator == "ldo" and board.condition.volts is not None
    ]
    for origin, from_volts, measured_mw in known:
        for other, to_volts, published_mw in known:
            same = (origin.board, origin.clock_hz) == (other.board, other.clock_hz)
            if same and from_volts < to_volts:
                predicted = measured_mw * to_volts / from_volts
                yield SupplyCheck(
                    board=origin.board,
                    rule="LDO: the current stays",
                    from_volts=from_volts,
                    to_volts=to_volts,
                    predicted_mw=predicted,
                    published_mw=published_mw,
                    error_pct=100 * (predicted / published_mw - 1),
                )
