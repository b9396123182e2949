from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.errors import UnsupportedModel
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hypothesis import given, settings

from tests.engines.conv_models import Conv, convolutions
from tests.support.host_model import assert_matches_reference, host_model, random_inputs
from tests.support.tflite_builder import ModelBuilder

BOUNDED = settings(max_examples=45)
PLAIN = Conv("CONV_2D", "int8", activation="RELU")


@BOUNDED
@given(convolutions("CONV_2D", "int8"))
def test_int8_equals_the_reference(conv: Conv) -> None:
    assert_matches_reference(conv.build(), 2)


@BOUNDED
@given(convolutions("CONV_2D", "float32"))
def test_float32_is_within_tolerance(conv: Conv) -> None:
    assert_matches_reference(conv.build(), 2)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"kernel": (1, 1)},
        {"kernel": (1, 1), "stride": (2, 2), "padding": "VALID"},
        {"batches": 3, "out_c": 3, "height": 1, "width": 1},
        {"groups": 5, "dilation": (2, 2)},
        {"kernel": (9, 9), "activation": "RELU6"},
    ],
)
def test_no_undefined_behaviour(dtype: str, change: dict[str, object]) -> None:
    conv = dataclasses.replace(PLAIN, dtype=dtype, **change)  # type: ignore[arg-type]
    assert_matches_reference(conv.build(), 1, sanitize=True)


def test_absent_bias_is_a_bias_of_zeros() -> None:
    def model(bias: bool) -> bytes:
        b = ModelBuilder()
        x = b.tensor((1, 4, 4, 2), "int8", scale=0.1, zero_point=-7)
        data = np.arange(-36, 36).reshape(4, 3, 3, 2).astype(np.int8)
        w = b.tensor((4, 3, 3, 2), "int8", scale=0.02, data=data)
        c = b.tensor((4,), "int32", scale=0.002, data=np.zeros(4, np.int32)) if bias else -1
        y = b.tensor((1, 4, 4, 4), "int8", scale=0.3, zero_point=4)
        b.op("CONV_2D", [x, w, c], [y], padding="SAME")
        return b.build([x], [y])

    inputs = random_inputs(parse_model(model(True), "m"), np.random.default_rng(3))
    (with_zeros,) = host_model(model(True)).run(inputs)
    (absent,) = host_model(model(False)).run(inputs)
    assert len(np.unique(absent)) > 10
    np.testing.assert_array_equal(absent, with_zeros)


def test_extreme_multipliers() -> None:
    """Scales whose requantization shifts left, or so far right that all becomes zero."""
    for out_scale in (1e-4, 0.0014999, 3e4, 1e12):
        b = ModelBuilder()
        x = b.tensor((1, 1, 6, 2), "int8", scale=0.05, zero_point=3)
        w = b.tensor((3, 1, 1, 2), "int8", scale=0.03, data=[[[[1, -2]]], [[[0, 3]]], [[[5, 0]]]])
        c = b.tensor((3,), "int32", scale=0.0015, data=[0, 2_000_000, -7])
        y = b.tensor((1, 1, 6, 3), "int8", scale=out_scale, zero_point=-1)
        b.op("CONV_2D", [x, w, c], [y])
        assert_matches_reference(b.build([x], [y]), 3)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 5])
def test_ties_round_as_the_reference_does(exponent: int) -> None:
    """A power of two as effective scale: every 2**exponent-th sum lies halfway."""
    b = ModelBuilder()
    x = b.tensor((1, 16, 16, 2), "int8", scale=0.25, zero_point=1)
    w = b.tensor((2, 1, 1, 2), "int8", scale=0.5, data=[[[[1, 0]]], [[[-1, 1]]]])
    c = b.tensor((2,), "int32", scale=0.125, data=[0, 1])
    y = b.tensor((1, 16, 16, 2), "int8", scale=0.125 * 2**exponent, zero_point=0)
    b.op("CONV_2D", [x, w, c], [y])
    assert_matches_reference(b.build([x], [y]), 2)


def _refusal(**overrides: object) -> str:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 2), str(overrides.get("x_dtype", "int8")), scale=0.1)
    weights = {} if overrides.get("dynamic") else {"data": np.ones((4, 3, 3, 2), np.int8)}
    w = b.tensor(
        (4, 3, 3, 2),
        "int8",
        scale=overrides.get("w_scale", 0.1),  # type: ignore[arg-type]
        zero_point=overrides.get("w_zero", 0),  # type: ignore[arg-type]
        axis=int(overrides.get("axis", 0)),  # type: ignore[call-overload]
        **weights,
    )
    c = b.tensor((4,), str(overrides.get("b_dtype", "int32")), data=np.zeros(4, np.int32))
    y = b.tensor((1, *overrides.get("out", (4, 4)), 4), "int8", scale=0.1)  # type: ignore[misc]
    b.op("CONV_2D", [x, w, c], [y], padding="SAME", **overrides.get("options", {}))  # type: ignore[arg-type]
    model = Model.parse(b.build([x, w] if overrides.get("dynamic") else [x], [y]), "m")
    with pytest.raises(UnsupportedModel) as refused:
        engine("aot").sources(model)
    assert "op 0 (CONV_2D)" in refused.value.message
    assert refused.value.hint.startswith("supported: ")
    return refused.value.message


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        ({"x_dtype": "float32"}, "dtypes float32, int8, int8"),
        ({"x_dtype": "int16"}, "dtypes int16, int8, int8"),
        ({"dynamic": True}, "not constant"),
        ({"w_zero": 3}, "zero point"),
        ({"w_scale": [0.1, 0.2, 0.3], "axis": 1}, "axis 1"),
        ({"b_dtype": "int64"}, "bias"),
        ({"out": (3, 4)}, "output shape"),
        ({"options": {"fused_activation_function": "TANH"}}, "fused activation TANH"),
        ({"options": {"stride_w": 0}}, "stride_w is 0"),
    ],
)
def test_what_is_not_supported_is_refused(overrides: dict[str, object], reason: str) -> None:
    assert reason in _refusal(**overrides)
