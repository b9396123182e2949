from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.errors import UnsupportedModel
from hil.tflite.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.host_model import assert_matches_reference
from tests.support.tflite_builder import ModelBuilder

BOUNDED = settings(max_examples=35)


@dataclass(frozen=True)
class Dense:
    """One FULLY_CONNECTED op; ``lead`` are the dimensions before the features."""

    dtype: str
    lead: tuple[int, ...]
    in_features: int
    out_features: int
    keep_num_dims: bool
    activation: str
    bias: bool
    weights_zero_point: int
    seed: int

    def build(self) -> bytes:
        rng = np.random.default_rng(self.seed)
        b = ModelBuilder()
        lead = self.lead if self.keep_num_dims else (int(np.prod(self.lead)),)
        shapes = (*self.lead, self.in_features), (*lead, self.out_features)
        w_shape = (self.out_features, self.in_features)
        if self.dtype == "float32":
            x = b.tensor(shapes[0], "float32")
            w = b.tensor(w_shape, "float32", data=rng.normal(0, 1, w_shape).astype(np.float32))
            bias = rng.normal(0, 1, self.out_features).astype(np.float32)
            c = b.tensor((self.out_features,), "float32", data=bias)
            y = b.tensor(shapes[1], "float32")
        else:
            x_scale, w_scale = rng.uniform(0.01, 0.1), rng.uniform(0.002, 0.03)
            y_scale = x_scale * w_scale * 5000 * np.sqrt(self.in_features) * rng.uniform(0.3, 2)
            zero, out_zero = (int(z) for z in rng.integers(-128, 128, 2))
            x = b.tensor(shapes[0], "int8", scale=x_scale, zero_point=zero)
            data = rng.integers(-128, 128, w_shape).astype(np.int8)
            w = b.tensor(
                w_shape, "int8", scale=w_scale, zero_point=self.weights_zero_point, data=data
            )
            bias = rng.integers(-20000, 20000, self.out_features).astype(np.int32)
            c = b.tensor((self.out_features,), "int32", scale=x_scale * w_scale, data=bias)
            y = b.tensor(shapes[1], "int8", scale=y_scale, zero_point=out_zero)
        b.op(
            "FULLY_CONNECTED",
            [x, w, c] if self.bias else [x, w, -1],
            [y],
            version=4,
            keep_num_dims=self.keep_num_dims,
            fused_activation_function=self.activation,
        )
        return b.build([x], [y])


def layers(dtype: str) -> st.SearchStrategy[Dense]:
    zero_points = st.sampled_from([0, 0, 5, -128]) if dtype == "int8" else st.just(0)
    return st.builds(
        Dense,
        dtype=st.just(dtype),
        lead=st.lists(st.integers(1, 3), min_size=1, max_size=3).map(tuple),
        in_features=st.integers(1, 70),
        out_features=st.integers(1, 18),
        keep_num_dims=st.booleans(),
        activation=st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]),
        bias=st.booleans(),
        weights_zero_point=zero_points,
        seed=st.integers(0, 2**32 - 1),
    )


@BOUNDED
@given(layers("int8"))
def test_int8_equals_the_reference(layer: Dense) -> None:
    assert_matches_reference(layer.build(), 2)


@BOUNDED
@given(layers("float32"))
def test_float32_is_within_tolerance(layer: Dense) -> None:
    assert_matches_reference(layer.build(), 2)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_no_undefined_behaviour(dtype: str) -> None:
    zero_point = 5 if dtype == "int8" else 0
    layer = Dense(dtype, (2, 2), 33, 7, False, "RELU", True, zero_point, seed=2)
    assert_matches_reference(layer.build(), 1, sanitize=True)


def test_input_of_higher_rank_is_flattened() -> None:
    """The last dimension of the input need not be in_features."""
    b = ModelBuilder()
    x = b.tensor((2, 3, 4), "int8", scale=0.1, zero_point=5)
    data = np.arange(-60, 60, 1).reshape(5, 24).astype(np.int8)
    w = b.tensor((5, 24), "int8", scale=0.01, data=data)
    y = b.tensor((1, 5), "int8", scale=0.4, zero_point=2)
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    assert_matches_reference(b.build([x], [y]), 4)


@pytest.mark.parametrize("weights_zero_point", [0, 1])
def test_each_unit_of_the_sum_counts(weights_zero_point: int) -> None:
    """An effective scale of one, so that an error of one in a sum is seen; rest of blocks too."""
    b = ModelBuilder()
    x = b.tensor((4, 3), "int8", scale=0.25, zero_point=2)
    data = np.random.default_rng(5).integers(-1, 2, (7, 3)).astype(np.int8)
    w = b.tensor((7, 3), "int8", scale=0.5, zero_point=weights_zero_point, data=data)
    c = b.tensor((7,), "int32", scale=0.125, data=np.arange(-3, 4, dtype=np.int32))
    y = b.tensor((4, 7), "int8", scale=0.25, zero_point=-4)
    b.op("FULLY_CONNECTED", [x, w, c], [y], version=4)
    assert_matches_reference(b.build([x], [y]), 8)


def _per_channel(zero_point: int) -> bytes:
    b = ModelBuilder()
    x = b.tensor((2, 8), "int8", scale=0.1, zero_point=5)
    data = np.random.default_rng(4).integers(-127, 128, (6, 8)).astype(np.int8)
    scales = [0.01, 0.02, 0.005, 0.04, 0.01, 0.03]
    w = b.tensor((6, 8), "int8", scale=scales, zero_point=zero_point, axis=0, data=data)
    c = b.tensor((6,), "int32", scale=[0.1 * s for s in scales], data=[5, -600, 70, 8, -9, 1000])
    y = b.tensor((2, 6), "int8", scale=0.5, zero_point=2)
    b.op("FULLY_CONNECTED", [x, w, c], [y], version=5)
    return b.build([x], [y])


def test_per_channel_weights() -> None:
    assert_matches_reference(_per_channel(0), 4)


def test_per_channel_weights_with_a_zero_point_are_refused() -> None:
    with pytest.raises(UnsupportedModel, match="per-channel weights with a zero point"):
        engine("aot").sources(Model.parse(_per_channel(3), "m"))
