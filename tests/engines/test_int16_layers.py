"""CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED on int16 activations, bit for bit.

int8 weights: against TFLite's reference kernels. int16 weights, for which TFLite has none: against
``fixed_numpy``.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines import fixed_numpy
from tests.engines.conv_models import ACTIVATIONS, Conv, Int16Scales, convolutions
from tests.support.host_model import (
    assert_matches_reference,
    extreme_inputs,
    host_model,
    random_inputs,
)
from tests.support.op_cases import assert_refused
from tests.support.tflite_builder import ModelBuilder

BOUNDED = settings(max_examples=25)
PLAIN = Conv("CONV_2D", "int16x8")


@dataclass(frozen=True)
class Dense:
    """One FULLY_CONNECTED op."""

    dtype: str
    rows: int
    in_features: int
    out_features: int
    activation: str
    per_channel: bool
    bias: bool
    seed: int

    def build(self) -> bytes:
        rng = np.random.default_rng(self.seed)
        b = ModelBuilder()
        count = self.out_features if self.per_channel else 1
        scales = Int16Scales(self.dtype, rng, count, self.in_features)
        x = b.tensor((self.rows, self.in_features), "int16", scale=scales.x)
        shape = (self.out_features, self.in_features)
        data = rng.integers(-scales.w_max, scales.w_max + 1, shape)
        w_dtype = "int16" if self.dtype == "q16" else "int8"
        w = b.tensor(shape, w_dtype, scale=scales.w.tolist(), axis=0, data=data)
        inputs = [x, w, -1]
        if self.bias:
            dtype = "int32" if self.dtype.endswith("bias32") else "int64"
            inputs[2] = b.tensor(
                (self.out_features,),
                dtype,
                scale=(scales.w * scales.x).tolist(),
                data=scales.bias(self.out_features, dtype),
            )
        y = b.tensor((self.rows, self.out_features), "int16", scale=scales.y)
        b.op("FULLY_CONNECTED", inputs, [y], version=4, fused_activation_function=self.activation)
        return b.build([x], [y])


def layers(dtype: str) -> st.SearchStrategy[Dense]:
    return st.builds(
        Dense,
        dtype=st.just(dtype),
        rows=st.integers(1, 3),
        in_features=st.integers(1, 70),
        out_features=st.integers(1, 18),
        activation=st.sampled_from(ACTIVATIONS),
        # tflite-runtime's kernel has per-channel weights for int8 inputs only
        per_channel=st.booleans() if dtype == "q16" else st.just(False),
        bias=st.booleans(),
        seed=st.integers(0, 2**32 - 1),
    )


def assert_matches_numpy(model: bytes, *, sanitize: bool = False) -> None:
    graph = parse_model(model, "q16")
    host = host_model(model, sanitize=sanitize)
    rng = np.random.default_rng(0)
    for inputs in [random_inputs(graph, rng), random_inputs(graph, rng), *extreme_inputs(graph)]:
        (got,) = host.run(inputs)
        np.testing.assert_array_equal(got, fixed_numpy.run(graph, inputs[0]))


@BOUNDED
@given(
    st.one_of(
        convolutions("CONV_2D", "int16x8"),
        convolutions("CONV_2D", "int16x8 bias32"),
        convolutions("CONV_2D", "int16x8 shifts"),
    )
)
def test_conv_with_int8_weights(conv: Conv) -> None:
    assert_matches_reference(conv.build(), 2)


@BOUNDED
@given(
    st.one_of(
        convolutions("DEPTHWISE_CONV_2D", "int16x8"),
        convolutions("DEPTHWISE_CONV_2D", "int16x8 shifts"),
    )
)
def test_depthwise_with_int8_weights(conv: Conv) -> None:
    assert_matches_reference(conv.build(), 2)


@BOUNDED
@given(st.one_of(layers("int16x8"), layers("int16x8 bias32"), layers("int16x8 shifts")))
def test_fully_connected_with_int8_weights(layer: Dense) -> None:
    assert_matches_reference(layer.build(), 2)


@BOUNDED
@given(
    st.one_of(
        convolutions("CONV_2D", "q16"), convolutions("DEPTHWISE_CONV_2D", "q16"), layers("q16")
    )
)
def test_int16_weights(layer: Conv | Dense) -> None:
    assert_matches_numpy(layer.build())


@pytest.mark.parametrize("dtype", ["int16x8", "int16x8 shifts", "q16"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"kernel": (1, 1), "stride": (2, 2), "padding": "VALID"},
        {"groups": 5, "dilation": (2, 2)},
        {"op": "DEPTHWISE_CONV_2D"},
        {"op": "DEPTHWISE_CONV_2D", "kernel": (2, 4)},
    ],
)
def test_no_undefined_behaviour(dtype: str, change: dict[str, Any]) -> None:
    model = dataclasses.replace(PLAIN, dtype=dtype, **change).build()
    if dtype == "q16":
        assert_matches_numpy(model, sanitize=True)
    else:
        assert_matches_reference(model, 1, sanitize=True)


def layer(
    *,
    weights: Any,
    bias: Any = None,
    scales: tuple[float, Any, float] = (2**-8, 2**-6, 2**-6),
    w_dtype: str = "int8",
    b_dtype: str = "int64",
    **tensor: Any,
) -> bytes:
    b = ModelBuilder()
    data = np.asarray(weights)
    zero_points = tensor.pop("zero_points", (0, 0, 0))
    x = b.tensor((1, data.shape[1]), "int16", scale=scales[0], zero_point=zero_points[0])
    w = b.tensor(data.shape, w_dtype, scale=scales[1], zero_point=zero_points[1], data=data)
    c = -1
    if bias is not None:
        c = b.tensor(
            (data.shape[0],), b_dtype, scale=np.multiply(scales[0], scales[1]).tolist(), data=bias
        )
    y = b.tensor((1, data.shape[0]), "int16", scale=scales[2], zero_point=zero_points[2])
    b.op("FULLY_CONNECTED", [x, w, c], [y], version=4)
    return b.build([x], [y])


def variant(model: bytes) -> str:
    text = engine("aot").sources(Model.parse(model, "m")).files["model.c"]
    found = re.search(r"hil_fully_connected_(\w+)\(", text)
    assert found
    return found[1]


@pytest.mark.parametrize(
    ("largest", "bias", "wide"),
    [
        # sum |w| * 32768 + |bias| reaches 2**31 exactly where 32 bits end
        (65535, 32767, False),
        (65535, 32768, True),
        (65536, 0, True),
        (1, -(2**31) + 32769, False),
        (1, -(2**31) + 32768, True),
    ],
)
def test_sums_of_32_bits_are_taken_where_they_are_exact(
    largest: int, bias: int, wide: bool
) -> None:
    """The extreme inputs reach the bound: at -32768, every weight counts in full."""
    weights = np.full((4, 4), -(largest // 4), np.int64)
    weights[:, 0] -= largest % 4
    model = layer(weights=weights, bias=np.full(4, bias), w_dtype="int16")
    assert variant(model) == ("s16x16_wide_pot" if wide else "s16x16_pot")
    assert_matches_numpy(model, sanitize=True)


def test_int8_weights_at_the_end_of_32_bits() -> None:
    weights = np.full((1, 517), -127, np.int64)
    weights[0, -1] = -3  # 65535 in all
    for bias, name in ((32767, "s16x8"), (32768, "s16x8_wide")):
        model = layer(weights=weights, bias=[bias], scales=(0.001, 0.01, 0.7))
        assert variant(model) == name
        assert_matches_reference(model, 2, sanitize=True)


@pytest.mark.parametrize("n_y", [-32, -20, -18, 0, 10, 13, 14, 15])
def test_shifts_of_any_size(n_y: int) -> None:
    """k = 14 - n_y: far right, none, and to the left."""
    weights = [[1, -2, 3], [32767, -32768, 0], [0, 0, 1], [5, 5, -5], [-1, 0, 0]]
    model = layer(
        weights=weights,
        bias=[1, -1, 0, 1 << 40, 7],
        w_dtype="int16",
        scales=(2**-8, 2**-6, 2.0**-n_y),
    )
    assert_matches_numpy(model, sanitize=True)


@pytest.mark.parametrize("out_scale", [1e-5, 3.1e-5, 0.003, 1e4, 1e9])
def test_extreme_multipliers(out_scale: float) -> None:
    model = layer(
        weights=[[1, -2, 3], [127, -128, 0]], bias=[5, -7], scales=(0.001, 0.02, out_scale)
    )
    assert_matches_reference(model, 3)


def test_one_shift_stands_for_all_channels_and_no_multipliers_are_stored() -> None:
    def tables(scale: Any) -> int:
        weights = np.arange(-16, 16).reshape(8, 4)
        model = layer(weights=weights, bias=np.zeros(8), scales=(2**-8, scale, 2**-6))
        return engine("aot").sources(Model.parse(model, "m")).tables_bytes

    assert tables(2**-6) == 1
    assert tables(0.016) == 8 * 2 + 1
    assert tables([0.016, 0.002] * 4) == 8 * 2 + 8


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            layer(weights=[[1, 2]], w_dtype="int16", scales=(2**-8, 0.02, 2**-6)),
            ["int16 weights", "tensor 1", "0.02", "not a power of two", "int16x8"],
        ),
        (
            layer(weights=[[1, 2]], w_dtype="int16", scales=(0.01, 2**-8, 2**-6)),
            ["tensor 0", "not a power of two"],
        ),
        (
            layer(weights=[[1, 2]], w_dtype="int16", scales=(1.0, 1.0, 2**-14)),
            ["ratio of scales"],
        ),
        (layer(weights=[[1, 2]], zero_points=(3, 0, 0)), ["zero point", "int16"]),
        (layer(weights=[[1, 2]], zero_points=(0, 0, 3)), ["zero point"]),
        (layer(weights=[[1, 2]], scales=(1.0, 1.0, 0.001), bias=[1]), ["ratio of scales"]),
        (layer(weights=[[1, 2]], bias=[2**47]), ["sums of up to"]),
        (
            layer(weights=np.full((1, 600), 127), bias=[1], b_dtype="int32"),
            ["sums of up to", "bias of int64"],
        ),
        (layer(weights=[[1, 2]], bias=[1], b_dtype="int16"), ["bias", "int32 or int64"]),
    ],
)
def test_what_is_not_supported_is_refused(model: bytes, words: list[str]) -> None:
    assert_refused(model, "FULLY_CONNECTED", *words)
