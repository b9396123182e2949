"""Accuracy as the official runner computes it, against values worked out by hand."""

from __future__ import annotations

import pytest
from hil import mlperf_tasks
from hil.errors import RunFailed
from hil.mlperf import scores

VWW, AD, KWS = (mlperf_tasks.find(name) for name in ("vww01", "ad01", "kws01"))


def test_top1_takes_the_first_largest_of_equal_answers() -> None:
    answers = [[(0.5, 0.5)], [(0.2, 0.8)], [(0.9, 0.1)]]
    assert scores.top1(VWW, answers, [0, 1, 1]).value == pytest.approx(2 / 3)
    assert scores.top1(VWW, answers, [1, 1, 0]).count == 2


def test_the_area_of_two_classes_is_that_of_the_normalized_second() -> None:
    # the share of pairs in which the one of class 1 is above: 3 of 4
    answers = [[(0.9, 0.1)], [(0.4, 0.6)], [(0.7, 0.3)], [(0.1, 0.9)]]
    found = scores.area(VWW, answers, [0, 0, 1, 1])
    assert found is not None
    assert found.value == pytest.approx(0.75)


def test_a_recordings_windows_are_averaged() -> None:
    answers = [[(1.0,), (9.0,)], [(4.0,), (4.0,)]]
    found = scores.area(AD, answers, [1, 0])
    assert found is not None
    assert found.value == 1.0  # 5 above 4
    assert scores.averaged(AD, answers[0]) == (5.0,)


def test_several_classes_are_judged_one_against_the_others() -> None:
    labels = [at % 12 for at in range(24)]
    right = [[tuple(1.0 if one == label else 0.0 for one in range(12))] for label in labels]
    found = scores.area(KWS, right, labels)
    assert found is not None
    assert found.value == 1.0
    # one file of class 0 is taken for class 1: for class 0 half of its pairs are ties, and for
    # class 1 one of 22 others has the score of the two of the class
    wrong = [list(one) for one in right]
    wrong[0] = [tuple(1.0 if one == 1 else 0.0 for one in range(12))]
    found = scores.area(KWS, wrong, labels)
    assert found is not None
    assert found.value == pytest.approx(((0.5 + 1) / 2 + (1 - 0.5 / 22) + 10) / 12)


def test_there_is_no_area_where_a_class_is_missing() -> None:
    assert scores.area(KWS, [[(1.0,) + (0.0,) * 11]], [0]) is None
    assert scores.area(VWW, [[(1.0, 0.0)], [(0.0, 1.0)]], [1, 1]) is None


@pytest.mark.parametrize("answer", [(1.0,), (float("nan"), 0.0), (1.0, float("inf"))])
def test_answers_of_another_model_are_refused(answer: tuple[float, ...]) -> None:
    with pytest.raises(RunFailed, match="instead of 2"):
        scores.top1(VWW, [[answer]], [0])
