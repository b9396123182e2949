"""Compares one figure of a run with its baseline's: unchanged, within the limit, a regression, ...

Whether the figure is better or worse is ``hil.verdict``'s decision, the one that reports show too;
this module adds the limit. A regression is a figure that is worse, by more than the limit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hil.gate.causes import Cause
from hil.gate.limits import Limit
from hil.records import Measurement
from hil.verdict.decide import Decision, decide

Word = Literal["unchanged", "within", "regression", "improved", "unclear", "skipped"]
WORDS: tuple[Word, ...] = ("regression", "unclear", "improved", "within", "unchanged", "skipped")
_REASONS = {
    "no band": "beyond the limit, but the uncertainty of a figure is unknown",
    "bands": "beyond the limit, but within the uncertainty of the figures",
}


@dataclass(frozen=True)
class Finding:
    """A compared figure. ``change_pct`` is None if the baseline is 0 or a value is missing.

    ``interval_pct`` bounds the change of the median if observations were compared. ``causes`` are
    the parts of the run that make up a regression, the largest first.
    """

    name: str
    word: Word
    unit: str
    baseline: float | None
    candidate: float | None
    change_pct: float | None
    limit: str
    reason: str = ""
    kind: str = ""
    interval_pct: tuple[float, float] | None = None
    causes: tuple[Cause, ...] = ()


def compare_figures(
    name: str,
    baseline: Measurement | None,
    candidate: Measurement | None,
    limit: Limit,
    *,
    common_error: bool,
) -> Finding:
    """Compare two figures of the same name; ``skipped`` if one is missing.

    ``common_error``: see ``hil.verdict.kinship.shares_error``.

    Raises:
        UsageError: the limit's unit does not fit the figure's.
    """
    if baseline is None or candidate is None:
        return _one_sided(name, baseline, candidate, limit)
    if reason := _incomparable(baseline, candidate):
        return _finding(baseline, candidate, limit, "skipped", reason)
    size = limit.size if limit.relative else limit.amount(baseline.name, baseline.unit)
    decision = decide(
        baseline, candidate, common_error=common_error, limit=size, relative=limit.relative
    )
    allowed = size * abs(baseline.value) if limit.relative else size
    word = _word(decision, abs(candidate.value - baseline.value) > allowed)
    reason = decision.reason
    if word == "unclear" and decision.doubt in _REASONS:
        reason = _REASONS[decision.doubt]
    elif word == "unclear" and decision.observed is not None and decision.doubt != "scatter":
        reason += "; they scatter too much for a verdict"
    return _finding(baseline, candidate, limit, word, reason, _interval(baseline, decision))


def _incomparable(baseline: Measurement, candidate: Measurement) -> str:
    if baseline.unit != candidate.unit:
        return f"the units differ: {baseline.unit} and {candidate.unit}"
    if baseline.kind != candidate.kind:
        return f"the baseline's figure is {baseline.kind}, the run's {candidate.kind}"
    if not (math.isfinite(baseline.value) and math.isfinite(candidate.value)):
        return "a value is not a number"
    return ""


def _word(decision: Decision, beyond: bool) -> Word:
    """``beyond``: the values differ by more than the limit, whether or not that can be claimed."""
    if decision.verdict == "same":
        return "unchanged"
    if not decision.exceeds:
        return "unclear" if beyond and decision.reason + decision.doubt else "within"
    return "improved" if decision.verdict in ("better", "less") else "regression"


def _interval(baseline: Measurement, decision: Decision) -> tuple[float, float, float] | None:
    """Change of the median and ends of its interval in per cent, if observations were tested."""
    if decision.observed is None or not (decision.relative or baseline.value):
        return None
    factor = 100 if decision.relative else 100 / baseline.value
    observed = decision.observed
    return observed.change * factor, observed.low * factor, observed.high * factor


def _one_sided(
    name: str, baseline: Measurement | None, candidate: Measurement | None, limit: Limit
) -> Finding:
    known = baseline or candidate
    assert known is not None
    return Finding(
        name=name,
        word="skipped",
        unit=known.unit,
        baseline=baseline.value if baseline else None,
        candidate=candidate.value if candidate else None,
        change_pct=None,
        limit=limit.text,
        reason=f"the {'run' if baseline else 'baseline'} has no such figure",
        kind=known.kind,
    )


def _finding(
    baseline: Measurement,
    candidate: Measurement,
    limit: Limit,
    word: Word,
    reason: str = "",
    observed: tuple[float, float, float] | None = None,
) -> Finding:
    change = 100 * (candidate.value / baseline.value - 1) if baseline.value else None
    if observed is not None:
        change = observed[0]
    return Finding(
        name=baseline.name,
        word=word,
        unit=baseline.unit,
        baseline=baseline.value,
        candidate=candidate.value,
        change_pct=change if change is not None and math.isfinite(change) else None,
        limit=limit.text,
        reason=reason,
        kind=candidate.kind,
        interval_pct=observed[1:] if observed is not None else None,
    )
