"""Shares and areas under ROC curves with 95 % confidence intervals, by scipy."""

from __future__ import annotations

import numpy as np

from hil.records import Array, Estimate

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 0
_AT_ONCE = 100  # resamples held in memory


def share(count: int, n: int) -> Estimate:
    """Return ``count`` of ``n`` with Wilson's score interval (without continuity correction).

    E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
    (1927); unlike the normal approximation it holds near 0 and 1 and for few samples.
    """
    from scipy.stats import binomtest

    found = binomtest(count, n).proportion_ci(CONFIDENCE, method="wilson")
    return Estimate(count / n, float(found.low), float(found.high), n, count, "Wilson")


def auc(scores: Array, labels: Array) -> Estimate:
    """Return the area under the ROC curve of ``scores`` (n) for ``labels`` (n) of 0 and 1.

    That is the probability that an item of label 1 scores above one of label 0, equal scores
    counted half (the Mann-Whitney statistic). The interval is the percentile bootstrap's, both
    classes resampled apart, 2,000 times with a fixed seed: the same data gives the same interval.
    With fewer than two items of a class nothing can be resampled: the interval is 0 to 1.
    """
    from scipy.stats import bootstrap

    below, above = scores[labels == 0], scores[labels == 1]
    value = float(_area(below, above))
    if min(len(below), len(above)) < 2:
        return Estimate(value, 0.0, 1.0, len(labels), None, "none: too few items")
    found = bootstrap(
        (below, above),
        _area,
        n_resamples=RESAMPLES,
        batch=_AT_ONCE,
        vectorized=True,
        paired=False,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return Estimate(
        value, float(found.low), float(found.high), len(labels), None, f"bootstrap, {RESAMPLES:,}"
    )


def _area(below: Array, above: Array, axis: int = -1) -> Array:
    """The Mann-Whitney statistic over all pairs along ``axis``, as a share of the pairs."""
    from scipy.stats import rankdata

    n_below, n_above = below.shape[axis], above.shape[axis]
    ranks = rankdata(np.concatenate([above, below], axis=axis), axis=axis)
    of_above = np.take(ranks, np.arange(n_above), axis=axis).sum(axis=axis)
    area: Array = (of_above - n_above * (n_above + 1) / 2) / (n_above * n_below)
    return area
