"""Is one figure better than another, given how well both are known?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hil.figures import find
from hil.records import Evaluation, Measurement
from hil.report.words.format import NBSP, band_ends, significant

Verdict = Literal["same", "better", "worse", "less", "more", "unclear", "unknown"]


@dataclass(frozen=True)
class Judgement:
    """A figure against the baseline's: ``ratio`` is value / baseline (None where that is 0)."""

    verdict: Verdict
    ratio: float | None
    ratio_text: str
    words: str


def judge(baseline: Measurement, other: Measurement) -> Judgement:
    """Compare two figures of the same name and unit.

    Where the bands of the two overlap the verdict is ``unclear``, whatever the values say; where
    one of the bands is not known it is ``unknown``. Equal values of figures without a band are
    ``same``. ``less`` and ``more`` are for figures of which neither direction is better.
    """
    if other.unit != baseline.unit:
        return Judgement("unknown", None, "", "different units")
    ratio = other.value / baseline.value if baseline.value else None
    text = ratio_text(ratio)
    if other.value == baseline.value:
        return Judgement("same", ratio, text, "the same")
    change = _change(baseline.value, other.value)
    if baseline.uncertainty_pct is None or other.uncertainty_pct is None:
        return Judgement("unknown", ratio, text, f"{change}, uncertainty unknown")
    if bands_overlap(baseline, other):
        return Judgement("unclear", ratio, text, f"{change}, within the uncertainty")
    less = other.value < baseline.value
    better = find(baseline.name).better
    if not better:
        return Judgement("less" if less else "more", ratio, text, change)
    word: Verdict = "better" if less == (better == "lower") else "worse"
    return Judgement(word, ratio, text, f"{change}, {word}")


def no_result(baseline: Measurement, other: Measurement) -> Judgement:
    """Both values stand, but one of them belongs to a run that did not pass."""
    ratio = other.value / baseline.value if baseline.value else None
    return Judgement("unknown", ratio, ratio_text(ratio), "not a result")


def ratio_text(ratio: float | None) -> str:
    """``0.52×``; three digits outside of 0.1 to 10, empty for None."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}×" if 0.1 <= ratio < 10 else f"{significant(ratio)}×"


def bands_overlap(a: Measurement, b: Measurement) -> bool:
    """Whether the two bands share a value; an unknown band counts as none."""
    (low_a, high_a), (low_b, high_b) = band_ends(a), band_ends(b)
    return low_a <= high_b and low_b <= high_a


def _change(baseline: float, value: float) -> str:
    """``−50 %`` or ``+12 %``; against nothing there is no percentage."""
    if not baseline:
        return "from none"
    sign = "−" if value < baseline else "+"
    change_pct = 100 * abs(value / baseline - 1)
    if change_pct < 0.01:
        return f"{sign}<0.01{NBSP}%"
    digits = significant(change_pct, 2) if change_pct < 10 else f"{change_pct:.0f}"
    return f"{sign}{digits}{NBSP}%"


@dataclass(frozen=True)
class Difference:
    """An accuracy against the baseline's; ``points`` is the difference times 100."""

    verdict: Verdict
    points: float
    words: str
    ratio_text: str = ""  # a share is no ratio; laid out as a ``Judgement``


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
    text = f"{'+' if points > 0 else '−'}{points_text(points)}"
    if a.low <= b.high and b.low <= a.high:
        return Difference("unclear", points, f"{text}, no difference can be claimed")
    better = points > 0
    return Difference(
        "better" if better else "worse", points, f"{text}, {'better' if better else 'worse'}"
    )


def points_text(points: float) -> str:
    """``1.4 points``, without its sign."""
    size = abs(points)
    return f"{f'{size:.2f}' if size >= 0.01 else significant(size, 2)}{NBSP}points"
