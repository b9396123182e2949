"""MEAN of the aot engine against TFLite's reference kernels."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import SCALES, ZERO_POINTS, OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder


def reduced(shape: tuple[int, ...], axes: list[int], keep_dims: bool) -> tuple[int, ...]:
    gone = {a % len(shape) for a in axes}
    if keep_dims:
        return tuple(1 if d in gone else n for d, n in enumerate(shape))
    return tuple(n for d, n in enumerate(shape) if d not in gone)


@st.composite
def means(draw: st.DrawFn) -> dict[str, Any]:
    shape = draw(shapes(1, 5))
    rank = len(shape)
    return {
        "dtype": draw(st.sampled_from(("int8", "int8", "float32"))),
        "shape": shape,
        "axes": draw(st.lists(st.integers(-rank, rank - 1), min_size=1, max_size=rank)),
        "keep_dims": draw(st.booleans()),
        "scales": (draw(SCALES), draw(SCALES)),
        "zeros": (draw(ZERO_POINTS), draw(ZERO_POINTS)),
        "same": draw(st.booleans()),
    }


def add_case(cases: OpCases, case: dict[str, Any]) -> None:
    quant: list[dict[str, Any]] = [{}, {}]
    if case["dtype"] == "int8":
        quant = [
            {"scale": s, "zero_point": z}
            for s, z in zip(case["scales"], case["zeros"], strict=True)
        ]
        if case["same"]:
            quant[1] = quant[0]
    x = cases.input(case["shape"], case["dtype"], **quant[0])
    result = reduced(case["shape"], case["axes"], case["keep_dims"])
    y = cases.output(result, case["dtype"], **quant[1])
    cases.op("MEAN", [x, cases.ints(case["axes"])], [y], keep_dims=case["keep_dims"])


@settings(max_examples=16)
@given(drawn=st.lists(means(), min_size=12, max_size=12))
def test_axes(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        add_case(cases, case)
    cases.check()


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("keep_dims", [False, True])
def test_global_pooling_of_larger_images(dtype: str, keep_dims: bool) -> None:
    cases = OpCases()
    for side in (3, 7, 24, 31):
        for axes in ([1, 2], [2, 1], [-1], [0, 1, 2, 3]):
            scales, zeros = (0.031 * side, 0.017), (-5, 11)
            add_case(
                cases,
                {
                    "dtype": dtype,
                    "shape": (2, side, side + 1, 9),
                    "axes": axes,
                    "keep_dims": keep_dims,
                    "scales": scales,
                    "zeros": zeros,
                    "same": side == 7,
                },
            )
    cases.check()


@pytest.mark.parametrize("ratio", [1e-9, 1e-4, 1.0, 1e4])
def test_extreme_scale_ratios(ratio: float) -> None:
    """Where the multiplier's shift leaves little room for 1 / count."""
    cases = OpCases()
    for count in (1, 2, 3, 1000):
        x = cases.input((count, 4), "int8", scale=0.01, zero_point=-100)
        y = cases.output((4,), "int8", scale=0.01 / ratio, zero_point=3)
        cases.op("MEAN", [x, cases.ints([0])], [y])
    cases.check()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": "uint8"}, ["uint8"]),
        ({"dtype": "int32"}, ["int32"]),
        ({"axes": [2]}, ["axis 2"]),
        ({"axes": [-3]}, ["axis -3"]),
        ({"axes": None}, ["run time", "constant axes"]),
        ({"out": (3, 1)}, ["[3, 1]", "[3]"]),
        ({"shape": (1,) * 6 + (3,), "axes": [0]}, ["7 dimensions", "up to 6"]),
        ({"scale": 1e-12}, ["ratio of scales"]),
        ({"shape": ((1 << 23) + 1, 3)}, ["8388609 elements"]),
    ],
)
def test_refuses(change: dict[str, Any], words: list[str]) -> None:
    b = ModelBuilder()
    dtype, axes = change.get("dtype", "int8"), change.get("axes", [0])
    x = b.tensor(change.get("shape", (2, 3)), dtype, scale=0.1)
    a = b.tensor((1,), "int32", data=axes)
    y = b.tensor(change.get("out", (3,)), dtype, scale=change.get("scale", 0.1))
    b.op("MEAN", [x, a], [y])
    assert_refused(b.build([x] if axes else [x, a], [y]), "MEAN", *words)
