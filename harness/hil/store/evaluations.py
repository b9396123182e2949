"""Evaluations in the database: claimed by one process, filled batch by batch, found again."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from hil.errors import UsageError
from hil.records import (
    Accuracy,
    ErrorInfo,
    Estimate,
    Evaluation,
    RunRecord,
    RunStatus,
    SampleResult,
)
from hil.store.convert import epoch_us, from_column, plain_text, to_column, to_json
from hil.store.database import Transaction
from hil.store.liveness import ProcessId, is_gone, this_process
from hil.store.tables import EvaluationRow, EvaluationSampleRow

_ENDED = ("passed", "failed")
_SAMPLE_COLUMNS = [field.name for field in dataclasses.fields(SampleResult)]


@dataclass(frozen=True)
class Claim:
    """An evaluation that is this process's to carry on, or is ``complete`` already.

    ``results`` are of the samples that were done before.
    """

    evaluation: Evaluation
    results: tuple[SampleResult, ...]
    complete: bool


class Evaluations:
    """The part of an open store that holds evaluations; ``Store.evaluations`` makes one."""

    def __init__(self, reading: Transaction, writing: Transaction) -> None:
        self._reading = reading
        self._writing = writing

    def claim(self, wanted: Evaluation, *, restart: bool = False) -> Claim:
        """Continue the newest evaluation with the same key, or begin ``wanted``.

        ``restart`` begins a new one in any case; what was kept before stays in the history.

        Raises:
            UsageError: another process is at work on it at this moment.
        """
        with self._writing() as session:
            row = None if restart else _newest(session, wanted.key)
            if row is None:
                session.add(_to_row(wanted, this_process()))
                return Claim(wanted, (), False)
            results = _samples(session, row.evaluation_id)
            if row.status in _ENDED and row.accuracy is not None and len(results) == row.samples:
                return Claim(_to_record(row, len(results)), results, True)
            if row.status == "running" and not is_gone(_process(row), row.started_us):
                raise UsageError(
                    f"the same evaluation is being carried out by process {row.pid} on {row.host}",
                    hint="wait for it to end; --restart begins one of its own",
                )
            _hand_over(row, wanted)
            return Claim(_to_record(row, len(results)), results, False)

    def add(self, evaluation_id: str, results: Sequence[SampleResult]) -> None:
        """Keep results of some samples, all or none of them."""
        if not results:
            return
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
        with self._writing() as session:
            session.execute(insert(EvaluationSampleRow), rows)

    def finish(self, evaluation: Evaluation) -> None:
        """Keep how an evaluation ended; its samples stay as they are."""
        with self._writing() as session:
            row = session.get(EvaluationRow, evaluation.evaluation_id)
            assert row is not None
            row.status = evaluation.status
            row.finished_at = evaluation.finished_at
            row.accuracy = json.loads(to_json(_plain(evaluation.accuracy)))
            row.errors = _plain_errors(evaluation)
            row.provenance = json.loads(to_json(evaluation.provenance))

    def find(
        self,
        *,
        model_sha256: str | None = None,
        profile: str | None = None,
        limit: int | None = None,
    ) -> list[Evaluation]:
        """Return the evaluations that match all given values, newest first."""
        done = (
            select(func.count())
            .select_from(EvaluationSampleRow)
            .where(EvaluationSampleRow.evaluation_id == EvaluationRow.evaluation_id)
            .scalar_subquery()
        )
        query = select(EvaluationRow, done).order_by(
            EvaluationRow.started_us.desc(), EvaluationRow.evaluation_id.desc()
        )
        if model_sha256 is not None:
            query = query.where(EvaluationRow.model_sha256 == model_sha256)
        if profile is not None:
            query = query.where(EvaluationRow.profile_name == profile)
        with self._reading() as session:
            return [_to_record(row, count) for row, count in session.execute(query.limit(limit))]

    def matching(self, runs: Sequence[RunRecord]) -> list[Evaluation]:
        """Return the evaluations of the runs' models (by hash) on their profiles, newest first."""
        asked = {(run.model.sha256, run.profile_name) for run in runs if run.model is not None}
        found = {
            one.evaluation_id: one
            for sha256, profile in asked
            for one in self.find(model_sha256=sha256, profile=profile)
        }
        return sorted(found.values(), key=lambda one: epoch_us(one.started_at), reverse=True)

    def samples(self, evaluation_id: str) -> tuple[SampleResult, ...]:
        """Return what is kept of an evaluation's samples, in their order."""
        with self._reading() as session:
            return _samples(session, evaluation_id)

    def delete(self, evaluation_id: str) -> None:
        """Remove an evaluation with its samples."""
        with self._writing() as session:
            session.execute(
                delete(EvaluationRow).where(EvaluationRow.evaluation_id == evaluation_id)
            )


def _newest(session: Session, key: str) -> EvaluationRow | None:
    return session.scalar(
        select(EvaluationRow)
        .where(EvaluationRow.key == key)
        .order_by(EvaluationRow.started_us.desc(), EvaluationRow.evaluation_id.desc())
        .limit(1)
    )


def _hand_over(row: EvaluationRow, wanted: Evaluation) -> None:
    """Make an interrupted evaluation this process's; its beginning stays what it was."""
    process = this_process()
    row.status, row.finished_at, row.errors = "running", None, []
    row.provenance = json.loads(to_json(wanted.provenance))
    row.host, row.boot_id = process.host, process.boot_id
    row.pid, row.pid_start = process.pid, process.pid_start


def _samples(session: Session, evaluation_id: str) -> tuple[SampleResult, ...]:
    columns = [getattr(EvaluationSampleRow, name) for name in _SAMPLE_COLUMNS]
    query = (
        select(*columns)
        .where(EvaluationSampleRow.evaluation_id == evaluation_id)
        .order_by(EvaluationSampleRow.sample)
    )
    return tuple(
        SampleResult(**{**row._mapping, "max_abs_diff": from_column(row.max_abs_diff)})
        for row in session.execute(query)
    )


def _process(row: EvaluationRow) -> ProcessId:
    return ProcessId(row.host, row.boot_id, row.pid, row.pid_start)


def _to_row(evaluation: Evaluation, process: ProcessId) -> EvaluationRow:
    fields = {
        name: getattr(evaluation, name)
        for name in EvaluationRow.__table__.columns.keys()  # noqa: SIM118 - not a mapping
        if hasattr(evaluation, name)
    }
    fields |= {
        "model_name": plain_text(evaluation.model_name),
        "data_name": plain_text(evaluation.data_name),
        "options": json.loads(to_json(evaluation.options)),
        "provenance": json.loads(to_json(evaluation.provenance)),
        "accuracy": _plain(evaluation.accuracy),
        "errors": _plain_errors(evaluation),
        "started_us": epoch_us(evaluation.started_at),
        **dataclasses.asdict(process),
    }
    return EvaluationRow(**fields)


def _plain(accuracy: Accuracy | None) -> dict[str, Any] | None:
    """The accuracy as JSON, which has no word for infinity; ``_to_accuracy`` undoes it."""
    if accuracy is None:
        return None
    difference = accuracy.max_abs_diff
    finite = difference if math.isfinite(difference) else None
    return {**dataclasses.asdict(accuracy), "max_abs_diff": finite}


def _plain_errors(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [
        {"message": plain_text(e.message), "hint": plain_text(e.hint), "kind": e.kind}
        for e in evaluation.errors
    ]


def _to_record(row: EvaluationRow, done: int) -> Evaluation:
    names = {field.name for field in dataclasses.fields(Evaluation)}
    fields = {name: getattr(row, name) for name in names if hasattr(row, name)}
    fields |= {
        "done": done,
        "status": _status(row),
        "accuracy": _to_accuracy(row.accuracy),
        "errors": tuple(ErrorInfo(**error) for error in row.errors),
    }
    return Evaluation(**fields)


def _status(row: EvaluationRow) -> RunStatus:
    """The status to show: a ``running`` one whose process is gone was interrupted."""
    if row.status == "running" and is_gone(_process(row), row.started_us):
        return "interrupted"
    return cast(RunStatus, row.status)


def _to_accuracy(plain: dict[str, Any] | None) -> Accuracy | None:
    if plain is None:
        return None
    top5 = plain["top5"]
    return Accuracy(
        **{
            **plain,
            "main": Estimate(**plain["main"]),
            "host": Estimate(**plain["host"]),
            "top5": None if top5 is None else Estimate(**top5),
            "max_abs_diff": math.inf if plain["max_abs_diff"] is None else plain["max_abs_diff"],
            "confusion": tuple(tuple(row) for row in plain["confusion"]),
            "differing": tuple(plain["differing"]),
            "notes": tuple(plain["notes"]),
        }
    )
