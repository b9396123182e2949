"""Compares one figure of a run with its baseline's: unchanged, within the limit, a regression, ...

Emulated cycles and sizes repeat exactly, so they are compared exactly; the band of a modelled
figure is common to both and is ignored. Measured figures of several observations are compared by
``scatter``.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Literal

from hil.figures import find
from hil.gate import scatter
from hil.gate.limits import Limit
from hil.records import Measurement

Word = Literal["unchanged", "within", "regression", "improved", "unclear", "skipped"]
WORDS: tuple[Word, ...] = ("regression", "unclear", "improved", "within", "unchanged", "skipped")
_ROUNDING = 1e-9  # of the value: sums of floating-point numbers differ by less


@dataclass(frozen=True)
class Finding:
    """A compared figure. ``change_pct`` is None if the baseline is 0 or a value is missing.

    ``interval_pct`` bounds the change of the median if observations were compared.
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


def compare_figures(
    name: str, baseline: Measurement | None, candidate: Measurement | None, limit: Limit
) -> Finding:
    """Compare two figures of the same name; ``skipped`` if one is missing.

    Raises:
        UsageError: the limit's unit does not fit the figure's.
    """
    if baseline is None or candidate is None:
        return _one_sided(name, baseline, candidate, limit)
    if reason := _incomparable(baseline, candidate):
        return _finding(baseline, candidate, limit, "skipped", reason)
    if _scatters(baseline) or _scatters(candidate):
        return _compare_scatter(baseline, candidate, limit)
    allowed = _allowed(baseline, limit)
    worse = _worse(name) * (candidate.value - baseline.value)
    return _finding(baseline, candidate, limit, _word(worse, allowed, baseline))


def _incomparable(baseline: Measurement, candidate: Measurement) -> str:
    if baseline.unit != candidate.unit:
        return f"the units differ: {baseline.unit} and {candidate.unit}"
    if baseline.kind != candidate.kind:
        return f"the baseline's figure is {baseline.kind}, the run's {candidate.kind}"
    if not (math.isfinite(baseline.value) and math.isfinite(candidate.value)):
        return "a value is not a number"
    return ""


def _scatters(figure: Measurement) -> bool:
    """Whether a figure is of several observations on silicon that differ."""
    return figure.kind == "measured" and figure.n > 1 and figure.spread_pct != 0


def _word(worse: float, allowed: float, baseline: Measurement) -> Word:
    rounding = _ROUNDING * abs(baseline.value)
    if abs(worse) <= rounding:
        return "unchanged"
    if worse > allowed + rounding:
        return "regression"
    return "improved" if worse < -allowed - rounding else "within"


def _compare_scatter(baseline: Measurement, candidate: Measurement, limit: Limit) -> Finding:
    if not (len(baseline.samples) > 1 and len(candidate.samples) > 1):
        return _compare_spread(baseline, candidate, limit)
    if not scatter.enough(baseline.samples, candidate.samples):
        reason = f"{len(baseline.samples)} and {len(candidate.samples)} observations are too few"
        return _compare_spread(baseline, candidate, limit, reason)
    relative = limit.relative and min(baseline.samples) > 0
    size = limit.size if relative else _allowed(baseline, limit)
    found = scatter.compare(baseline.samples, candidate.samples, size, relative=relative)
    up, down = found.above(size), found.below(size)
    if find(baseline.name).better == "higher":
        up, down = down, up
    word: Word = "regression" if up else "improved" if down else "within"
    reason = f"median of {len(candidate.samples)} against {len(baseline.samples)} observations"
    if word == "within" and abs(found.change) > size:
        word = "unclear"
        reason += "; they scatter too much for a verdict"
    finding = _finding(baseline, candidate, limit, word, reason)
    if not relative and not baseline.value:
        return finding
    factor = 100 if relative else 100 / baseline.value
    interval = (found.low * factor, found.high * factor)
    return dataclasses.replace(finding, change_pct=found.change * factor, interval_pct=interval)


def _compare_spread(
    baseline: Measurement, candidate: Measurement, limit: Limit, why: str = ""
) -> Finding:
    """Compare by spread where single observations are unknown: a change must exceed both."""
    noise = sum(abs(f.value) * (f.spread_pct or 0) / 100 for f in (baseline, candidate))
    worse = _worse(baseline.name) * (candidate.value - baseline.value)
    word = _word(worse, _allowed(baseline, limit), baseline)
    reason = why or "single observations are unknown: compared by their spread"
    if word in ("regression", "improved") and (
        why or abs(worse) <= _allowed(baseline, limit) + noise
    ):
        word = "unclear"
    return _finding(baseline, candidate, limit, word, reason)


def _allowed(baseline: Measurement, limit: Limit) -> float:
    if limit.relative:
        return limit.size * abs(baseline.value)
    return limit.amount(baseline.name, baseline.unit)


def _worse(name: str) -> int:
    return -1 if find(name).better == "higher" else 1


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
) -> Finding:
    change = 100 * (candidate.value / baseline.value - 1) if baseline.value else None
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
    )
