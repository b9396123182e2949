"""Evaluations in the database: claimed by one process, filled batch by batch, found again."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from hil.errors import UsageError
from hil.records import Evaluation, RunRecord, SampleResult
from hil.store.documents import epoch_us, load, to_column, to_document
from hil.store.liveness import shown_status, this_process
from hil.store.tables import evaluation_samples, evaluations
from hil.store.transactions import Transactions, is_again

_ENDED = ("passed", "failed")
_COLUMNS = (
    *("evaluation_id", "key", "status", "started_at", "finished_at", "profile_name", "target"),
    *("engine", "model_name", "model_sha256", "model_dtype", "data_name", "metric", "samples"),
)
_NEWEST_FIRST = (evaluations.c.started_us.desc(), evaluations.c.evaluation_id.desc())
_SAMPLE_COLUMNS = [evaluation_samples.c[field.name] for field in dataclasses.fields(SampleResult)]


@dataclass(frozen=True)
class Claim:
    """An evaluation that this process is to continue, or that is ``complete``.

    ``results`` are those of the samples that were done before.
    """

    evaluation: Evaluation
    results: tuple[SampleResult, ...]
    complete: bool


class Evaluations:
    """The evaluations of an open store (``Store.evaluations``)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def claim(self, wanted: Evaluation, *, restart: bool = False) -> Claim:
        """Continue the newest evaluation with the same key, or begin ``wanted``.

        ``restart`` begins a new one in any case; earlier ones stay in the history.

        Raises:
            UsageError: another process is working on it.
            StoreError: the stored evaluation is damaged, or of a newer version of hil.
        """
        return self._transactions.write(
            lambda connection: self._claim(connection, wanted, restart),
            lock=f"evaluations/{wanted.key}",
        )

    def _claim(self, connection: Connection, wanted: Evaluation, restart: bool) -> Claim:
        row = _newest(connection, wanted.key)
        # An attempt before this one may have claimed it already.
        is_own = is_again(connection) and row is not None and _is_of_this_process(row)
        if row is None or (restart and not (is_own and row.evaluation_id == wanted.evaluation_id)):
            connection.execute(insert(evaluations), evaluation_row(wanted) | _process())
            return Claim(wanted, (), False)
        results = _samples(connection, row.evaluation_id)
        stored = dataclasses.replace(self._record(row), done=len(results))
        ended = row.status in _ENDED and stored.accuracy is not None
        if ended and len(results) == stored.samples:
            return Claim(stored, results, True)
        if shown_status(row) == "running" and not is_own:
            raise UsageError(
                f"the same evaluation is being carried out by process {row.pid} on {row.host}",
                hint="wait for it to end; --restart begins a separate one",
            )
        taken = dataclasses.replace(
            stored,
            status="running",
            finished_at=None,
            errors=(),
            provenance=wanted.provenance,
        )
        _update(connection, evaluation_row(taken) | _process())
        return Claim(taken, results, False)

    def add(self, evaluation_id: str, results: Sequence[SampleResult]) -> None:
        """Store results of some samples, all or none of them."""
        rows = [
            {
                **dataclasses.asdict(result),
                "evaluation_id": evaluation_id,
                "max_abs_diff": to_column(result.max_abs_diff),
                "score": to_column(result.score),
                "host_score": to_column(result.host_score),
            }
            for result in results
        ]
        if not rows:
            return

        def work(connection: Connection) -> None:
            if is_again(connection):
                these = evaluation_samples.c.sample.in_([row["sample"] for row in rows])
                this = evaluation_samples.c.evaluation_id == evaluation_id
                connection.execute(delete(evaluation_samples).where(this, these))
            connection.execute(insert(evaluation_samples), rows)

        self._transactions.write(work)

    def finish(self, evaluation: Evaluation) -> None:
        """Store how an evaluation ended; its samples stay as they are."""
        self._transactions.write(lambda connection: _update(connection, evaluation_row(evaluation)))

    def find(
        self,
        *,
        model_sha256: str | None = None,
        profile: str | None = None,
        limit: int | None = None,
    ) -> list[Evaluation]:
        """Return the evaluations that match all given values, newest first.

        Raises:
            StoreError: a stored evaluation is damaged, or of a newer version of hil.
        """
        done = (
            select(func.count())
            .select_from(evaluation_samples)
            .where(evaluation_samples.c.evaluation_id == evaluations.c.evaluation_id)
            .scalar_subquery()
        )
        query = select(evaluations, done.label("done")).order_by(*_NEWEST_FIRST)
        if model_sha256 is not None:
            query = query.where(evaluations.c.model_sha256 == model_sha256)
        if profile is not None:
            query = query.where(evaluations.c.profile_name == profile)
        with self._transactions.reading() as connection:
            return [
                dataclasses.replace(self._record(row), done=row.done)
                for row in connection.execute(query.limit(limit))
            ]

    def matching(self, runs: Sequence[RunRecord]) -> list[Evaluation]:
        """Return the evaluations of the runs' models (by hash) on their profiles, newest first."""
        asked = {(run.model.sha256, run.profile_name) for run in runs if run.model is not None}
        found = {
            one.evaluation_id: one
            for sha256, profile in sorted(asked)
            for one in self.find(model_sha256=sha256, profile=profile)
        }
        return sorted(found.values(), key=lambda one: epoch_us(one.started_at), reverse=True)

    def samples(self, evaluation_id: str) -> tuple[SampleResult, ...]:
        """Return the stored results of an evaluation's samples, in their order."""
        with self._transactions.reading() as connection:
            return _samples(connection, evaluation_id)

    def delete(self, evaluation_id: str) -> None:
        """Remove an evaluation with its samples."""
        this = evaluations.c.evaluation_id == evaluation_id

        def work(connection: Connection) -> None:
            connection.execute(delete(evaluations).where(this))

        self._transactions.write(work)

    def _record(self, row: Row[Any]) -> Evaluation:
        what = f"the evaluation {row.evaluation_id} in {self._transactions.label}"
        evaluation = load(Evaluation, row.document, what)
        return dataclasses.replace(evaluation, status=shown_status(row))


def _newest(connection: Connection, key: str) -> Row[Any] | None:
    query = select(evaluations).where(evaluations.c.key == key).order_by(*_NEWEST_FIRST)
    return connection.execute(query.limit(1)).first()


def _samples(connection: Connection, evaluation_id: str) -> tuple[SampleResult, ...]:
    query = (
        select(*_SAMPLE_COLUMNS)
        .where(evaluation_samples.c.evaluation_id == evaluation_id)
        .order_by(evaluation_samples.c.sample)
    )
    return tuple(
        SampleResult(
            **{
                **row._mapping,
                "max_abs_diff": float("nan") if row.max_abs_diff is None else row.max_abs_diff,
            }
        )
        for row in connection.execute(query)
    )


def evaluation_row(evaluation: Evaluation) -> dict[str, Any]:
    """Return the row of ``evaluations`` without the process."""
    document = to_document(evaluation)
    found = evaluation.accuracy
    return {
        **{name: document[name] for name in _COLUMNS},
        "started_us": epoch_us(evaluation.started_at),
        "accuracy": None if found is None else to_column(found.main.value),
        "document": document,
    }


def _process() -> dict[str, Any]:
    return dataclasses.asdict(this_process())


def _is_of_this_process(row: Row[Any]) -> bool:
    return all(getattr(row, name) == value for name, value in _process().items())


def _update(connection: Connection, row: dict[str, Any]) -> None:
    this = evaluations.c.evaluation_id == row["evaluation_id"]
    connection.execute(update(evaluations).where(this).values(row))
