"""The latest run of each kind: model (by SHA-256), profile, target and engine.

One query over the index ``ix_runs_slot``, whatever the number of runs; figures and provenance of
those found are read in four more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import joinedload, raiseload, selectinload

from hil.records import ErrorInfo, Measurement, ModelInfo, RunStatus
from hil.store import convert
from hil.store.baselines import Slot
from hil.store.store import Store, shown_status
from hil.store.tables import ModelRow, RunRow

_AT_ONCE = 500  # SQLite before 3.32 takes 999 values in a statement


@dataclass(frozen=True)
class RunHead:
    """A run without what it did op by op; the names are those of ``RunRecord``."""

    run_id: str
    status: RunStatus
    started_at: str
    profile_name: str
    profile: Mapping[str, Any]
    target: str
    machine: str
    engine: str
    model: ModelInfo | None
    measurements: Mapping[str, Measurement]
    provenance: Mapping[str, Any]
    errors: tuple[ErrorInfo, ...]


@dataclass(frozen=True)
class Filter:
    """Which runs count. ``model`` is a name or the beginning of a SHA-256 (six digits or more).

    ``last`` counts the newest runs of all, ``since`` without a time zone is UTC.
    """

    model: str | None = None
    profile: str | None = None
    engine: str | None = None
    status: RunStatus | None = None
    since: datetime | None = None
    last: int | None = None

    def takes(self, slot: Slot, model_name: str) -> bool:
        """Whether runs of that kind could be among the filter's."""
        return (
            (self.model is None or self.model == model_name or _is_start(self.model, slot))
            and self.profile in (None, slot.profile_name)
            and self.engine in (None, slot.engine)
        )


def latest(store: Store, which: Filter) -> list[RunHead]:
    """Return the latest run of each kind among those that ``which`` takes, the newest first."""
    with store.reading() as session:
        found = [row.run_id for row in session.execute(latest_query(which))]
    return heads(store, found)


def latest_query(which: Filter) -> Select[Any]:
    """Return the statement that finds the ids."""
    newest_first = (RunRow.started_us.desc(), RunRow.run_id.desc())
    rank = func.row_number().over(
        partition_by=(ModelRow.sha256, RunRow.profile_name, RunRow.target, RunRow.engine),
        order_by=newest_first,
    )
    ranked = (
        select(RunRow.run_id, RunRow.started_us, rank.label("rank"))
        .join(ModelRow, RunRow.model_key == ModelRow.model_key)
        .where(*_conditions(which))
        .subquery()
    )
    return (
        select(ranked.c.run_id)
        .where(ranked.c.rank == 1)
        .order_by(ranked.c.started_us.desc(), ranked.c.run_id.desc())
    )


def heads(store: Store, run_ids: Sequence[str]) -> list[RunHead]:
    """Return the runs of these ids, in their order."""
    by_id = {}
    for start in range(0, len(run_ids), _AT_ONCE):
        by_id.update({h.run_id: h for h in _heads(store, run_ids[start : start + _AT_ONCE])})
    return [by_id[run_id] for run_id in run_ids if run_id in by_id]


def _heads(store: Store, run_ids: Sequence[str]) -> Iterator[RunHead]:
    query = (
        select(RunRow)
        .where(RunRow.run_id.in_(run_ids))
        .options(
            joinedload(RunRow.model),
            joinedload(RunRow.profile),
            selectinload(RunRow.measurements),
            selectinload(RunRow.provenance),
            selectinload(RunRow.errors),
            raiseload("*"),
        )
    )
    with store.reading() as session:
        for row in session.scalars(query):
            yield RunHead(
                run_id=row.run_id,
                status=shown_status(row),
                started_at=row.started_at,
                profile_name=row.profile_name,
                profile=row.profile.snapshot,
                target=row.target,
                machine=row.machine,
                engine=row.engine,
                model=convert.to_model(row.model),
                measurements=convert.to_measurements(row.measurements),
                provenance=convert.to_provenance(row.provenance),
                errors=convert.to_errors(row.errors),
            )


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.model is not None:
        named = ModelRow.name == which.model
        if _is_hash(which.model):
            start = ModelRow.sha256.startswith(which.model.lower(), autoescape=True)
            named = or_(named, start)
        conditions.append(named)
    if which.profile is not None:
        conditions.append(RunRow.profile_name == which.profile)
    if which.engine is not None:
        conditions.append(RunRow.engine == which.engine)
    if which.status is not None:
        conditions.append(RunRow.status == which.status)
    if which.since is not None:
        conditions.append(RunRow.started_us >= convert.epoch_us(which.since.isoformat()))
    if which.last is not None:
        newest = select(RunRow.run_id).order_by(RunRow.started_us.desc(), RunRow.run_id.desc())
        conditions.append(RunRow.run_id.in_(newest.limit(which.last)))
    return conditions


def _is_hash(text: str) -> bool:
    return 6 <= len(text) <= 64 and all(c in "0123456789abcdefABCDEF" for c in text)


def _is_start(text: str, slot: Slot) -> bool:
    return _is_hash(text) and slot.model_sha256.startswith(text.lower())
