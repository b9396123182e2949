"""LOG_SOFTMAX and L2_NORMALIZATION of the aot engine, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import SCALES, ZERO_POINTS, OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

PROPERTY = settings(max_examples=8)
OUTPUT: dict[str, dict[str, Any]] = {
    "LOG_SOFTMAX": {"scale": 1 / 16, "zero_point": 127},
    "L2_NORMALIZATION": {"scale": 1 / 128, "zero_point": 0},
}
CASE = st.tuples(shapes(1, 4), st.integers(1, 300), SCALES, ZERO_POINTS)


@PROPERTY
@given(drawn=st.lists(CASE, min_size=8, max_size=8), seed=st.integers(0, 1000))
def test_rows(drawn: list[Any], seed: int) -> None:
    cases = OpCases()
    for shape, depth, scale, zero_point in drawn:
        for name, quantization in OUTPUT.items():
            full = (*shape[:-1], depth)
            x = cases.input(full, "int8", scale=scale, zero_point=zero_point)
            cases.op(name, [x], [cases.output(full, "int8", **quantization)])
            x = cases.input(full, "float32")
            cases.op(name, [x], [cases.output(full, "float32")])
    cases.check(seed=seed)


@pytest.mark.parametrize("scale", [1e-7, 1e-3, 0.02, 0.1, 0.7, 3.0, 31.0, 1000.0])
def test_log_softmax_of_close_and_distant_classes(scale: float) -> None:
    """Rows that are narrow around a value, and one class far above the others."""
    cases = OpCases()
    rng = np.random.default_rng(5)
    for spread in (1, 2, 5, 20, 100):
        values = rng.integers(-spread, spread + 1, (60, 37)).astype(np.int8)
        values[::3, 4] = 127
        x = cases.input(values.shape, "int8", scale=scale, zero_point=3, values=values)
        cases.op("LOG_SOFTMAX", [x], [cases.output(values.shape, "int8", **OUTPUT["LOG_SOFTMAX"])])
    equal = np.full((2, 4095), 7, np.int8)
    x = cases.input(equal.shape, "int8", scale=scale, values=equal)
    cases.op("LOG_SOFTMAX", [x], [cases.output(equal.shape, "int8", **OUTPUT["LOG_SOFTMAX"])])
    cases.check(rounds=1)


def test_l2_normalization_of_short_and_long_rows() -> None:
    """Every length of a row of one, and sums of squares up to 2^31."""
    cases = OpCases()
    single = np.arange(-128, 128).astype(np.int8).reshape(256, 1)
    zeros = np.zeros((1, 9), np.int8)
    long = np.full((1, 33025), -128, np.int8)
    rng = np.random.default_rng(3)
    small = rng.integers(-2, 3, (200, 6)).astype(np.int8)
    for values, zero_point in ((single, 0), (single, 127), (zeros, 0), (long, 127), (small, 0)):
        x = cases.input(values.shape, "int8", scale=0.1, zero_point=zero_point, values=values)
        y = cases.output(values.shape, "int8", **OUTPUT["L2_NORMALIZATION"])
        cases.op("L2_NORMALIZATION", [x], [y])
    cases.check(rounds=1)


@pytest.mark.parametrize(
    ("name", "change", "word"),
    [
        ("LOG_SOFTMAX", {"scale": 0.1}, "output scale 0.1"),
        ("LOG_SOFTMAX", {"depth": 4096}, "rows of 4096"),
        ("LOG_SOFTMAX", {"in_scale": 1e-8}, "input scale"),
        ("LOG_SOFTMAX", {"dtype": "int16"}, "tensors of int16"),
        ("L2_NORMALIZATION", {"zero_point": 1}, "zero point 1"),
        ("L2_NORMALIZATION", {"depth": 33026}, "rows of 33026"),
        ("L2_NORMALIZATION", {"fused_activation_function": "RELU"}, "fused activation"),
    ],
)
def test_refuses(name: str, change: dict[str, Any], word: str) -> None:
    b = ModelBuilder()
    change = dict(change)
    dtype, depth = change.pop("dtype", "int8"), change.pop("depth", 4)
    x = b.tensor((1, depth), dtype, scale=change.pop("in_scale", 0.1))
    quantization = {key: change.pop(key, value) for key, value in OUTPUT[name].items()}
    y = b.tensor((1, depth), dtype, **quantization)
    b.op(name, [x], [y], **change)
    assert_refused(b.build([x], [y]), name, word)
