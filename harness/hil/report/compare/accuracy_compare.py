"""Accuracy side by side: the same labelled data through the models or engines of a comparison.

A difference of shares is told in percentage points, not as a ratio, and claimed only where the
95 % intervals do not overlap.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.records import Agreement, Evaluation, RunRecord
from hil.report.compare.evidence import Evidence, question
from hil.report.run.accuracy_view import data_name, estimate_text, interval_text, metric_name
from hil.report.words.format import NBSP, plural, significant
from hil.report.words.judge import Verdict
from hil.report.words.naming import family, scheme


@dataclass(frozen=True)
class Difference:
    """An accuracy against the baseline's; ``points`` is the difference times 100."""

    verdict: Verdict
    points: float
    words: str
    ratio_text: str = ""  # a share is no ratio; laid out as a ``Judgement``


@dataclass(frozen=True)
class AccuracyCell:
    """One run's evaluation; ``value``, ``low`` and ``high`` (95 %) are from 0 to 1."""

    evaluation_id: str
    value: float
    low: float
    high: float
    n: int
    count: int | None
    text: str
    interval: str
    counted: str
    status: str
    difference: Difference | None


@dataclass(frozen=True)
class AccuracyLine:
    """One data set and metric over all runs; ``missing`` says why a cell is None."""

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
    targets = {one.target == "board" for one in found if one is not None}
    return AccuracyLine(
        metric=first.metric,
        label=f"Accuracy, {metric_name(first.metric)}",
        data=data_name(first),
        where=" and ".join("on the chip" if board else "emulated" for board in sorted(targets)),
        cells=tuple(
            _cell(one, found[0] if position else None) if one is not None else None
            for position, one in enumerate(found)
        ),
        missing=tuple(missing),
    )


def _cell(one: Evaluation, baseline: Evaluation | None) -> AccuracyCell:
    assert one.accuracy is not None
    main = one.accuracy.main
    return AccuracyCell(
        evaluation_id=one.evaluation_id,
        value=main.value,
        low=main.low,
        high=main.high,
        n=main.n,
        count=main.count,
        text=estimate_text(main),
        interval=interval_text(main),
        counted=f"{main.count:,} of {main.n:,}" if main.count is not None else f"{main.n:,}",
        status=one.status,
        difference=difference(baseline, one) if baseline is not None else None,
    )


def difference(baseline: Evaluation, other: Evaluation) -> Difference:
    """Judge two evaluations of one question; one that did not pass is no result."""
    assert baseline.accuracy is not None
    assert other.accuracy is not None
    a, b = baseline.accuracy.main, other.accuracy.main
    points = 100 * (b.value - a.value)
    if not baseline.status == other.status == "passed":
        return Difference("unknown", points, "not a result")
    if a.value == b.value:
        return Difference("same", points, "the same on this data")
    text = f"{'+' if points > 0 else '−'}{_points(points)}"
    if a.low <= b.high and b.low <= a.high:
        return Difference("unclear", points, f"{text}, no difference can be claimed")
    better = points > 0
    return Difference(
        "better" if better else "worse", points, f"{text}, {'better' if better else 'worse'}"
    )


def _points(points: float) -> str:
    """``1.4 points``, without its sign."""
    size = abs(points)
    return f"{f'{size:.2f}' if size >= 0.01 else significant(size, 2)}{NBSP}points"


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


def agreement_text(one: Agreement) -> str:
    """``the same top-1 class for 98.6 % of 72 held-out samples``."""
    samples = plural(one.samples, f"{one.data} sample")
    if one.top1 is None:
        return f"outputs at {one.sqnr_db:.1f}{NBSP}dB SQNR on {samples}"
    return f"the same top-1 class for {_share(one.top1)} of {samples}"


def _share(share: float) -> str:
    """Per cent with one digit; only all of them are 100 %."""
    if share in (0.0, 1.0):
        return f"{100 * share:.0f}{NBSP}%"
    return f"{min(max(100 * share, 0.1), 99.9):.1f}{NBSP}%"


def quality_texts(baseline: RunRecord, other: RunRecord, known: Evidence) -> tuple[str, str]:
    """Clauses of a verdict: decisions against the float parent, and accuracy on the same data.

    Each is empty where there is nothing to say.
    """
    agreed = accuracy = ""
    agreement = known.agreement(other)
    parent = family(other) if scheme(other) else ""
    if agreement and baseline.model is not None and baseline.model.sha256 == parent:
        agreed = agreement_text(agreement)
    theirs = {question(one): one for one in known.of(baseline)}
    for mine in known.of(other):
        if question(mine) in theirs:
            accuracy = _clause(theirs[question(mine)], mine)
            break  # the newest; the others stand in the table
    return agreed, accuracy


def _clause(baseline: Evaluation, other: Evaluation) -> str:
    assert baseline.accuracy is not None
    assert other.accuracy is not None
    a, b = baseline.accuracy.main, other.accuracy.main
    what = metric_name(other.metric)
    what = what if other.metric == "auc" else f"{what} accuracy"
    data = f"{data_name(other)}, {plural(other.accuracy.items, 'item')}"
    judged = difference(baseline, other)
    values = f"{estimate_text(b)} against {estimate_text(a)}"
    if judged.verdict == "unknown":
        return f"no accuracy to compare: an evaluation on {data_name(other)} did not pass"
    if judged.verdict == "same":
        return f"the same {what} ({estimate_text(b)} on {data})"
    if judged.verdict == "unclear":
        return f"no difference in {what} can be claimed ({values} on {data})"
    size = f"{_points(judged.points)} {'higher' if judged.points > 0 else 'lower'}"
    return f"{what} {size} ({values} on {data})"
