"""Accuracy of a run's model on its device, as stored evaluations tell it, ready to be laid out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.records import Accuracy, Estimate, Evaluation, RunRecord
from harness.report.format import NBSP, plural, when

_SHOWN = 10
_MATRIX_UP_TO = 20  # classes


@dataclass(frozen=True)
class AccuracyRow:
    """One evaluation: what was counted, how certain that is, and whether the device agrees."""

    evaluation_id: str
    data: str
    preparation: str
    metric: str
    value: str
    interval: str
    counted: str
    host: str
    top5: str
    outputs: str
    passed: bool
    engine: str
    started: str


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


def accuracy_views(
    runs: Sequence[RunRecord], evaluations: Sequence[Evaluation]
) -> Mapping[str, AccuracyView]:
    """Return by run id what is known of the same model (by hash) on the same profile.

    ``evaluations`` are newest first; of those that ask the same (by whatever firmware, emulator
    and way in) only the newest is shown. Runs without any are left out.
    """
    found = {}
    for run in runs:
        matching = [
            one
            for one in evaluations
            if run.model is not None
            and (one.model_sha256, one.profile_name) == (run.model.sha256, run.profile_name)
            and one.accuracy is not None
        ]
        newest = list({_question(one): one for one in reversed(matching)}.values())
        newest.sort(key=matching.index)
        if newest:
            found[run.run_id] = _view(newest[:_SHOWN])
    return found


def _question(one: Evaluation) -> tuple[object, ...]:
    part = (one.options.get("limit"), one.options.get("seed"))
    return (one.data_sha256, one.metric, one.engine, *part)


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
    found = one.accuracy
    assert found is not None
    equal = "bit-equal" if found.exact else "within tolerance"
    return AccuracyRow(
        evaluation_id=one.evaluation_id,
        data=one.data_name.rstrip("/").rpartition("/")[2] or one.data_name,
        preparation=one.preparation,
        metric="AUC" if found.metric == "auc" else "top-1",
        value=_value(found.main),
        interval=_interval(found.main),
        counted=_counted(found),
        host=_value(found.host),
        top5=f"top-5 {_value(found.top5)}" if found.top5 else "",
        outputs=f"{equal} on {found.equal:,} of {plural(found.samples, 'sample')}",
        passed=one.status == "passed",
        engine=one.engine,
        started=when(one.started_at),
    )


def _value(one: Estimate) -> str:
    return f"{one.value:.4f}" if one.count is None else f"{100 * one.value:.2f}{NBSP}%"


def _interval(one: Estimate) -> str:
    if one.count is None:
        return f"{one.low:.4f} to {one.high:.4f}"
    return f"{100 * one.low:.2f} to {100 * one.high:.2f}{NBSP}%"


def _counted(found: Accuracy) -> str:
    if found.main.count is not None:
        return f"{found.main.count:,} of {found.main.n:,}"
    return plural(found.main.n, "item")


def _matrix(found: Accuracy) -> tuple[MatrixRow, ...]:
    if not 0 < len(found.confusion) <= _MATRIX_UP_TO:
        return ()
    return tuple(
        MatrixRow(str(at), tuple((f"{n:,}", at == column) for column, n in enumerate(row)))
        for at, row in enumerate(found.confusion)
    )
