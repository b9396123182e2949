"""Decides whether a figure is better or worse than another, given how well both are known.

Two kinds of error can prevent a verdict:

- The band of each figure. Where the bands overlap nothing can be claimed, except where the error is
  common to both runs (``hil.verdict.kinship.shares_error``): then it cancels out.
- The scatter of observations on silicon, tested by ``hil.verdict.scatter``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hil.figures import find
from hil.records import Measurement
from hil.verdict import scatter

Verdict = Literal["same", "better", "worse", "less", "more", "unclear", "unknown"]
Doubt = Literal["", "units", "not a number", "no band", "bands", "scatter"]

_ROUNDING = 1e-9  # of the value: sums of floating-point numbers differ by less


@dataclass(frozen=True)
class Decision:
    """A figure against its baseline.

    ``verdict``: ``less`` and ``more`` are for figures of which neither direction is better.
    ``doubt`` is why it is ``unclear`` or ``unknown``. ``exceeds`` is whether the difference is
    larger than the limit, beyond doubt. ``observed`` is set where observations were tested.
    """

    verdict: Verdict
    doubt: Doubt = ""
    exceeds: bool = False
    observed: scatter.Scatter | None = None
    relative: bool = False  # whether ``observed`` is a fraction of the baseline's median
    reason: str = ""


def decide(
    baseline: Measurement,
    other: Measurement,
    *,
    common_error: bool,
    limit: float = 0.0,
    relative: bool = True,
) -> Decision:
    """Compare two figures of the same name.

    ``common_error``: the bands of the two have one cause and do not count. ``limit`` is a fraction
    of the baseline's value where ``relative``, else in the unit of the figures; it decides
    ``exceeds`` only, never the verdict.
    """
    if other.unit != baseline.unit:
        return Decision("unknown", "units")
    if not (math.isfinite(baseline.value) and math.isfinite(other.value)):
        return Decision("unknown", "not a number")
    difference = other.value - baseline.value
    if abs(difference) <= _ROUNDING * abs(baseline.value):
        return Decision("same")
    if not common_error and (doubt := _doubt_of_bands(baseline, other)):
        return Decision("unknown" if doubt == "no band" else "unclear", doubt)
    verdict = _direction(baseline.name, difference)
    allowed = limit * abs(baseline.value) if relative else limit
    exceeds = abs(difference) > allowed + _ROUNDING * abs(baseline.value)
    if not (_scatters(baseline) or _scatters(other)):
        return Decision(verdict, exceeds=exceeds)
    both = len(baseline.samples) > 1 and len(other.samples) > 1
    if both and scatter.enough(baseline.samples, other.samples):
        return _tested(baseline, other, verdict, limit, relative=relative)
    if both:
        few = f"{len(baseline.samples)} and {len(other.samples)} observations are too few"
        return Decision("unclear", "scatter", reason=few)
    return _by_spread(baseline, other, verdict, allowed)


def band_ends(figure: Measurement) -> tuple[float, float]:
    """Both ends of the band; an unknown band counts as none."""
    half = abs(figure.value) * (figure.uncertainty_pct or 0) / 100
    return figure.value - half, figure.value + half


def _doubt_of_bands(baseline: Measurement, other: Measurement) -> Doubt:
    if baseline.uncertainty_pct is None or other.uncertainty_pct is None:
        return "no band"
    (low_a, high_a), (low_b, high_b) = band_ends(baseline), band_ends(other)
    return "bands" if low_a <= high_b and low_b <= high_a else ""


def _direction(name: str, difference: float) -> Verdict:
    better = find(name).better
    if not better:
        return "less" if difference < 0 else "more"
    return "better" if (difference < 0) == (better == "lower") else "worse"


def _scatters(figure: Measurement) -> bool:
    """Whether a figure is of several observations on a board that differ, or follows from such."""
    observed = figure.kind == "measured" or bool(figure.samples)
    return observed and figure.n > 1 and figure.spread_pct != 0


def _tested(
    baseline: Measurement, other: Measurement, verdict: Verdict, limit: float, *, relative: bool
) -> Decision:
    """Test single observations: whether they differ at all, and by more than the limit."""
    by_ratio = relative and min(baseline.samples) > 0
    size = limit if by_ratio or not relative else limit * abs(baseline.value)
    rises = other.value > baseline.value

    def found(size: float) -> tuple[scatter.Scatter, bool]:
        one = scatter.compare(baseline.samples, other.samples, size, relative=by_ratio)
        return one, one.above(size) if rises else one.below(size)

    observed, exceeds = found(size)
    differs = exceeds or found(0.0)[1]
    reason = f"median of {len(other.samples)} against {len(baseline.samples)} observations"
    if not differs:
        reason += "; they scatter too much for a verdict"
        return Decision("unclear", "scatter", False, observed, by_ratio, reason)
    return Decision(verdict, "", exceeds, observed, by_ratio, reason)


def _by_spread(
    baseline: Measurement, other: Measurement, verdict: Verdict, allowed: float
) -> Decision:
    """Where single observations were not kept, a difference must be larger than both spreads."""
    noise = sum(abs(f.value) * (f.spread_pct or 0) / 100 for f in (baseline, other))
    difference = abs(other.value - baseline.value)
    reason = "single observations are unknown: compared by their spread"
    if difference <= noise:
        return Decision("unclear", "scatter", reason=reason)
    return Decision(verdict, exceeds=difference > allowed + noise, reason=reason)
