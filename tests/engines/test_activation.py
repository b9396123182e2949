"""Activations of the aot engine against TFLite's reference kernels: every int8 input value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.tflite.model import Model

from tests.support.host_model import assert_matches_reference
from tests.support.op_cases import OpCases, assert_refused
from tests.support.tflite_builder import ModelBuilder

RELUS = ("RELU", "RELU6", "RELU_N1_TO_1")
OPS = (*RELUS, "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH")
ALL_INT8 = np.arange(-128, 128).astype(np.int8)
QUANTIZATIONS = 24


def options(name: str, rng: np.random.Generator) -> dict[str, float]:
    return {"alpha": float(rng.uniform(-1.0, 1.5))} if name == "LEAKY_RELU" else {}


@pytest.mark.parametrize("name", OPS)
def test_every_int8_value_in_many_quantizations(name: str) -> None:
    rng = np.random.default_rng(OPS.index(name))
    cases = OpCases()
    for _ in range(QUANTIZATIONS):
        scale_in, scale_out = (float(np.float32(10.0 ** rng.uniform(-3, 0))) for _ in range(2))
        zero_in, zero_out = (int(z) for z in rng.integers(-128, 128, 2))
        if name == "LOGISTIC":
            scale_out = 1 / 256
        if name == "HARD_SWISH":
            scale_out = max(scale_out, scale_in / 127)
        x = cases.input((256,), values=ALL_INT8, scale=scale_in, zero_point=zero_in)
        y = cases.output((256,), scale=scale_out, zero_point=zero_out)
        cases.op(name, [x], [y], **options(name, rng))
    cases.check(rounds=1)


@pytest.mark.parametrize("scale_in", [1e-6, 0.02, 3.0, 40.0])
def test_hard_swish_with_extreme_input_scales(scale_in: float) -> None:
    cases = OpCases()
    for scale_out in (max(scale_in / 127, 1e-3), scale_in * 50 + 1e-3, 100.0):
        x = cases.input((256,), values=ALL_INT8, scale=scale_in, zero_point=-11)
        cases.op("HARD_SWISH", [x], [cases.output((256,), scale=scale_out, zero_point=7)])
    cases.check(rounds=1)


def test_float32() -> None:
    rng = np.random.default_rng(3)
    values = np.concatenate([rng.uniform(-20, 20, 300), np.linspace(-7, 7, 211), [0.0, -0.0]])
    cases = OpCases()
    for name in OPS:
        x = cases.input(values.shape, "float32", values=values.astype(np.float32))
        cases.op(name, [x], [cases.output(values.shape, "float32")], **options(name, rng))
    cases.check(rounds=1)


@pytest.mark.parametrize("x", [-17.5, -9.01, -9.0, -4.0, 16.6, 16.7])
def test_small_logistic_values_keep_their_relative_precision(x: float) -> None:
    """Alone in their tensor, so that the largest value does not hide them."""
    cases = OpCases()
    value = np.full((1,), x, dtype=np.float32)
    cases.op(
        "LOGISTIC",
        [cases.input((1,), "float32", values=value)],
        [cases.output((1,), "float32")],
    )
    cases.check(rounds=1)


def test_activations_run_in_place_but_spare_what_is_read_again() -> None:
    b = ModelBuilder()
    x, once, twice, both = (b.tensor((8, 8), scale=0.05, zero_point=0) for _ in range(4))
    b.op("LEAKY_RELU", [x], [once], alpha=0.3)
    b.op("TANH", [once], [twice])
    b.op("ADD", [twice, once], [both])
    model = b.build([x], [both])
    assert engine("aot").sources(Model.parse(model, "m")).plan.arena_bytes == 2 * 64
    assert_matches_reference(model)


def one_op(name: str, dtype: str = "int8", **change: Any) -> bytes:
    b = ModelBuilder()
    scale = change.get("scale", 1 / 256)
    x = b.tensor((4,), dtype, scale=change.get("scale_in", 0.1))
    y = b.tensor(change.get("shape", (4,)), change.get("dtype_out", dtype), scale=scale)
    b.op(name, [x], [y])
    return b.build([x], [y])


@pytest.mark.parametrize("name", OPS)
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": "uint8"}, ["uint8", "int8 or int16 or float32"]),
        ({"dtype_out": "float32"}, ["float32 and int8"]),
        ({"shape": (5,)}, ["[5]", "[4]"]),
        ({"scale_in": None}, ["no scale"]),
        ({"scale_in": 0.0}, ["not positive"]),
        ({"scale_in": 1e20}, ["ratio of scales"]),
        ({"scale": [0.1, 0.2, 0.3, 0.4]}, ["several scales"]),
    ],
)
def test_refuses(name: str, change: dict[str, Any], words: list[str]) -> None:
    assert_refused(one_op(name, **change), name, *words)


def test_refuses_scales_that_the_reference_refuses() -> None:
    assert_refused(one_op("LOGISTIC", scale=0.01), "LOGISTIC", "1/256")
    assert_refused(one_op("HARD_SWISH", scale=0.1 / 200), "HARD_SWISH", "1/128 of the input")
