"""Functions of single elements in the aot engine, against TFLite's reference kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import SCALES, ZERO_POINTS, OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

PROPERTY = settings(max_examples=6)
CASES = {"min_size": 8, "max_size": 8}
Q = {"scale": 0.1, "zero_point": -7}
FLOAT_FUNCTIONS = (
    *("ABS", "NEG", "SQUARE", "SQRT", "RSQRT", "EXP", "LOG", "SIN", "COS", "FLOOR", "CEIL"),
    *("ROUND", "ELU"),
)
COMPARISONS = ("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL")


def quant(dtype: str) -> dict[str, Any]:
    return Q if dtype == "int8" else {"scale": 0.1} if dtype in ("uint8", "int16") else {}


@pytest.mark.parametrize("name", FLOAT_FUNCTIONS)
def test_float_function(name: str) -> None:
    cases = OpCases()
    values = np.linspace(-6.0, 6.0, 97, dtype=np.float32)  # with numbers and halves among them
    if name in ("SQRT", "RSQRT", "LOG"):
        values = np.abs(values) + np.float32(0.01)
    x = cases.input((1, 97), "float32", values=values.reshape(1, 97))
    cases.op(name, [x], [cases.output((1, 97), "float32")])
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(SCALES, ZERO_POINTS, SCALES, ZERO_POINTS, st.booleans()), **CASES))
def test_int8_function(drawn: list[Any]) -> None:
    cases = OpCases()
    every = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    for in_scale, in_zero, out_scale, out_zero, same in drawn:
        x = cases.input((1, 256), "int8", scale=in_scale, zero_point=in_zero, values=every)
        exp_fits = in_scale * (127 - in_zero) - math.log(in_scale if same else out_scale) < 21.4
        for name in ("ELU", "EXP", "ABS") if exp_fits else ("ELU", "ABS"):
            scale = in_scale if same else out_scale
            y = cases.output((1, 256), "int8", scale=scale, zero_point=out_zero)
            cases.op(name, [x], [y])
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(SCALES, SCALES, ZERO_POINTS), **CASES))
def test_rsqrt_of_int8(drawn: list[Any]) -> None:
    cases = OpCases()
    every = np.arange(-128, 128, dtype=np.int8).reshape(1, 256)
    for in_scale, out_scale, out_zero in drawn:
        x = cases.input((1, 256), "int8", scale=in_scale, zero_point=-128, values=every)
        y = cases.output((1, 256), "int8", scale=out_scale, zero_point=out_zero)
        cases.op("RSQRT", [x], [y])
    cases.check(rounds=1)


@pytest.mark.parametrize(("zero_point", "scale", "word"), [(-1, 0.1, "-1"), (-128, 1e-9, "ratio")])
def test_rsqrt_refuses(zero_point: int, scale: float, word: str) -> None:
    b = ModelBuilder()
    x = b.tensor((2, 3), "int8", scale=0.1, zero_point=zero_point)
    y = b.tensor((2, 3), "int8", scale=scale)
    b.op("RSQRT", [x], [y])
    assert_refused(b.build([x], [y]), "RSQRT", word)


def test_logical_not_and_neg_of_integers() -> None:
    cases = OpCases()
    cases.op("LOGICAL_NOT", [cases.input((2, 3), "bool")], [cases.output((2, 3), "bool")])
    cases.op("NEG", [cases.input((2, 3), "int32")], [cases.output((2, 3), "int32")])
    cases.check()


@st.composite
def pairs(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """Two shapes that broadcast, and the shape of the result."""
    shape = draw(shapes(1, 4))
    one, other = (tuple(size if draw(st.booleans()) else 1 for size in shape) for _ in range(2))
    if draw(st.booleans()):
        other = other[draw(st.integers(0, len(shape) - 1)) :]
    return one, other, tuple(np.broadcast_shapes(one, other))


@PROPERTY
@given(drawn=st.lists(st.tuples(pairs(), st.integers(0, 5)), **CASES))
def test_maximum_and_minimum(drawn: list[Any]) -> None:
    cases = OpCases()
    for (a, b, y), kind in drawn:
        dtype = ("int8", "uint8", "int16", "int32", "int64", "float32")[kind]
        for name in ("MAXIMUM", "MINIMUM"):
            inputs = [cases.input(shape, dtype, **quant(dtype)) for shape in (a, b)]
            cases.op(name, inputs, [cases.output(y, dtype, **quant(dtype))])
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(pairs(), SCALES, SCALES, ZERO_POINTS), min_size=3, max_size=3))
def test_comparisons(drawn: list[Any]) -> None:
    cases = OpCases()
    for (a, b, y), a_scale, b_scale, zero in drawn:
        for name in COMPARISONS:
            for dtype in ("float32", "int32", "int64"):
                inputs = [cases.input(shape, dtype) for shape in (a, b)]
                cases.op(name, inputs, [cases.output(y, "bool")])
            first = cases.input(a, "int8", scale=a_scale, zero_point=zero)
            second = cases.input(b, "int8", scale=b_scale, zero_point=-5)
            cases.op(name, [first, second], [cases.output(y, "bool")])
    cases.check()


def test_equality_and_logic_of_bools() -> None:
    cases = OpCases()
    for name in ("EQUAL", "NOT_EQUAL", "LOGICAL_AND", "LOGICAL_OR"):
        inputs = [cases.input((2, 3), "bool"), cases.input((1, 3), "bool")]
        cases.op(name, inputs, [cases.output((2, 3), "bool")])
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(pairs(), SCALES, SCALES, SCALES, ZERO_POINTS), **CASES))
def test_squared_difference(drawn: list[Any]) -> None:
    cases = OpCases()
    for (a, b, y), a_scale, b_scale, out_scale, zero in drawn:
        first = cases.input(a, "int8", scale=a_scale, zero_point=zero)
        second = cases.input(b, "int8", scale=b_scale, zero_point=3)
        result = cases.output(y, "int8", scale=out_scale, zero_point=-zero // 2)
        cases.op("SQUARED_DIFFERENCE", [first, second], [result])
        inputs = [cases.input(shape, "float32") for shape in (a, b)]
        cases.op("SQUARED_DIFFERENCE", inputs, [cases.output(y, "float32")])
        inputs = [
            cases.input(shape, "int32", values=np.full(shape, v, np.int32))
            for shape, v in ((a, 40_000), (b, -6_000))
        ]
        cases.op("SQUARED_DIFFERENCE", inputs, [cases.output(y, "int32")])
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(shapes(2, 4), SCALES, SCALES, SCALES, ZERO_POINTS), **CASES))
def test_prelu(drawn: list[Any]) -> None:
    cases = OpCases()
    for shape, in_scale, alpha_scale, out_scale, zero in drawn:
        along = (1,) * (len(shape) - 2) + shape[-1:]
        x = cases.input(shape, "int8", scale=in_scale, zero_point=zero)
        alpha = cases.input(along, "int8", scale=alpha_scale, zero_point=-9)
        y = cases.output(shape, "int8", scale=out_scale, zero_point=11)
        cases.op("PRELU", [x, alpha], [y])
        floats = [cases.input(shape, "float32"), cases.input(along, "float32")]
        cases.op("PRELU", floats, [cases.output(shape, "float32")])
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(pairs(), st.integers(0, 3)), **CASES))
def test_div_and_select(drawn: list[Any]) -> None:
    cases = OpCases()
    for (a, b, y), kind in drawn:
        divisor = cases.input(b, "float32", values=np.full(b, 0.75, np.float32))
        quotient = cases.output(y, "float32")
        cases.op("DIV", [cases.input(a, "float32"), divisor], [quotient])
        dtype = ("int8", "int16", "int32", "float32")[kind]
        chosen = [cases.input(shape, dtype, **quant(dtype)) for shape in (b, a)]
        condition = cases.input(y, "bool")
        cases.op("SELECT_V2", [condition, *chosen], [cases.output(y, dtype, **quant(dtype))])
        same = [cases.input(y, dtype, **quant(dtype)) for _ in range(2)]
        cases.op("SELECT", [condition, *same], [cases.output(y, dtype, **quant(dtype))])
    cases.check()


NUMBERS = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")


@pytest.mark.parametrize("source", NUMBERS)
def test_cast(source: str) -> None:
    cases = OpCases()
    for target in NUMBERS:
        values = np.array([[0, 1, 2, 3, 100, 7]]).astype(source)
        if source in ("float32", "int16", "int32", "int64"):
            values = np.array([[0, -1, -1.75, 3.5, 100, 120]]).astype(source)
        if source == "float32" and target == "uint8":
            values = np.abs(values)
        x = cases.input((1, 6), source, values=values)
        cases.op("CAST", [x], [cases.output((1, 6), target)])
    cases.check()


def two(name: str, first: dict[str, Any], second: dict[str, Any], result: dict[str, Any]) -> bytes:
    b = ModelBuilder()
    inputs = [b.tensor((1, 4), **first), b.tensor((1, 4), **second)]
    y = b.tensor((1, 4), **result)
    b.op(name, inputs, [y])
    return b.build(inputs, [y])


INT8: dict[str, Any] = {"dtype": "int8", "scale": 0.1}
FLOAT: dict[str, Any] = {"dtype": "float32"}


def test_refuses_exp_beyond_int32() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "int8", scale=0.5), b.tensor((1, 4), "int8", scale=0.1)
    b.op("EXP", [x], [y])
    assert_refused(b.build([x], [y]), "EXP", "exp(63.5)")


@pytest.mark.parametrize(
    ("name", "tensors", "word"),
    [
        ("MAXIMUM", (INT8, {**INT8, "scale": 0.2}, INT8), "differing scales"),
        ("EQUAL", (FLOAT, FLOAT, FLOAT), "a result of float32"),
        ("LESS", ({"dtype": "bool"}, {"dtype": "bool"}, {"dtype": "bool"}), "tensors of bool"),
        ("LESS", ({**INT8, "scale": 2.0}, INT8, {"dtype": "bool"}), "factor of 2"),
        ("DIV", (INT8, INT8, INT8), "tensors of int8"),
    ],
)
def test_refuses(name: str, tensors: tuple[dict[str, Any], ...], word: str) -> None:
    assert_refused(two(name, *tensors), name, word)
