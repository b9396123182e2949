"""Baselines in the database: named sets of runs, at most one of a kind in each.

A run's kind (``Slot``) is its model (by SHA-256), profile, target and engine: what must be equal
for one run to replace another. A baseline holds a copy of the run's document, so it neither changes
nor is deleted with the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from hil.records import RunRecord
from hil.store import documents
from hil.store.tables import baselines
from hil.store.transactions import Transactions


@dataclass(frozen=True)
class Slot:
    """The kind of a run, unique in a baseline."""

    model_sha256: str
    profile_name: str
    target: str
    engine: str


@dataclass(frozen=True)
class MemberHead:
    """A member of a baseline without the run itself."""

    name: str
    slot: Slot
    model_name: str
    run_id: str
    added_at: str


def slot_of(run: RunRecord) -> Slot:
    """Return the kind of a run that has a model."""
    assert run.model is not None
    return Slot(run.model.sha256, run.profile_name, run.target, run.engine)


def slot_key(slot: Slot) -> str:
    """Return the slot as one column's value."""
    return documents.digest([slot.model_sha256, slot.profile_name, slot.target, slot.engine])


class Baselines:
    """The baselines of an open store (``Store.baselines``)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def put(self, name: str, runs: Sequence[RunRecord], *, only: bool = False) -> int:
        """Add runs to the baseline ``name``; each replaces the one of its kind, if there is one.

        ``only``: the baseline then holds nothing else. Returns how many were replaced or removed.
        """
        now = datetime.now(UTC).isoformat(timespec="seconds")
        rows = {row["slot"]: row for row in (member_row(name, run, now) for run in runs)}
        if not rows:
            return 0
        replaced = baselines.c.name == name
        if not only:
            replaced = and_(replaced, baselines.c.slot.in_(rows))

        def work(connection: Connection) -> int:
            count = connection.execute(delete(baselines).where(replaced)).rowcount
            connection.execute(insert(baselines), list(rows.values()))
            return count

        return self._transactions.write(work, lock=f"baselines/{name}")

    def take_away(self, name: str, run_ids: Iterable[str] | None = None) -> int:
        """Remove a baseline, or some of its runs; return how many runs were removed."""
        conditions: list[ColumnElement[bool]] = [baselines.c.name == name]
        if run_ids is not None:
            conditions.append(baselines.c.run_id.in_(list(run_ids)))

        def work(connection: Connection) -> int:
            return connection.execute(delete(baselines).where(*conditions)).rowcount

        return self._transactions.write(work, lock=f"baselines/{name}")

    def heads(
        self,
        *,
        name: str | None = None,
        model_sha256: str | None = None,
        profile: str | None = None,
    ) -> list[MemberHead]:
        """Return the members that match all values, by baseline, model, profile and engine."""
        order = ("name", "model_name", "profile_name", "engine", "slot")
        columns = [column for column in baselines.c if column.name != "document"]
        query = select(*columns).order_by(*(baselines.c[column] for column in order))
        if name is not None:
            query = query.where(baselines.c.name == name)
        if model_sha256 is not None:
            query = query.where(baselines.c.model_sha256 == model_sha256)
        if profile is not None:
            query = query.where(baselines.c.profile_name == profile)
        with self._transactions.reading() as connection:
            return [
                MemberHead(
                    name=row.name,
                    slot=Slot(row.model_sha256, row.profile_name, row.target, row.engine),
                    model_name=row.model_name,
                    run_id=row.run_id,
                    added_at=row.added_at,
                )
                for row in connection.execute(query)
            ]

    def load(self, name: str, slots: Iterable[Slot] | None = None) -> dict[Slot, RunRecord]:
        """Return the runs of a baseline by their kind: all, or those of ``slots``.

        Raises:
            StoreError: a run's document is damaged, or of a newer version of hil.
        """
        query = select(baselines.c.run_id, baselines.c.document).where(baselines.c.name == name)
        if slots is not None:
            query = query.where(baselines.c.slot.in_([slot_key(slot) for slot in slots]))
        with self._transactions.reading() as connection:
            rows = connection.execute(query).all()
        where = f"of the baseline '{name}' in {self._transactions.label}"
        runs = (
            documents.load(RunRecord, row.document, f"the run {row.run_id} {where}") for row in rows
        )
        return {slot_of(run): run for run in runs}


def member_row(name: str, run: RunRecord, added_at: str) -> dict[str, Any]:
    """Return the row of ``baselines``."""
    slot = slot_of(run)
    assert run.model is not None
    return {
        **dataclasses.asdict(slot),
        "name": name,
        "slot": slot_key(slot),
        "model_name": run.model.name,
        "run_id": run.run_id,
        "added_at": added_at,
        "document": documents.to_document(run),
    }
