"""Shares, areas and their intervals against numbers of others and against brute force."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hil.evaluation.intervals import auc, share


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998) 857, Table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilsons_interval_is_the_published_one(count: int, n: int, low: float, high: float) -> None:
    found = share(count, n)
    assert (found.value, found.n, found.count) == (count / n, n, count)
    assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


def by_pairs(scores: np.ndarray, labels: np.ndarray) -> float:
    pairs = list(itertools.product(scores[labels == 1], scores[labels == 0]))
    return sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs)


def delong(scores: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """DeLong's 95 % interval (Biometrics 44 (1988) 837) from the placements of every item."""
    above, below = scores[labels == 1], scores[labels == 0]
    wins = (above[:, None] > below[None]) + 0.5 * (above[:, None] == below[None])
    variance = wins.mean(1).var(ddof=1) / len(above) + wins.mean(0).var(ddof=1) / len(below)
    half = 1.959964 * float(np.sqrt(variance))
    return float(wins.mean()) - half, float(wins.mean()) + half


def drawn(seed: int, n: int, distance: float, digits: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.Generator(np.random.PCG64(seed))
    labels = random.integers(0, 2, n)
    return np.round(random.normal(size=n) + distance * labels, digits), labels


@pytest.mark.parametrize("seed", range(5))
def test_the_area_counts_pairs_with_ties_half(seed: int) -> None:
    scores, labels = drawn(seed, 40, 0.7, digits=1)
    found = auc(scores, labels)
    assert found.value == pytest.approx(by_pairs(scores, labels), abs=1e-12)
    assert (found.n, found.count) == (40, None)


@pytest.mark.parametrize("distance", [0.0, 0.7, 1.5])
def test_the_bootstrap_is_near_delongs_interval(distance: float) -> None:
    scores, labels = drawn(11, 300, distance, digits=6)
    found = auc(scores, labels)
    assert (found.low, found.high) == pytest.approx(delong(scores, labels), abs=0.012)


def test_the_same_data_gives_the_same_interval() -> None:
    scores, labels = drawn(3, 60, 1.0, digits=3)
    assert auc(scores, labels) == auc(scores, labels)


def test_complete_separation() -> None:
    found = auc(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0, 0, 1, 1]))
    assert (found.value, found.low, found.high) == (1.0, 1.0, 1.0)


def test_one_item_of_a_class_has_no_interval() -> None:
    found = auc(np.array([0.0, 1.0, 2.0]), np.array([0, 0, 1]))
    assert (found.value, found.low, found.high) == (1.0, 0.0, 1.0)
    assert "too few" in found.method
