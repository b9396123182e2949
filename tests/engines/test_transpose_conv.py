"""TRANSPOSE_CONV of the aot engine, against the reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import SCALES, ZERO_POINTS, OpCases, assert_refused
from tests.support.tflite_builder import ModelBuilder

DTYPES = st.sampled_from(("int8", "int16", "float32"))


def out_size(size: int, kernel: int, stride: int, padding: str) -> int:
    return size * stride if padding == "SAME" else (size - 1) * stride + kernel


@st.composite
def layers(draw: st.DrawFn) -> dict[str, Any]:
    sides = st.integers(1, 4)
    return {
        "image": tuple(draw(sides) for _ in range(4)),
        "kernel": (draw(sides), draw(sides)),
        "stride": (draw(st.integers(1, 3)), draw(st.integers(1, 3))),
        "out_c": draw(sides),
        "padding": draw(st.sampled_from(("SAME", "VALID"))),
        "bias": draw(st.booleans()),
        "scales": (draw(SCALES), draw(SCALES), draw(SCALES)),
        "zero_points": (draw(ZERO_POINTS), draw(ZERO_POINTS)),
        "per_channel": draw(st.booleans()),
        "seed": draw(st.integers(0, 1000)),
    }


def add(cases: OpCases, case: dict[str, Any], dtype: str) -> None:
    rng = np.random.default_rng(case["seed"])
    n, h, w, in_c = case["image"]
    (kh, kw), (sh, sw), out_c = case["kernel"], case["stride"], case["out_c"]
    shape = (n, out_size(h, kh, sh, case["padding"]), out_size(w, kw, sw, case["padding"]), out_c)
    in_scale, weight_scale, out_scale = case["scales"]
    options: dict[str, Any] = {"padding": case["padding"], "stride_h": sh, "stride_w": sw}
    b = cases.builder
    if dtype != "float32":
        zero_points = case["zero_points"] if dtype == "int8" else (0, 0)
        scale = (
            [weight_scale * (1 + c) for c in range(out_c)] if case["per_channel"] else weight_scale
        )
        data = rng.integers(-127, 128, (out_c, kh, kw, in_c)).astype(np.int8)
        weights = b.tensor(data.shape, "int8", scale=scale, axis=0, data=data)
        x = cases.input(case["image"], dtype, scale=in_scale, zero_point=zero_points[0])
        y = cases.output(shape, dtype, scale=out_scale, zero_point=zero_points[1])
        bias_type = "int32" if dtype == "int8" else "int64"
        values = rng.integers(-9000, 9000, out_c)
        bias = b.tensor((out_c,), bias_type, scale=in_scale * weight_scale, data=values)
    else:
        data = rng.normal(size=(out_c, kh, kw, in_c))
        weights = b.tensor(data.shape, "float32", data=data)
        x, y = cases.input(case["image"], "float32"), cases.output(shape, "float32")
        bias = b.tensor((out_c,), "float32", data=rng.normal(size=out_c))
    inputs = [
        cases.ints(list(shape)),
        weights,
        x,
        *([bias] if case["bias"] or dtype == "int16" else []),
    ]
    cases.op("TRANSPOSE_CONV", inputs, [y], version=3, **options)


@settings(max_examples=6)
@given(drawn=st.lists(layers(), min_size=6, max_size=6), dtype=DTYPES)
def test_transpose_conv(drawn: list[dict[str, Any]], dtype: str) -> None:
    cases = OpCases()
    for case in drawn:
        add(cases, case, dtype)
    cases.check()


@pytest.mark.parametrize("bias", [None, "int32"])
def test_refuses_int16_without_a_bias_of_64_bits(bias: str | None) -> None:
    b = ModelBuilder()
    x, y = (b.tensor((1, side, side, 2), "int16", scale=0.1) for side in (2, 4))
    w = b.tensor((2, 2, 2, 2), "int8", scale=0.1, data=np.ones((2, 2, 2, 2)))
    shape = b.tensor((4,), "int32", data=[1, 4, 4, 2])
    extra = [b.tensor((2,), bias, scale=0.01, data=[1, 2])] if bias else []
    b.op("TRANSPOSE_CONV", [shape, w, x, *extra], [y], stride_h=2, stride_w=2)
    assert_refused(b.build([x], [y]), "TRANSPOSE_CONV", "bias", "int64")


@pytest.mark.parametrize("zero_point", [0, 5])
def test_refuses(zero_point: int) -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 2, 2, 1), "int8", scale=0.1), b.tensor((1, 4, 4, 2), "int8", scale=0.1)
    data = np.ones((1 if zero_point == 0 else 2, 2, 2, 1), np.int8)
    w = b.tensor(data.shape, "int8", scale=0.1, zero_point=zero_point, data=data)
    shape = b.tensor((4,), "int32", data=[1, 4, 4, 2])
    b.op("TRANSPOSE_CONV", [shape, w, x], [y], stride_h=2, stride_w=2)
    word = "zero point" if zero_point else "(1, 2, 2, 1) from"
    assert_refused(b.build([x], [y]), "TRANSPOSE_CONV", word)
