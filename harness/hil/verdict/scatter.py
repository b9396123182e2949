"""Statistical tests whether two sets of observations differ by more than a limit.

Two tests must both be significant: a percentile bootstrap of the change of the median (Efron and
Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13), and Mann and Whitney's rank test
(Annals of Mathematical Statistics 18, 1947) against the baseline moved by the limit. The
bootstrap's draws are seeded: the same observations give the same answer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

CONFIDENCE = 0.95
ALPHA = 0.05
_RESAMPLES = 9_999
_SEED = 20_261


@dataclass(frozen=True)
class Scatter:
    """Change of the median, relative or in the figure's unit, with its interval.

    ``p_above`` is the probability of ranks like these if the candidate were not above the
    baseline moved up by the limit; ``p_below`` the same below.
    """

    change: float
    low: float
    high: float
    p_above: float
    p_below: float

    def above(self, limit: float) -> bool:
        """Whether both tests put the candidate above the baseline by more than ``limit``."""
        return self.low > limit and self.p_above < ALPHA

    def below(self, limit: float) -> bool:
        """Whether both tests put it below by more than ``limit``."""
        return self.high < -limit and self.p_below < ALPHA


def enough(baseline: Sequence[float], candidate: Sequence[float]) -> bool:
    """Whether ranks of so few observations can be significant at all (four and four can)."""
    return 1 / math.comb(len(baseline) + len(candidate), len(baseline)) < ALPHA


def compare(
    baseline: Sequence[float], candidate: Sequence[float], limit: float, *, relative: bool
) -> Scatter:
    """Return the change of the median with its interval and the tests' probabilities.

    ``limit`` is a fraction of the baseline's median where ``relative``, else in the unit of the
    observations.
    """
    import numpy as np
    from scipy import stats

    old, new = np.asarray(baseline, float), np.asarray(candidate, float)

    def change(a: Any, b: Any, axis: int = -1) -> Any:
        before, after = np.median(a, axis=axis), np.median(b, axis=axis)
        return after / before - 1 if relative else after - before

    interval = stats.bootstrap(
        (old, new),
        change,
        vectorized=True,
        method="percentile",
        n_resamples=_RESAMPLES,
        confidence_level=CONFIDENCE,
        random_state=np.random.default_rng(_SEED),
    ).confidence_interval
    up, down = (old * (1 + limit), old * (1 - limit)) if relative else (old + limit, old - limit)
    return Scatter(
        change=float(change(old, new)),
        low=float(interval.low),
        high=float(interval.high),
        p_above=float(stats.mannwhitneyu(new, up, alternative="greater").pvalue),
        p_below=float(stats.mannwhitneyu(new, down, alternative="less").pvalue),
    )
