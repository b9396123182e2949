"""The latest run of each kind: model (by SHA-256), profile, target and engine.

One query over the index ``ix_runs_slot`` finds them, whatever the number of runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, or_, select

from hil.records import RunRecord, RunStatus
from hil.store.baselines import Slot, slot_of
from hil.store.documents import epoch_us
from hil.store.store import NEWEST_FIRST, Store
from hil.store.tables import runs

_HEAD = ("run_id", "model_sha256", "model_name", "model_dtype", "profile_name", "target", "engine")


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


@dataclass(frozen=True)
class RunHead:
    """A run with a model, without its document."""

    run_id: str
    slot: Slot
    model_name: str
    model_dtype: str


def head_of(run: RunRecord) -> RunHead:
    """Return the head of a run that has a model."""
    assert run.model is not None
    return RunHead(run.run_id, slot_of(run), run.model.name, run.model.dtype)


def latest(store: Store, which: Filter) -> list[RunRecord]:
    """Return the latest run of each kind among those that ``which`` takes, the newest first.

    Raises:
        StoreError: the database or one of these runs cannot be read.
    """
    with store.reading() as connection:
        found = connection.scalars(latest_query(which)).all()
    return store.load(found)


def latest_heads(store: Store, which: Filter) -> list[RunHead]:
    """Return the heads of ``latest``, without reading documents.

    Raises:
        StoreError: the database cannot be read.
    """
    chosen = latest_query(which).subquery()
    query = (
        select(*(runs.c[name] for name in _HEAD))
        .join(chosen, runs.c.run_id == chosen.c.run_id)
        .order_by(*NEWEST_FIRST)
    )
    with store.reading() as connection:
        return [
            RunHead(
                row.run_id,
                Slot(row.model_sha256, row.profile_name, row.target, row.engine),
                row.model_name,
                row.model_dtype,
            )
            for row in connection.execute(query)
        ]


def latest_query(which: Filter) -> Select[Any]:
    """Return the statement that finds the ids."""
    rank = func.row_number().over(
        partition_by=(runs.c.model_sha256, runs.c.profile_name, runs.c.target, runs.c.engine),
        order_by=NEWEST_FIRST,
    )
    ranked = (
        select(runs.c.run_id, runs.c.started_us, rank.label("rank"))
        .where(runs.c.model_sha256.is_not(None), *_conditions(which))
        .subquery()
    )
    return (
        select(ranked.c.run_id)
        .where(ranked.c.rank == 1)
        .order_by(ranked.c.started_us.desc(), ranked.c.run_id.desc())
    )


def _conditions(which: Filter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if which.model is not None:
        named = runs.c.model_name == which.model
        if _is_hash(which.model):
            start = runs.c.model_sha256.startswith(which.model.lower(), autoescape=True)
            named = or_(named, start)
        conditions.append(named)
    if which.profile is not None:
        conditions.append(runs.c.profile_name == which.profile)
    if which.engine is not None:
        conditions.append(runs.c.engine == which.engine)
    if which.status is not None:
        conditions.append(runs.c.status == which.status)
    if which.since is not None:
        conditions.append(runs.c.started_us >= epoch_us(which.since.isoformat()))
    if which.last is not None:
        newest = select(runs.c.run_id).order_by(*NEWEST_FIRST)
        conditions.append(runs.c.run_id.in_(newest.limit(which.last)))
    return conditions


def _is_hash(text: str) -> bool:
    return 6 <= len(text) <= 64 and all(c in "0123456789abcdefABCDEF" for c in text)


def _is_start(text: str, slot: Slot) -> bool:
    return _is_hash(text) and slot.model_sha256.startswith(text.lower())
