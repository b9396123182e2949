"""Accuracy of a run's model on its device, from stored evaluations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """All that is shown of a run's evaluations, the newest first; ``matrix`` is the newest's."""

    rows: tuple[AccuracyRow, ...]
    matrix: tuple[MatrixRow, ...]
    notes: tuple[str, ...]
    where: str


def accuracy_views(runs: Sequence[RunRecord], known: Evidence) -> Mapping[str, AccuracyView]:
    """Return by run id what was counted with the same model, profile and engine.

    Runs without any evaluation are left out.
    """
    found = {run.run_id: known.of(run) for run in runs}
    return {run_id: _view(own[:_SHOWN]) for run_id, own in found.items() if own}


def _view(evaluations: Sequence[Evaluation]) -> AccuracyView:
    first = evaluations[0]
    assert first.accuracy is not None
    silicon = first.target == "board"
    return AccuracyView(
        rows=tuple(_row(one) for one in evaluations),
        matrix=_matrix(first.accuracy),
        notes=first.accuracy.notes,
        where="counted on the chip itself" if silicon else "counted on the emulated device",
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
