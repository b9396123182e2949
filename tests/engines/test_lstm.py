"""UNIDIRECTIONAL_SEQUENCE_LSTM against TensorFlow Lite's reference kernels, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.op_cases import assert_refused
from tests.support.sequences import assert_steps_match
from tests.support.tflite_builder import ModelBuilder

Sizes = tuple[int, int, int, int]
SIZES = st.tuples(st.integers(1, 2), st.integers(1, 4), st.integers(1, 7), st.integers(1, 6))
NAME = "UNIDIRECTIONAL_SEQUENCE_LSTM"


def _lstm(
    b: ModelBuilder, x: int, weights: Sequence[int], state: Sequence[int], y: int, **options: Any
) -> bytes:
    """Append the op in the converter's form; ``weights`` are 4 + 4 matrices and 4 biases."""
    absent = options.pop("absent", {})
    inputs = [x, *weights[:8], -1, -1, -1, *weights[8:], -1, -1, *state, -1, -1, -1, -1]
    for position, index in absent.items():
        inputs[position] = index
    options.setdefault("fused_activation_function", "TANH")
    b.op(NAME, inputs, [y], **options)
    return b.build([x], [y])


def lstm_int8(
    sizes: Sizes,
    *,
    seed: int = 0,
    zero_points: tuple[int, int] = (-7, 3),
    cell_bits: int = 4,
    spread: float = 1.0,
    time_major: bool = False,
    hidden: bool = True,
    **options: Any,
) -> bytes:
    """Sizes are batches, steps, inputs and cells; ``spread`` widens what the gates see."""
    batches, steps, width, cells = sizes
    rng, b = np.random.default_rng(seed), ModelBuilder()
    ends = (steps, batches) if time_major else (batches, steps)
    in_scale, out_scale = (float(s) for s in 10 ** rng.uniform(-2.5, -1.9, 2))
    x = b.tensor((*ends, width), scale=in_scale, zero_point=zero_points[0])
    weights = []
    for shape in [(cells, width)] * 4 + [(cells, cells)] * 4:
        scale = float(spread * 10 ** rng.uniform(-2.3, -1.5))
        weights.append(b.tensor(shape, scale=scale, data=rng.integers(-127, 128, shape)))
    for gate in range(4):
        data = rng.integers(-3000, 3000, cells)
        weights.append(
            b.tensor((cells,), "int32", scale=in_scale * 0.01, data=data, name=f"b{gate}")
        )
    quantized = {"scale": out_scale, "zero_point": zero_points[1]}
    state = [
        b.tensor((batches, cells), variable=True, **quantized),
        b.tensor((batches, cells), "int16", scale=2.0 ** (cell_bits - 15), variable=True),
    ]
    y = b.tensor((*ends, cells), **quantized)
    steps_inside = [b.tensor((), "float32") for _ in range(4)]
    steps_inside.append(b.tensor((), **quantized))
    return _lstm(
        b,
        x,
        weights,
        state,
        y,
        time_major=time_major,
        intermediates=steps_inside if hidden else (),
        **options,
    )


def lstm_float32(sizes: Sizes, *, seed: int = 0, time_major: bool = False, **options: Any) -> bytes:
    """Sizes as for :func:`lstm_int8`."""
    batches, steps, width, cells = sizes
    rng, b = np.random.default_rng(seed), ModelBuilder()
    ends = (steps, batches) if time_major else (batches, steps)
    x = b.tensor((*ends, width), "float32")
    shapes = [(cells, width)] * 4 + [(cells, cells)] * 4 + [(cells,)] * 4
    # Gains below 1, so that a difference in the last bit fades over the steps and does not grow.
    weights = [
        b.tensor(shape, "float32", data=rng.normal(0, 0.5 / shape[-1], shape).astype(np.float32))
        for shape in shapes
    ]
    state = [b.tensor((batches, cells), "float32", variable=True) for _ in range(2)]
    y = b.tensor((*ends, cells), "float32")
    return _lstm(b, x, weights, state, y, time_major=time_major, **options)


@given(
    SIZES,
    st.integers(0, 1000),
    st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    st.integers(0, 6),
    st.sampled_from([0.3, 1.0, 4.0]),
    st.booleans(),
    st.sampled_from([0.0, 0.4, 10.0]),
)
def test_int8_equals_the_reference_at_each_step(
    sizes: Sizes,
    seed: int,
    zero_points: tuple[int, int],
    cell_bits: int,
    spread: float,
    time_major: bool,
    clip: float,
) -> None:
    model = lstm_int8(
        sizes,
        seed=seed,
        zero_points=zero_points,
        cell_bits=cell_bits,
        spread=spread,
        time_major=time_major,
        cell_clip=clip,
    )
    assert_steps_match(model, seed=seed)


@given(SIZES, st.integers(0, 1000), st.booleans(), st.sampled_from([0.0, 0.4, 10.0]))
def test_float32_is_within_the_tolerance_at_each_step(
    sizes: Sizes, seed: int, time_major: bool, clip: float
) -> None:
    model = lstm_float32(sizes, seed=seed, time_major=time_major, cell_clip=clip)
    assert_steps_match(model, seed=seed)


SMALL = (1, 2, 3, 2)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lstm_float32(SMALL, fused_activation_function="RELU"), "TANH"),
        (lstm_float32(SMALL, absent={9: 11, 10: 11, 11: 11}), "peepholes"),
        (lstm_float32(SMALL, absent={16: 6}), "projection"),
        (lstm_float32(SMALL, absent={20: 11}), "layer normalization"),
        (lstm_float32(SMALL, absent={1: -1, 5: -1, 12: -1}), "input 1 is missing"),
        (lstm_float32(SMALL, absent={2: 0}), "input 2 computed at run time"),
        (lstm_int8(SMALL, hidden=False), "five intermediates"),
        (lstm_int8(SMALL, cell_bits=7), "2**-9"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_kernel_does_not_compute_is_refused(model: bytes, words: str) -> None:
    assert_refused(model, NAME, words)
