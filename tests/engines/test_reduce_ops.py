"""Reductions, ARG_MAX, ARG_MIN and CUMSUM of the aot engine, against the reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

PROPERTY = settings(max_examples=6)
CASES = {"min_size": 8, "max_size": 8}
Q = {"scale": 0.1, "zero_point": -7}


def quant(dtype: str) -> dict[str, Any]:
    return Q if dtype == "int8" else {"scale": 0.1} if dtype in ("uint8", "int16") else {}


@st.composite
def reductions(draw: st.DrawFn) -> tuple[tuple[int, ...], list[int], bool, tuple[int, ...]]:
    shape = draw(shapes(1, 4))
    axes = sorted(draw(st.sets(st.integers(0, len(shape) - 1), min_size=1)))
    keep = draw(st.booleans())
    kept = [1 if d in axes else size for d, size in enumerate(shape) if keep or d not in axes]
    return shape, axes, keep, tuple(kept)


@PROPERTY
@given(drawn=st.lists(st.tuples(reductions(), st.integers(0, 4)), **CASES))
def test_extremes(drawn: list[Any]) -> None:
    cases = OpCases()
    for (shape, axes, keep, result), kind in drawn:
        dtype = ("int8", "int16", "int32", "int64", "float32")[kind]
        for name in ("REDUCE_MAX", "REDUCE_MIN"):
            x = cases.input(shape, dtype, **quant(dtype))
            y = cases.output(result, dtype, **quant(dtype))
            cases.op(name, [x, cases.ints(axes)], [y], keep_dims=keep)
    cases.check()


@PROPERTY
@given(drawn=st.lists(reductions(), **CASES))
def test_sum(drawn: list[Any]) -> None:
    cases = OpCases()
    for shape, axes, keep, result in drawn:
        for dtype in ("float32", "int32"):
            x, y = cases.input(shape, dtype), cases.output(result, dtype)
            cases.op("SUM", [x, cases.ints(axes)], [y], keep_dims=keep)
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(shapes(1, 4), st.integers(0, 3), st.booleans()), **CASES))
def test_arg(drawn: list[Any]) -> None:
    cases = OpCases()
    for shape, kind, wide in drawn:
        dtype = ("int8", "uint8", "int32", "float32")[kind]
        index = "int64" if wide else "int32"
        for axis in range(-1, len(shape)):
            result = tuple(s for d, s in enumerate(shape) if d != axis % len(shape))
            for name in ("ARG_MAX", "ARG_MIN"):
                x = cases.input(shape, dtype, **quant(dtype))
                y = cases.output(result, index)
                cases.op(name, [x, cases.ints(axis)], [y], output_type=index.upper())
    cases.check()


@PROPERTY
@given(drawn=st.lists(st.tuples(shapes(1, 4), st.booleans(), st.booleans()), **CASES))
def test_cumsum(drawn: list[Any]) -> None:
    cases = OpCases()
    for shape, exclusive, reverse in drawn:
        for axis in range(-1, len(shape)):
            for dtype in ("float32", "int32"):
                x, y = cases.input(shape, dtype), cases.output(shape, dtype)
                options = {"exclusive": exclusive, "reverse": reverse}
                cases.op("CUMSUM", [x, cases.ints(axis)], [y], **options)
    cases.check()


@pytest.mark.parametrize(
    ("name", "scale", "axis", "word"),
    [("SUM", 0.1, 1, "tensors of int8"), ("REDUCE_MAX", 0.2, 1, "differing scales")],
)
def test_refuses(name: str, scale: float, axis: int, word: str) -> None:
    b = ModelBuilder()
    x, y = b.tensor((2, 3), "int8", scale=0.1), b.tensor((2,), "int8", scale=scale)
    b.op(name, [x, b.tensor((1,), "int32", data=[axis])], [y])
    assert_refused(b.build([x], [y]), name, word)
