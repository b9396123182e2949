"""What outputs say about a sample, and what samples add up to."""

from __future__ import annotations

import numpy as np
import pytest
from hil.datasets import Dataset
from hil.errors import InputError, RunFailed, UsageError
from hil.evaluation.metrics import Metric
from hil.records import SampleResult
from hil.tflite.reader import parse_model

from tests.support.small_models import SCALE, dense

THREE = parse_model(dense(), "three")
TWO = parse_model(dense(outputs=2), "two")
ONE = parse_model(dense(outputs=1), "one")
TWELVE = parse_model(dense(outputs=12), "twelve")
FLOAT = parse_model(dense(dtype="float32"), "float")
CODER = parse_model(dense((1, 6), 6), "coder")

INPUT = (np.zeros((1, 6), np.int8),)


def out(*values: int, dtype: type = np.int8) -> tuple[np.ndarray, ...]:
    return (np.array([values], dtype),)


def data(labels: list[int], item: list[int] | None = None) -> Dataset:
    items = np.array(item if item is not None else list(range(len(labels))))
    return Dataset("d", "npz", (), np.array(labels), items, np.arange(len(items)), "", "")


def test_auto_takes_the_auc_for_autoencoders() -> None:
    assert (Metric(THREE).name, Metric(THREE).classes) == ("top1", 3)
    assert (Metric(ONE).name, Metric(ONE).classes) == ("top1", 2)
    assert (Metric(CODER).name, Metric(CODER).classes) == ("auc", 2)
    assert (Metric(CODER, "top1").name, Metric(CODER, "top1").classes) == ("top1", 6)


def test_what_cannot_be_judged() -> None:
    with pytest.raises(UsageError, match="does not know 'f1'"):
        Metric(THREE, "f1")
    with pytest.raises(UsageError, match="needs a score: three has 3 outputs"):
        Metric(THREE, "auc")
    with pytest.raises(InputError, match="all labels are 1"):
        Metric(CODER).require(data([1, 1]))


def test_the_largest_output_is_the_decision_and_the_first_of_equal_ones() -> None:
    judged = Metric(THREE).judge(5, 1, INPUT, out(3, 7, 7), out(3, 7, 8))
    assert judged == SampleResult(5, 1, False, 1.0, 1, 2)
    assert Metric(THREE).judge(5, 1, INPUT, out(1, 2, 3), out(1, 2, 3)).equal


def test_one_output_decides_at_a_half() -> None:
    metric = Metric(ONE)  # real = 0.05 * (q + 3)
    decisions = [metric.judge(0, 0, INPUT, out(q), out(q)).decision for q in (-128, 6, 7, 127)]
    assert decisions == [0, 0, 1, 1]


def test_top5_counts_equal_outputs_in_their_order() -> None:
    metric = Metric(TWELVE)
    flat = out(*[9, 9, 9, 9, 9, 9, 0, 0, 0, 0, 0, 10])
    hits = [metric.judge(0, label, INPUT, flat, flat).in_top5 for label in range(12)]
    assert [label for label, hit in enumerate(hits) if hit] == [0, 1, 2, 3, 11]
    assert Metric(THREE).judge(0, 0, INPUT, out(1, 2, 3), out(1, 2, 3)).in_top5 is None


def test_floats_are_equal_within_the_tolerance_of_a_run() -> None:
    metric = Metric(FLOAT)
    host = out(1.0, 2.0, 100.0, dtype=np.float32)
    near = out(1.0005, 2.0, 100.0, dtype=np.float32)
    far = out(1.002, 2.0, 100.0, dtype=np.float32)
    assert metric.judge(0, 0, INPUT, near, host).equal
    assert not metric.judge(0, 0, INPUT, far, host).equal


def test_an_anomaly_scores_by_its_reconstruction() -> None:
    metric = Metric(CODER)
    given = (np.array([[0, 0, 0, 0, 0, 10]], np.int8),)
    judged = metric.judge(0, 1, given, out(0, 0, 0, 0, 0, 4), out(0, 0, 0, 0, 2, 4))
    assert judged.score == pytest.approx((6 * SCALE) ** 2 / 6)
    assert judged.host_score == pytest.approx(((6 * SCALE) ** 2 + (2 * SCALE) ** 2) / 6)
    assert (judged.equal, judged.decision) == (False, None)


def test_a_classifier_into_two_scores_by_its_margin() -> None:
    metric = Metric(TWO, "auc")
    assert metric.judge(0, 1, INPUT, out(4, 10), out(10, 4)).score == pytest.approx(6 * SCALE)
    assert metric.judge(0, 1, INPUT, out(4, 10), out(10, 4)).host_score == pytest.approx(-6 * SCALE)


def test_shares_and_the_confusion_matrix() -> None:
    labels, ours, theirs = [0, 1, 2, 2, 1], [0, 2, 2, 0, 1], [0, 1, 2, 2, 1]
    results = [
        SampleResult(at, label, mine == other, abs(mine - other), mine, other)
        for at, (label, mine, other) in enumerate(zip(labels, ours, theirs, strict=True))
    ]
    found = Metric(THREE).sum_up(data(labels), results[::-1])  # in whatever order they came
    assert (found.main.count, found.main.n, found.host.count) == (3, 5, 5)
    assert found.confusion == ((1, 0, 0), (0, 1, 1), (1, 0, 1))
    assert (found.equal, found.same_decision, found.differing) == (3, 3, (1, 3))
    assert (found.exact, found.max_abs_diff, found.top5) == (True, 2.0, None)


def test_top5_is_added_up_where_there_are_enough_classes() -> None:
    results = [SampleResult(at, 0, True, 0.0, 1, 1, at < 3) for at in range(4)]
    found = Metric(TWELVE).sum_up(data([0] * 4), results)
    assert found.top5 is not None
    assert found.top5.count == 3


def test_an_items_score_is_the_mean_of_its_windows() -> None:
    # Window by window the anomalies would not stand out; as means they do.
    item, scores = [0, 0, 1, 1, 2, 2, 2], [5.0, 1.0, 4.0, 0.0, 3.5, 3.5, 3.5]
    labels = [0, 0, 1]
    results = [
        SampleResult(at, labels[one], True, 0.0, score=score, host_score=-score)
        for at, (one, score) in enumerate(zip(item, scores, strict=True))
    ]
    found = Metric(CODER).sum_up(data(labels, item), results)
    assert (found.main.value, found.host.value) == (1.0, 0.0)
    assert (found.samples, found.items, found.main.n) == (7, 3, 3)
    assert (found.same_decision, found.confusion) == (None, ())
    assert "separate the classes completely" in found.notes[0]


@pytest.mark.parametrize("score", [np.nan, np.inf, None])  # None: NaN, as the store keeps it
def test_scores_that_are_no_numbers(score: float | None) -> None:
    results = [SampleResult(at, at, True, 0.0, score=score, host_score=1.0) for at in (0, 1)]
    with pytest.raises(RunFailed, match="device's scores of 2 items are no numbers"):
        Metric(CODER).sum_up(data([0, 1]), results)


def test_a_float_model_says_what_equal_means() -> None:
    found = Metric(FLOAT).sum_up(
        data([0, 1]), [SampleResult(at, 0, True, 0.0, 0, 0) for at in (0, 1)]
    )
    assert not found.exact
    assert "1e-05" in found.notes[0]
