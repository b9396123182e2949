"""Normal draws: against Python's own inverse, and pinned, since they must never change."""

from __future__ import annotations

import statistics

import numpy as np
import pytest
from hil.errors import InputError
from hil.tflite import normal
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hil.tflite.reader import parse_model

from tests.tflite.samples import DIGITS, conv_model


def test_it_is_the_inverse_of_the_normal_distribution() -> None:
    words = np.random.PCG64(3).random_raw(2_000)
    words = np.concatenate([words, np.array([0, 2**64 - 1, 2**40, 2**63], np.uint64)])
    inverse = statistics.NormalDist().inv_cdf
    expected = [inverse(((int(word) >> 12) + 0.5) / 2**52) for word in words]
    np.testing.assert_allclose(normal.from_bits(words), expected, rtol=1e-14, atol=1e-15)


def test_the_far_tail_is_used_and_right() -> None:
    (value,) = normal.from_bits(np.array([0], np.uint64))
    assert value == pytest.approx(statistics.NormalDist().inv_cdf(2**-53), rel=1e-13)
    assert value < -8


def test_moments() -> None:
    values = normal.from_bits(np.random.PCG64(0).random_raw(200_000))
    assert abs(values.mean()) < 0.01
    assert abs(values.std() - 1) < 0.01
    assert abs((values**4).mean() - 3) < 0.1


def test_normal_inputs_repeat_for_ever() -> None:
    graph = Model.read(DIGITS / "digits_float32.tflite").graph
    first, second = make_inputs("normal:7", graph, 2)
    assert first[0].shape == (1, 8, 8, 1)
    assert first[0].dtype == np.float32
    assert not np.array_equal(first[0], second[0])
    np.testing.assert_array_equal(make_inputs("normal:7", graph, 1)[0][0], first[0])
    words = np.random.PCG64(7).random_raw(4)
    expected = [statistics.NormalDist().inv_cdf(((int(w) >> 12) + 0.5) / 2**52) for w in words]
    np.testing.assert_array_equal(first[0].ravel()[:4], np.array(expected, np.float32))


def test_integer_inputs_have_no_normal_draws() -> None:
    with pytest.raises(InputError, match="float32 inputs") as caught:
        make_inputs("normal:0", parse_model(conv_model(), "conv"))
    assert "random:0" in caught.value.hint
