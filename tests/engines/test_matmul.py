"""BATCH_MATMUL, and FULLY_CONNECTED with computed weights, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hil.tflite.model import Model
from hil.tflite.reference import Reference
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import SCALES, SIDES, ZERO_POINTS, OpCases, assert_refused
from tests.support.tflite_builder import ModelBuilder

PROPERTY = settings(max_examples=6)
DTYPES = ("int8", "int16", "float32")


def quant(dtype: str, scale: float, zero_point: int) -> dict[str, Any]:
    if dtype == "float32":
        return {}
    return {"scale": scale, "zero_point": zero_point if dtype == "int8" else 0}


@st.composite
def products(draw: st.DrawFn) -> dict[str, Any]:
    batches = draw(st.lists(SIDES, max_size=3))
    sides = [[1 if draw(st.integers(0, 3)) == 0 else n for n in batches] for _ in range(2)]
    cut = draw(st.integers(0, len(batches)))
    side = draw(st.integers(0, 1))
    sides[side] = sides[side][cut:]
    wrong = bool(sides[0]) and bool(sides[1]) and sides[1][-1] == 1 != sides[0][-1]
    return {
        "sides": sides,
        "matrix": (draw(SIDES), draw(st.integers(1, 40)), draw(SIDES)),
        "adjoint": (draw(st.booleans()) and not wrong, draw(st.booleans())),
        "scales": [draw(SCALES) for _ in range(3)],
        "zero_points": [draw(ZERO_POINTS) for _ in range(3)],
        "constant": draw(st.booleans()),
    }


def add_product(cases: OpCases, case: dict[str, Any], dtype: str) -> None:
    rows, depth, columns = case["matrix"]
    left, right = ((rows, depth), (depth, columns))
    (adj_x, adj_y), (a_side, b_side) = case["adjoint"], case["sides"]
    a_shape = (*a_side, *(left[::-1] if adj_x else left))
    b_shape = (*b_side, *(right[::-1] if adj_y else right))
    shape = (*np.broadcast_shapes(tuple(a_side), tuple(b_side)), rows, columns)
    details = [
        quant(dtype, scale, zero_point)
        for scale, zero_point in zip(case["scales"], case["zero_points"], strict=True)
    ]
    x = cases.input(a_shape, dtype, **details[0])
    if case["constant"]:
        data = np.random.default_rng(depth).integers(-100, 100, b_shape)
        y = cases.builder.tensor(b_shape, dtype, data=data, **details[1])
    else:
        y = cases.input(b_shape, dtype, **details[1])
    z = cases.output(shape, dtype, **details[2])
    cases.op("BATCH_MATMUL", [x, y], [z], adj_x=adj_x, adj_y=adj_y)


@PROPERTY
@given(drawn=st.lists(products(), min_size=6, max_size=6), seed=st.integers(0, 1000))
@pytest.mark.parametrize("dtype", DTYPES)
def test_batch_matmul(dtype: str, drawn: list[dict[str, Any]], seed: int) -> None:
    cases = OpCases()
    for case in drawn:
        add_product(cases, case, dtype)
    cases.check(seed=seed)


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "sizes": (draw(SIDES), draw(st.integers(1, 30)), draw(SIDES)),
        "scales": [draw(SCALES) for _ in range(3)],
        "zero_points": [draw(ZERO_POINTS) for _ in range(3)],
        "bias": draw(st.sampled_from(("none", "absent", "constant", "computed"))),
        "activation": draw(st.sampled_from(("NONE", "RELU", "RELU6", "RELU_N1_TO_1"))),
    }


def add_layer(cases: OpCases, case: dict[str, Any], dtype: str) -> None:
    rows, depth, columns = case["sizes"]
    details = [
        quant(dtype, scale, zero_point)
        for scale, zero_point in zip(case["scales"], case["zero_points"], strict=True)
    ]
    x = cases.input((rows, depth), dtype, **details[0])
    w = cases.input((columns, depth), dtype, **details[1])
    y = cases.output((rows, columns), dtype, **details[2])
    inputs = [x, w]
    scale = np.float32(case["scales"][0]) * np.float32(case["scales"][1])
    bias = {"dtype": "float32"} if dtype == "float32" else {"dtype": "int32", "scale": float(scale)}
    values = np.random.default_rng(depth).integers(-900, 900, columns)
    if case["bias"] == "absent":
        inputs.append(-1)
    elif case["bias"] == "constant":
        inputs.append(cases.builder.tensor((columns,), data=values, **bias))
    elif case["bias"] == "computed":
        fixed = values.astype(bias["dtype"])
        inputs.append(cases.input((columns,), values=fixed, **bias))
    cases.op("FULLY_CONNECTED", inputs, [y], fused_activation_function=case["activation"])


@PROPERTY
@given(drawn=st.lists(layers(), min_size=6, max_size=6), seed=st.integers(0, 1000))
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_fully_connected(dtype: str, drawn: list[dict[str, Any]], seed: int) -> None:
    cases = OpCases()
    for case in drawn:
        add_layer(cases, case, dtype)
    cases.check(seed=seed)


@pytest.mark.parametrize(
    ("a", "b", "c", "dtype", "word"),
    [
        ((2, 3), (4, 5), (2, 5), "int8", "[2, 3] and [4, 5]"),
        ((2, 2, 3), (3, 3, 5), (2, 2, 5), "int8", "[2, 2, 3] and [3, 3, 5]"),
        ((3,), (3, 5), (5,), "int8", "1 and 2 dimensions"),
        ((2, 3), (3, 5), (2, 4), "int8", "output of shape [2, 4]"),
        ((2, 3), (3, 5), (2, 5), "int32", "tensors of int32"),
        ((1, 40000), (40000, 1), (1, 1), "int8", "sums of 40000"),
    ],
)
def test_refuses(
    a: tuple[int, ...], b: tuple[int, ...], c: tuple[int, ...], dtype: str, word: str
) -> None:
    m = ModelBuilder()
    x, y, z = (m.tensor(shape, dtype, scale=0.1) for shape in (a, b, c))
    m.op("BATCH_MATMUL", [x, y], [z])
    assert_refused(m.build([x, y], [z]), "BATCH_MATMUL", word)


def test_refuses_what_the_reference_multiplies_wrongly() -> None:
    m = ModelBuilder()
    x, y, z = (m.tensor(shape, "float32") for shape in ((2, 1, 2), (1, 1, 1), (2, 2, 1)))
    m.op("BATCH_MATMUL", [x, y], [z], adj_x=True)
    model = m.build([x, y], [z])
    left = np.array([[[1, 2]], [[3, 4]]], np.float32)
    (result,) = Reference(Model.parse(model, "m")).run([left, np.ones((1, 1, 1), np.float32)])
    assert result.ravel().tolist() != left.ravel().tolist()
    assert_refused(model, "BATCH_MATMUL", "adj_x with 2 matrices")


@pytest.mark.parametrize(
    ("dtype", "bias", "word"), [("int16", 5, "tensors of int16"), ("int8", 4, "bias of int32 (4,)")]
)
def test_fully_connected_refuses(dtype: str, bias: int, word: str) -> None:
    m = ModelBuilder()
    x, w, y = (m.tensor(shape, dtype, scale=0.1) for shape in ((2, 3), (5, 3), (2, 5)))
    b = m.tensor((bias,), "int32", scale=0.01, data=[0] * bias)
    m.op("FULLY_CONNECTED", [x, w, b], [y])
    assert_refused(m.build([x, w], [y]), "FULLY_CONNECTED", word)
