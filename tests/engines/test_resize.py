"""RESIZE_NEAREST_NEIGHBOR and RESIZE_BILINEAR of the aot engine, against the reference."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

MODES = ((False, False), (True, False), (False, True))  # align_corners, half_pixel_centers


@st.composite
def resizes(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "dtype": draw(st.sampled_from(("int8", "float32", "uint8"))),
        "shape": draw(shapes(4, 4)),
        "size": draw(st.tuples(st.integers(1, 12), st.integers(1, 12))),
        "mode": draw(st.sampled_from(MODES)),
    }


def add_case(cases: OpCases, case: dict[str, Any]) -> None:
    batches, _, _, channels = case["shape"]
    quant = {} if case["dtype"] == "float32" else {"scale": 0.1, "zero_point": 3}
    if case["dtype"] == "int16":
        quant = {"scale": 0.1}
    x = cases.input(case["shape"], case["dtype"], **quant)
    y = cases.output((batches, *case["size"], channels), case["dtype"], **quant)
    align, half = case["mode"]
    cases.op(
        case.get("name", "RESIZE_NEAREST_NEIGHBOR"),
        [x, cases.ints(case["size"])],
        [y],
        align_corners=align,
        half_pixel_centers=half,
    )


@settings(max_examples=12)
@given(drawn=st.lists(resizes(), min_size=10, max_size=10))
def test_sizes(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        add_case(cases, case)
    cases.check()


@settings(max_examples=12)
@given(drawn=st.lists(resizes(), min_size=10, max_size=10), seed=st.integers(0, 100))
def test_bilinear(drawn: list[dict[str, Any]], seed: int) -> None:
    cases = OpCases()
    for case in drawn:
        for dtype in ("int8", "int16", "float32"):
            add_case(cases, {**case, "dtype": dtype, "name": "RESIZE_BILINEAR"})
    cases.check(seed=seed)


@pytest.mark.parametrize("mode", MODES)
def test_bilinear_of_large_outputs(mode: tuple[bool, bool]) -> None:
    """The rounded step adds up along 100 and more positions."""
    cases = OpCases()
    for shape, size in (
        ((1, 7, 2, 1), (100, 5)),
        ((1, 3, 90, 2), (1, 251)),
        ((1, 1, 1, 3), (9, 9)),
    ):
        for dtype in ("int8", "int16", "float32"):
            case = {"dtype": dtype, "shape": shape, "size": size, "mode": mode}
            add_case(cases, {**case, "name": "RESIZE_BILINEAR"})
    cases.check()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mode": (True, True)}, ["align_corners with half_pixel_centers"]),
        ({"dtype": "int32"}, ["int32"]),
        ({"scale": 0.2}, ["differing scales"]),
        ({"size": (1, 2000), "shape": (1, 1, 1, 1)}, ["1 pixels resized to 2000"]),
    ],
)
def test_bilinear_refuses(change: dict[str, Any], words: list[str]) -> None:
    b = ModelBuilder()
    shape, size = change.get("shape", (1, 2, 2, 3)), change.get("size", (4, 4))
    dtype = change.get("dtype", "int8")
    x = b.tensor(shape, dtype, scale=0.1)
    y = b.tensor((shape[0], *size, shape[3]), dtype, scale=change.get("scale", 0.1))
    align, half = change.get("mode", (False, False))
    options = {"align_corners": align, "half_pixel_centers": half}
    b.op("RESIZE_BILINEAR", [x, b.tensor((2,), "int32", data=size)], [y], **options)
    assert_refused(b.build([x], [y]), "RESIZE_BILINEAR", *words)


@pytest.mark.parametrize("mode", MODES)
def test_every_ratio_of_sides(mode: tuple[bool, bool]) -> None:
    """1 to 17 rows become 1 to 13 columns' worth of others: float32 rounding at work."""
    cases = OpCases()
    for side in range(1, 18):
        for other in range(1, 14):
            shape, size = (1, side, other, 1), (other + 3, side)
            add_case(cases, {"dtype": "int8", "shape": shape, "size": size, "mode": mode})
    cases.check(rounds=1)


#: (side, resized side) where float64 would choose another pixel than float32, by mode.
FLOAT32_DECIDES = {
    MODES[0]: ((14, 46), (26, 22), (30, 58), (45, 33)),
    MODES[1]: ((8, 47), (14, 23), (27, 45), (30, 51)),
    MODES[2]: ((2, 41), (4, 55), (6, 37), (8, 47)),
}


@pytest.mark.parametrize("mode", MODES)
def test_sides_where_float32_decides(mode: tuple[bool, bool]) -> None:
    cases = OpCases()
    for side, other in FLOAT32_DECIDES[mode]:
        case = {"dtype": "int8", "shape": (1, side, side, 1), "size": (other, other), "mode": mode}
        add_case(cases, case)
    cases.check(rounds=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"size": None}, ["run time", "constant size"]),
        ({"size": [0, 2]}, ["size [0, 2]"]),
        ({"size": [4]}, ["size [4]"]),
        ({"shape": (2, 2, 3), "out": (4, 4, 3)}, ["3 dimensions"]),
        ({"out": (1, 4, 5, 3)}, ["[1, 4, 5, 3]", "[1, 4, 4, 3]"]),
        ({"dtype": "uint64"}, ["uint64"]),
    ],
)
def test_refuses(change: dict[str, Any], words: list[str]) -> None:
    b = ModelBuilder()
    dtype, size = change.get("dtype", "int8"), change.get("size", [4, 4])
    x = b.tensor(change.get("shape", (1, 2, 2, 3)), dtype, scale=0.1)
    s = b.tensor((2 if size is None else len(size),), "int32", data=size)
    y = b.tensor(change.get("out", (1, 4, 4, 3)), dtype, scale=0.1)
    b.op("RESIZE_NEAREST_NEIGHBOR", [x, s], [y])
    inputs = [x, s] if size is None else [x]
    assert_refused(b.build(inputs, [y]), "RESIZE_NEAREST_NEIGHBOR", *words)
