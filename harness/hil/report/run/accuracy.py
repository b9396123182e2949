"""Accuracy of a run's model on its device, from stored evaluations."""

from __future__ import annotations

from dataclasses import dataclass

from hil.records import Accuracy, Evaluation, RunRecord
from hil.report.run.evidence import Evidence
from hil.report.words.format import plural

_SHOWN = 10
_MATRIX_UP_TO = 20  # classes


@dataclass(frozen=True)
class AccuracyRow:
    """One evaluation and whether the device agrees with the reference."""

    evaluation: Evaluation
    accuracy: Accuracy
    outputs: str


@dataclass(frozen=True)
class MatrixRow:
    """A true class: how often each class was decided for it; ``cells`` are (text, is right)."""

    label: str
    cells: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class AccuracyView:
    """All that is shown of a run's evaluations, the newest first.

    ``matrix``, ``notes`` and ``target`` are the newest one's.
    """

    rows: tuple[AccuracyRow, ...]
    matrix: tuple[MatrixRow, ...]
    notes: tuple[str, ...]
    target: str


def accuracy_view(run: RunRecord, known: Evidence) -> AccuracyView | None:
    """What was counted with the same model, profile and engine; None without any evaluation."""
    evaluations = known.of(run)[:_SHOWN]
    if not evaluations:
        return None
    first = evaluations[0]
    assert first.accuracy is not None
    return AccuracyView(
        rows=tuple(_row(one) for one in evaluations),
        matrix=_matrix(first.accuracy),
        notes=first.accuracy.notes,
        target=first.target,
    )


def _row(one: Evaluation) -> AccuracyRow:
    assert one.accuracy is not None
    equal = "bit-equal" if one.accuracy.exact else "within tolerance"
    samples = plural(one.accuracy.samples, "sample")
    return AccuracyRow(one, one.accuracy, f"{equal} on {one.accuracy.equal:,} of {samples}")


def _matrix(found: Accuracy) -> tuple[MatrixRow, ...]:
    if not 0 < len(found.confusion) <= _MATRIX_UP_TO:
        return ()
    return tuple(
        MatrixRow(str(at), tuple((f"{n:,}", at == column) for column, n in enumerate(row)))
        for at, row in enumerate(found.confusion)
    )
