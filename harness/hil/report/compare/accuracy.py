"""Accuracy side by side: the same labelled data through the models or engines of a comparison.

A difference of shares is in percentage points, not as a ratio, and claimed only where the
95 % intervals do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.records import Agreement, Estimate, Evaluation, RunRecord
from hil.report.run.evidence import Evidence, question
from hil.report.words.accuracy import (
    agreement_text,
    data_name,
    metric_name,
)
from hil.report.words.judge import Difference, difference
from hil.verdict.kinship import scheme


@dataclass(frozen=True)
class AccuracyCell:
    """One run's evaluation: a share or an AUC from 0 to 1 with its 95 % interval."""

    evaluation: Evaluation
    main: Estimate
    difference: Difference | None


@dataclass(frozen=True)
class AccuracyLine:
    """One data set and metric over all runs; ``missing`` is why a cell is None."""

    metric: str
    label: str
    data: str
    where: str
    cells: tuple[AccuracyCell | None, ...]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class AgreementLine:
    """Variants against the float model that they were made of, a text per run."""

    label: str
    texts: tuple[str, ...]
    cells: tuple[Agreement | None, ...]


def accuracy_lines(runs: Sequence[RunRecord], known: Evidence) -> tuple[AccuracyLine, ...]:
    """A line for each question that any of the runs has an answer to, the newest first."""
    answers = [{question(one): one for one in reversed(known.of(run))} for run in runs]
    asked = dict.fromkeys(question(one) for run in runs for one in known.of(run))
    return tuple(_line(key, runs, [one.get(key) for one in answers], known) for key in asked)


def _line(
    key: tuple[object, ...],
    runs: Sequence[RunRecord],
    found: Sequence[Evaluation | None],
    known: Evidence,
) -> AccuracyLine:
    first = next(one for one in found if one is not None)
    missing = []
    for run, one in zip(runs, found, strict=True):
        others = [e.engine for e in known.of_model(run) if question(e) == key]
        with_others = f" with {run.engine}, only with {others[0]}" if others else ""
        missing.append("" if one else f"not evaluated{with_others}")
    targets = {one.target for one in found if one is not None}
    return AccuracyLine(
        metric=first.metric,
        label=f"Accuracy, {metric_name(first.metric)}",
        data=data_name(first),
        where=f"on {' and '.join(sorted(targets))}",
        cells=tuple(
            _cell(one, found[0] if position else None) if one is not None else None
            for position, one in enumerate(found)
        ),
        missing=tuple(missing),
    )


def _cell(one: Evaluation, baseline: Evaluation | None) -> AccuracyCell:
    assert one.accuracy is not None
    judged = difference(baseline, one) if baseline is not None else None
    return AccuracyCell(one, one.accuracy.main, judged)


def agreement_line(runs: Sequence[RunRecord], known: Evidence) -> AgreementLine | None:
    """How often variants decide as their float model does; None where no run is a variant."""
    found = tuple(known.agreement(run) for run in runs)
    if not any(found):
        return None
    texts = [
        agreement_text(one) if one else ("–" if scheme(run) else "the model as given")
        for run, one in zip(runs, found, strict=True)
    ]
    return AgreementLine("Against its float model", tuple(texts), found)
