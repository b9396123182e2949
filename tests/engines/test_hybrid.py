"""Dynamic-range ops (float32 activations, int8 weights) against TFLite's reference kernels.

The tolerance is float32's, but where the kernels' order of operations is TFLite's the results are
the same bits; ``test_bits`` holds to that where tflite-runtime is the reference. LiteRT's floats
differ from tflite-runtime's in the last bits (by less than 1e-6 of a tensor's maximum), so beside
it the tolerance of the contract is all that can be asked.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import LITERT, Reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tests.engines.conv_models import ACTIVATIONS, Conv, convolutions
from tests.support.host_model import (
    assert_close,
    assert_matches_reference,
    extreme_inputs,
    host_model,
    random_inputs,
)
from tests.support.op_cases import assert_refused
from tests.support.tflite_builder import ModelBuilder

BOUNDED = settings(max_examples=25)
PLAIN = Conv("CONV_2D", "hybrid", batches=2, activation="RELU6")


def dense(
    rows: int = 3,
    depth: int = 37,
    channels: int = 9,
    *,
    activation: str = "NONE",
    bias: bool = True,
    asymmetric: bool = False,
    scale: Any = 0.01,
    zero_point: int = 0,
    seed: int = 0,
) -> bytes:
    rng = np.random.default_rng(seed)
    b = ModelBuilder()
    x = b.tensor((rows, depth), "float32")
    data = rng.integers(-127, 128, (channels, depth)).astype(np.int8)
    w = b.tensor(data.shape, "int8", scale=scale, zero_point=zero_point, axis=0, data=data)
    c = b.tensor((channels,), "float32", data=rng.normal(0, 1, channels).astype(np.float32))
    y = b.tensor((rows, channels), "float32")
    b.op(
        "FULLY_CONNECTED",
        [x, w, c if bias else -1],
        [y],
        version=9,
        fused_activation_function=activation,
        asymmetric_quantize_inputs=asymmetric,
    )
    return b.build([x], [y])


def supported(conv: Conv) -> bool:
    """Only a CONV_2D without groups may have one scale for all its weights."""
    return conv.per_channel or conv.out_c == 1 or (conv.op == "CONV_2D" and conv.groups == 1)


@BOUNDED
@given(convolutions("CONV_2D", "hybrid"))
def test_conv(conv: Conv) -> None:
    assume(supported(conv))
    assert_matches_reference(conv.build(), 2)


@BOUNDED
@given(convolutions("DEPTHWISE_CONV_2D", "hybrid"))
def test_depthwise(conv: Conv) -> None:
    assume(supported(conv))
    assert_matches_reference(conv.build(), 2)


@BOUNDED
@given(
    st.integers(1, 4),
    st.integers(1, 70),
    st.integers(1, 18),
    st.sampled_from(ACTIVATIONS),
    st.booleans(),
    st.booleans(),
)
def test_fully_connected(
    rows: int, depth: int, channels: int, activation: str, bias: bool, asymmetric: bool
) -> None:
    model = dense(
        rows, depth, channels, activation=activation, bias=bias, asymmetric=asymmetric, seed=depth
    )
    assert_matches_reference(model, 2)


@pytest.mark.parametrize(
    "model",
    [
        PLAIN.build(),
        dataclasses.replace(PLAIN, per_channel=False).build(),
        dataclasses.replace(PLAIN, groups=5).build(),
        dataclasses.replace(PLAIN, op="DEPTHWISE_CONV_2D").build(),
        dense(),
        dense(asymmetric=True),
    ],
    ids=["conv", "conv, one scale", "groups", "depthwise", "dense", "dense, asymmetric"],
)
def test_bits(model: bytes) -> None:
    graph = parse_model(model, "m")
    host, reference = host_model(model, sanitize=True), Reference(Model.parse(model, "m"))
    rng = np.random.default_rng(3)
    for scale in (1e-3, 1.0, 700.0):
        for inputs in (random_inputs(graph, rng), *extreme_inputs(graph)):
            scaled = [x * np.float32(scale) for x in inputs]
            (got,), (want,) = host.run(scaled), reference.run(scaled)
            if reference.version.startswith(LITERT):
                assert_close(got, want, f"inputs times {scale}")
            else:
                np.testing.assert_array_equal(got, want)


def test_one_sided_inputs_keep_zero_exact() -> None:
    """Where all values have one sign the range reaches to 0, and the offset to an end of int8."""
    model = PLAIN.build()
    host, reference = host_model(model), Reference(Model.parse(model, "m"))
    rng = np.random.default_rng(4)
    for sign in (1, -1):
        x = (sign * rng.uniform(3, 5, (2, 7, 6, 5))).astype(np.float32)
        np.testing.assert_array_equal(host.run([x])[0], reference.run([x])[0])


def test_refuses() -> None:
    several = np.linspace(0.01, 0.02, 9).tolist()
    assert_refused(dense(scale=several), "FULLY_CONNECTED", "several scales", "one scale")
    assert_refused(dense(zero_point=3), "FULLY_CONNECTED", "zero point")
    for change in ({"op": "DEPTHWISE_CONV_2D"}, {"groups": 5}):
        conv = dataclasses.replace(PLAIN, per_channel=False, **change)
        assert_refused(conv.build(), conv.op, "one scale", "each output channel")
