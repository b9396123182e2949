"""SOFTMAX of the aot engine against TFLite's reference kernels."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import SIDES, OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

OUT = {"scale": 1 / 256, "zero_point": -128}
EXPONENTS = st.floats(-4.0, 1.0)


def test_every_distance_from_the_maximum() -> None:
    """Rows of (127, v) for each int8 v, in many scales and betas."""
    values = np.full((256, 2), 127, dtype=np.int8)
    values[:, 1] = np.arange(-128, 128)
    rng = np.random.default_rng(0)
    cases = OpCases()
    for _ in range(40):
        scale, beta = float(10 ** rng.uniform(-4, 1)), float(rng.uniform(0.1, 3.0))
        x = cases.input((256, 2), values=values, scale=scale, zero_point=5)
        cases.op("SOFTMAX", [x], [cases.output((256, 2), **OUT)], beta=beta)
    cases.check(rounds=1)


@st.composite
def softmaxes(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "dtype": draw(st.sampled_from(("int8", "float32"))),
        "shape": (*draw(shapes(0, 3)), draw(SIDES) * draw(SIDES)),
        "beta": draw(st.floats(0.125, 4.0, width=32)),
        "scale": 10 ** draw(EXPONENTS),
    }


@settings(max_examples=8)
@given(drawn=st.lists(softmaxes(), min_size=10, max_size=10))
def test_shapes_and_betas(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        int8 = case["dtype"] == "int8"
        x = cases.input(case["shape"], case["dtype"], **({"scale": case["scale"]} if int8 else {}))
        y = cases.output(case["shape"], case["dtype"], **(OUT if int8 else {}))
        cases.op("SOFTMAX", [x], [y], beta=case["beta"])
    cases.check()


@pytest.mark.parametrize("depths", [(255, 256, 511), (512, 1000, 4095)])
def test_long_rows(depths: tuple[int, ...]) -> None:
    """Sums of up to 4095; from 512 on the reference's rounding shift leaves its range."""
    if max(depths) > 511 and importlib.util.find_spec("tflite_runtime") is None:
        pytest.skip("LiteRT's reference aborts the process on sums of 512 and more")
    cases = OpCases()
    for depth in depths:
        for scale in (1e-4, 0.02, 0.7):
            x = cases.input((2, depth), scale=scale)
            cases.op("SOFTMAX", [x], [cases.output((2, depth), **OUT)])
    cases.check(rounds=1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": "int16"}, ["1/32768"]),
        ({"dtype": "uint8", "out": {"scale": 1 / 256}}, ["uint8"]),
        ({"shape": ()}, ["scalar"]),
        ({"shape": (1, 4096)}, ["4096 classes", "4095"]),
        ({"out": {"scale": 1 / 255, "zero_point": -128}}, ["1/256"]),
        ({"out": {"scale": 1 / 256, "zero_point": 0}}, ["zero point -128"]),
        ({"scale": 1e-9}, ["beta * input scale"]),
    ],
)
def test_refuses(change: dict[str, Any], words: list[str]) -> None:
    b = ModelBuilder()
    shape, dtype = change.get("shape", (1, 4)), change.get("dtype", "int8")
    x = b.tensor(shape, dtype, scale=change.get("scale", 0.1))
    y = b.tensor(shape, dtype, **change.get("out", OUT))
    b.op("SOFTMAX", [x], [y])
    assert_refused(b.build([x], [y]), "SOFTMAX", *words)
