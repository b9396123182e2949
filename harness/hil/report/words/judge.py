"""Is one figure better than another, given how well both are known, and what can be claimed?"""

from __future__ import annotations

from dataclasses import dataclass

from hil.figures import CLAIMED, FIGURES
from hil.records import Evaluation, Measurement, RunRecord
from hil.report.words.format import (
    NBSP,
    band,
    change_text,
    factor_text,
    significant,
)
from hil.verdict.decide import Decision, Verdict, decide
from hil.verdict.kinship import shares_error

NOUNS = {name: FIGURES[name].noun or FIGURES[name].title for name in CLAIMED}
_FACTOR_FROM = 1.2  # below, a change of time reads better in per cent
_NEARLY = 0.01  # a known difference, but too small to be better or worse
_DOUBTS = {
    "no band": "uncertainty unknown",
    "bands": "within the uncertainty",
    "scatter": "within the scatter",
}
_ENERGY_FOLLOWS = 0.02  # energy in the time's ratio, within this, adds nothing


@dataclass(frozen=True)
class Judgement:
    """A figure against the baseline's: ``ratio`` is value / baseline (None where that is 0)."""

    verdict: Verdict
    ratio: float | None
    ratio_text: str
    words: str


def judge(baseline: Measurement, other: Measurement, *, common_error: bool) -> Judgement:
    """Compare two figures of the same name; ``hil.verdict.decide`` has the rules."""
    decision = decide(baseline, other, common_error=common_error)
    if decision.doubt == "units":
        return Judgement("unknown", None, "", "different units")
    ratio = other.value / baseline.value if baseline.value else None
    words = _words(decision, baseline, other)
    return Judgement(decision.verdict, ratio, ratio_text(ratio), words)


def _words(decision: Decision, baseline: Measurement, other: Measurement) -> str:
    """``+12 %, worse``, or why nothing can be claimed."""
    if decision.doubt == "not a number":
        return "not a number"
    if decision.verdict == "same":
        return "the same"
    change = _change(baseline.value, other.value)
    if decision.verdict in ("less", "more"):
        return change
    return f"{change}, {_DOUBTS.get(decision.doubt, decision.verdict)}"


def judge_neutrally(baseline: Measurement, other: Measurement) -> Judgement:
    """A figure of a model beside a board's: a difference is neither better nor worse."""
    if other.unit != baseline.unit:
        return Judgement("unknown", None, "", "different units")
    ratio = other.value / baseline.value if baseline.value else None
    if other.value == baseline.value:
        return Judgement("same", ratio, ratio_text(ratio), "the same")
    verdict: Verdict = "less" if other.value < baseline.value else "more"
    return Judgement(verdict, ratio, ratio_text(ratio), _change(baseline.value, other.value))


def no_result(baseline: Measurement, other: Measurement) -> Judgement:
    """The judgement where one of the values is of a run that did not pass."""
    ratio = other.value / baseline.value if baseline.value else None
    return Judgement("unknown", ratio, ratio_text(ratio), "not a result")


def ratio_text(ratio: float | None) -> str:
    """``0.52×``; three digits outside of 0.1 to 10, empty for None."""
    if ratio is None:
        return ""
    return f"{ratio:.2f}×" if 0.1 <= ratio < 10 else f"{significant(ratio)}×"


def _change(baseline: float, value: float) -> str:
    """``−50 %`` or ``+12 %``; without a percentage where the baseline is 0."""
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
    ratio_text: str = ""  # empty: a difference of shares is not a ratio; shown like a ``Judgement``


def difference(baseline: Evaluation, other: Evaluation) -> Difference:
    """Judge two evaluations of one question; one that did not pass is not a result."""
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


@dataclass(frozen=True)
class Claim:
    """A statement about one figure. ``ratio`` is value / baseline, ``basis`` kind and band."""

    figure: str
    verdict: Verdict
    text: str
    ratio: float | None
    basis: str


def claims(baseline: RunRecord, other: RunRecord) -> tuple[Claim, ...]:
    """Claims about time, RAM, flash and energy, of the figures that both runs have.

    Energy is left out where it only follows the time: both modelled, in the same ratio.
    """
    shared = [n for n in NOUNS if n in baseline.measurements and n in other.measurements]
    pairs = {name: (baseline.measurements[name], other.measurements[name]) for name in shared}
    found = {
        name: _claim(*pair, common_error=shares_error(baseline, other, name))
        for name, pair in pairs.items()
    }
    if "energy_uj" in found and all(m.kind == "modelled" for m in pairs["energy_uj"]):
        time, energy = (found[n].ratio if n in found else None for n in ("latency_us", "energy_uj"))
        if time and energy and abs(energy / time - 1) <= _ENERGY_FOLLOWS:
            del found["energy_uj"]
    return tuple(found.values())


def _claim(baseline: Measurement, other: Measurement, *, common_error: bool) -> Claim:
    judged = judge(baseline, other, common_error=common_error)
    basis = _basis(baseline, other, common_error=common_error)
    noun = NOUNS[baseline.name]
    if judged.verdict in ("better", "worse") and _is_nearly(judged.ratio):
        return Claim(
            baseline.name,
            "same",
            f"nearly the same {noun} ({judged.words.partition(',')[0]})",
            judged.ratio,
            basis,
        )
    if judged.verdict in ("better", "worse"):
        size = _time if baseline.name == "latency_us" else _amount
        text = size(baseline.value, other.value, noun)
    elif judged.verdict == "same":
        text = f"the same {noun}"
    else:
        why = _why_not(judged, baseline, other)
        text = f"no difference in {noun} can be claimed ({why})"
    return Claim(baseline.name, judged.verdict, text, judged.ratio, basis)


def _is_nearly(ratio: float | None) -> bool:
    return ratio is not None and abs(ratio - 1) < _NEARLY


def _time(baseline: float, value: float, noun: str) -> str:
    word = "faster" if value < baseline else "slower"
    if min(baseline, value) <= 0:
        return word
    factor = max(baseline, value) / min(baseline, value)
    if factor < _FACTOR_FROM:
        return f"{change_text(value / baseline - 1)} {word}"
    return f"{factor_text(factor)} {word}"


def _amount(baseline: float, value: float, noun: str) -> str:
    if not baseline:
        return f"more {noun} (from none)"
    if value >= 2 * baseline:
        return f"{factor_text(value / baseline)} the {noun}"
    return f"{change_text(value / baseline - 1)} {'less' if value < baseline else 'more'} {noun}"


def _why_not(judged: Judgement, a: Measurement, b: Measurement) -> str:
    if a.unit != b.unit:
        return "the units differ"
    shown = f"{judged.ratio_text}, " if judged.ratio is not None else ""
    reason = judged.words.rpartition(", ")[2]
    return shown + reason + f" of {_bands(a, b)}" * (reason == _DOUBTS["bands"])


def _bands(a: Measurement, b: Measurement) -> str:
    """Both bands; the wider one alone where they are nearly equal."""
    narrow, wide = sorted((m.uncertainty_pct or 0.0) for m in (a, b))
    if narrow >= 0.9 * wide:
        return band(wide)
    return f"{band(b.uncertainty_pct)} and {band(a.uncertainty_pct)}"


def _basis(a: Measurement, b: Measurement, *, common_error: bool) -> str:
    """``modelled, ±8 %``; both sides where their kinds differ. Exact bands are not mentioned."""
    if a.kind != b.kind:
        return f"{b.kind}, {band(b.uncertainty_pct)}, against {a.kind}, {band(a.uncertainty_pct)}"
    if not (a.uncertainty_pct or b.uncertainty_pct):
        return b.kind
    return f"{b.kind}, {_bands(a, b)}" + " common to both" * common_error
