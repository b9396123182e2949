"""Baselines in the database: named sets of runs, at most one of a kind in each.

A run's kind (``Slot``) is its model (by SHA-256), profile, target and engine: what must be equal
for a run to be the successor of another. The run is kept whole, as a document of its own, so that
a baseline neither changes nor goes with the run that it was made of.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, select

from hil.errors import StoreError
from hil.records import RunRecord
from hil.store.database import Transaction
from hil.store.portable import NotARun, digest, from_plain, to_plain
from hil.store.tables import BaselineRow


@dataclass(frozen=True)
class Slot:
    """What a run is a run of; in a baseline it is unique."""

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
    return digest([slot.model_sha256, slot.profile_name, slot.target, slot.engine])


class Baselines:
    """The part of an open store that holds baselines; ``Store.baselines`` makes one."""

    def __init__(self, reading: Transaction, writing: Transaction, label: str) -> None:
        self._reading = reading
        self._writing = writing
        self._label = label

    def put(self, name: str, runs: Sequence[RunRecord]) -> None:
        """Add runs to the baseline ``name``, each in the place of the one of its kind, if any."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with self._writing() as session:
            for run in runs:
                session.merge(_row(name, run, now))

    def take_away(self, name: str, run_ids: Iterable[str] | None = None) -> int:
        """Remove a baseline, or some of its runs; return how many runs went."""
        conditions: list[ColumnElement[bool]] = [BaselineRow.name == name]
        if run_ids is not None:
            conditions.append(BaselineRow.run_id.in_(list(run_ids)))
        with self._writing() as session:
            slots = select(BaselineRow.slot).where(*conditions)
            found = len(session.scalars(slots).all())
            session.execute(delete(BaselineRow).where(*conditions))
            return found

    def heads(
        self,
        *,
        name: str | None = None,
        model_sha256: str | None = None,
        profile: str | None = None,
    ) -> list[MemberHead]:
        """Return the members that match all values, by baseline, model, profile and engine."""
        query = (
            select(
                BaselineRow.name,
                BaselineRow.model_sha256,
                BaselineRow.profile_name,
                BaselineRow.target,
                BaselineRow.engine,
                BaselineRow.model_name,
                BaselineRow.run_id,
                BaselineRow.added_at,
            )
            .where(*_conditions(name, model_sha256, profile))
            .order_by(
                BaselineRow.name,
                BaselineRow.model_name,
                BaselineRow.profile_name,
                BaselineRow.engine,
                BaselineRow.slot,
            )
        )
        with self._reading() as session:
            return [
                MemberHead(name, Slot(*slot), model_name, run_id, added_at)
                for name, *slot, model_name, run_id, added_at in session.execute(query)
            ]

    def load(self, name: str, slots: Iterable[Slot] | None = None) -> dict[Slot, RunRecord]:
        """Return the runs of a baseline by their kind: all, or those of ``slots``.

        Raises:
            StoreError: a run was kept by a version of hil that wrote it otherwise.
        """
        query = select(BaselineRow.document).where(BaselineRow.name == name)
        if slots is not None:
            query = query.where(BaselineRow.slot.in_([slot_key(slot) for slot in slots]))
        with self._reading() as session:
            documents = session.scalars(query).all()
        runs = [_run(self._label, name, document) for document in documents]
        return {slot_of(run): run for run in runs}


def _conditions(
    name: str | None, model_sha256: str | None, profile: str | None
) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if name is not None:
        conditions.append(BaselineRow.name == name)
    if model_sha256 is not None:
        conditions.append(BaselineRow.model_sha256 == model_sha256)
    if profile is not None:
        conditions.append(BaselineRow.profile_name == profile)
    return conditions


def _row(name: str, run: RunRecord, now: str) -> BaselineRow:
    slot = slot_of(run)
    assert run.model is not None
    return BaselineRow(
        name=name,
        slot=slot_key(slot),
        model_sha256=slot.model_sha256,
        model_name=run.model.name,
        profile_name=slot.profile_name,
        target=slot.target,
        engine=slot.engine,
        run_id=run.run_id,
        added_at=now,
        document=to_plain(run),
    )


def _run(label: str, name: str, document: Any) -> RunRecord:
    try:
        return from_plain(document, trusted=True)
    except NotARun as error:
        raise StoreError(
            f"the baseline '{name}' in {label} holds a run that cannot be read: {error}",
            hint=f"set it anew: `hil baseline remove {name}`, then `hil baseline set {name}`",
        ) from error
