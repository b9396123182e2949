"""SVDF against TensorFlow Lite's reference kernels, at each step of sequences with resets."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.op_cases import assert_refused
from tests.support.sequences import assert_steps_match
from tests.support.tflite_builder import ModelBuilder

Draw = Callable[..., int]
SIZES = st.tuples(
    st.integers(1, 2), st.integers(1, 9), st.integers(1, 4), st.integers(1, 3), st.integers(1, 9)
)


def svdf_int8(
    sizes: tuple[int, int, int, int, int],
    *,
    seed: int = 0,
    zero_points: tuple[int, int] = (-7, -128),
    bias: bool = True,
    activation: str = "RELU",
    variable: bool = True,
) -> bytes:
    """Sizes are batches, inputs, units, rank and memory."""
    batches, inputs, units, rank, memory = sizes
    rng, b = np.random.default_rng(seed), ModelBuilder()
    filters = units * rank
    scales = 10 ** rng.uniform(-2.5, -0.5, 4)
    state_scale = float(scales[0] * scales[1] * 10 ** rng.uniform(0, 1.5))
    x = b.tensor((batches, inputs), scale=float(scales[0]), zero_point=zero_points[0])
    feature = b.tensor(
        (filters, inputs),
        scale=float(scales[1]),
        data=rng.integers(-127, 128, (filters, inputs)),
    )
    time = b.tensor(
        (filters, memory),
        "int16",
        scale=float(scales[2]),
        data=rng.integers(-3000, 3000, (filters, memory)),
    )
    offsets = b.tensor(
        (units,),
        "int32",
        scale=state_scale * float(scales[2]),
        data=rng.integers(-90000, 90000, units),
    )
    state = b.tensor((batches, filters * memory), "int16", scale=state_scale, variable=variable)
    output_scale = state_scale * float(scales[2]) * 3000 * memory
    y = b.tensor((batches, units), scale=output_scale, zero_point=zero_points[1])
    b.op(
        "SVDF",
        [x, feature, time, offsets if bias else -1, state],
        [y],
        rank=rank,
        fused_activation_function=activation,
    )
    return b.build([x], [y])


def svdf_float32(
    sizes: tuple[int, int, int, int, int], activation: str, *, seed: int = 0, bias: bool = True
) -> bytes:
    """Sizes as for :func:`svdf_int8`."""
    batches, inputs, units, rank, memory = sizes
    rng, b = np.random.default_rng(seed), ModelBuilder()
    filters = units * rank
    x = b.tensor((batches, inputs), "float32")
    constants = [
        b.tensor(shape, "float32", data=rng.normal(size=shape).astype(np.float32))
        for shape in ((filters, inputs), (filters, memory), (units,))
    ]
    state = b.tensor((batches, filters * memory), "float32", variable=True)
    y = b.tensor((batches, units), "float32")
    b.op(
        "SVDF",
        [x, *constants[:2], constants[2] if bias else -1, state],
        [y],
        rank=rank,
        fused_activation_function=activation,
    )
    return b.build([x], [y])


@given(
    SIZES,
    st.integers(0, 1000),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    st.booleans(),
)
def test_int8_equals_the_reference_at_each_step(
    sizes: tuple[int, int, int, int, int], seed: int, zero_points: tuple[int, int], bias: bool
) -> None:
    assert_steps_match(svdf_int8(sizes, seed=seed, zero_points=zero_points, bias=bias), seed=seed)


@given(SIZES, st.sampled_from(["NONE", "RELU", "RELU6"]), st.integers(0, 1000), st.booleans())
def test_float32_is_within_the_tolerance_at_each_step(
    sizes: tuple[int, int, int, int, int], activation: str, seed: int, bias: bool
) -> None:
    assert_steps_match(svdf_float32(sizes, activation, seed=seed, bias=bias), seed=seed)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (svdf_int8((1, 3, 2, 1, 4), activation="NONE"), "RELU"),
        (svdf_int8((1, 70000, 1, 1, 2)), "at most"),
    ],
)
def test_what_the_kernel_does_not_compute_is_refused(model: bytes, words: str) -> None:
    assert_refused(model, "SVDF", words)
