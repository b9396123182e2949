"""int8 layers whose shifts all go to the right: bias and shift in one word, multiplier in another.

The arithmetic is compared with ``hil_requantize``; which layers take it, and that those which
cannot still equal the reference, is looked at from outside.
"""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hil.engines.aot.quant import requantize
from hil.engines.registry import engine
from hil.resources import data_dir
from hil.tflite.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.host_model import assert_matches_reference
from tests.support.tflite_builder import ModelBuilder

_PACKED = """
#include "hil_quant.h"
int32_t packed(int32_t sum, int32_t word, int32_t m, int32_t more) {
    return hil_requantize_packed(sum, word, m, more);
}
int64_t differences(int32_t low, int32_t high, int32_t m, int32_t right) {
    int64_t count = 0;
    for (int32_t x = low; x <= high; x++) {
        count += hil_requantize(x, m, -right) != packed(x, right, m, 0);
    }
    return count;
}
"""
LARGEST = 2**30 - 1


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder: Path = tmp_path_factory.mktemp("packed")
    (folder / "packed.c").write_text(_PACKED)
    include = data_dir("firmware_stubs") / "engines" / "aot"
    command = ["gcc", "-O2", "-shared", "-fPIC", f"-I{include}", "-o", folder / "packed.so"]
    subprocess.run([*command, folder / "packed.c"], check=True)
    library = ctypes.CDLL(str(folder / "packed.so"))
    library.differences.restype = ctypes.c_int64
    return library


@pytest.mark.parametrize("right", [1, 2, 7, 12, 30, 31])
@pytest.mark.parametrize("multiplier", [0, 1 << 30, (1 << 30) + 1, 1518500250, (1 << 31) - 1])
def test_sums_around_zero_and_at_the_ends(
    library: ctypes.CDLL, multiplier: int, right: int
) -> None:
    for low, high in ((-(2**17), 2**17), (-LARGEST, -LARGEST + 2**15), (LARGEST - 2**15, LARGEST)):
        assert library.differences(low, high, multiplier, right) == 0


@settings(max_examples=500)
@given(
    total=st.integers(-LARGEST, LARGEST),
    bias=st.integers(-(2**23), 2**23 - 1),
    multiplier=st.integers(1 << 30, (1 << 31) - 1),
    right=st.integers(1, 31),
    more=st.integers(-128, 127),
)
def test_any_sum_bias_and_multiplier(
    library: ctypes.CDLL, total: int, bias: int, multiplier: int, right: int, more: int
) -> None:
    found = library.packed(total - bias, bias << 8 | right, multiplier, more)
    assert found == requantize(total, multiplier, -right) + more


def layer(
    w_scale: float,
    bias: int,
    activation: str = "NONE",
    weights: npt.NDArray[np.int8] | None = None,
) -> bytes:
    rng = np.random.default_rng(1)
    if weights is None:
        weights = rng.integers(-127, 128, (5, 3, 3, 6), dtype=np.int8)
    b = ModelBuilder()
    x = b.tensor((1, 5, 5, weights.shape[3]), "int8", scale=0.1, zero_point=3)
    scales = [w_scale, 0.013, 0.02, 0.011, 0.017]
    w = b.tensor(weights.shape, "int8", scale=scales, axis=0, data=weights)
    data = np.array([bias, 100, -3000, 0, 7])
    c = b.tensor((5,), "int32", scale=[0.1 * s for s in scales], axis=0, data=data)
    y = b.tensor((1, 5, 5, 5), "int8", scale=0.3, zero_point=-7)
    b.op("CONV_2D", [x, w, c], [y], version=3, padding="SAME", fused_activation_function=activation)
    return b.build([x], [y])


@pytest.mark.parametrize(
    ("w_scale", "bias", "variant"),
    [
        (0.012, -50_000, "s8"),
        (1e-12, 0, "s8"),  # a multiplier of zero
        (1.4, 0, "s8"),  # a scale just below a half
        (1.6, 0, "s8_any"),  # no shift
        (9.0, 0, "s8_any"),  # a shift to the left
        (3.5e-6, 8_300_000, "s8"),
        (3.5e-6, 8_500_000, "s8_any"),  # more than 24 bits
    ],
)
@pytest.mark.parametrize("activation", ["NONE", "RELU6"])
def test_layers_equal_the_reference(
    w_scale: float, bias: int, variant: str, activation: str
) -> None:
    model = layer(w_scale, bias, activation)
    assert variant_of(model) == variant
    assert_matches_reference(model, 3, sanitize=True)


def variant_of(model: bytes) -> str:
    text = engine("aot").sources(Model.parse(model, "m")).files["model.c"]
    (variant,) = re.findall(r"hil_conv2d_(\w+)\(", text)
    return str(variant)


@pytest.mark.parametrize(
    ("even", "odd", "variant"),
    [
        (127, -128, "s8"),  # a halfword of -32641
        (-128, -127, "s8"),  # -32640
        (0, -128, "s8"),  # -32768, the least that there is
        (-1, -128, "s8_any"),  # -32769
    ],
)
def test_weights_that_share_a_halfword(even: int, odd: int, variant: str) -> None:
    weights = np.random.default_rng(2).integers(-20, 20, (5, 3, 3, 6), dtype=np.int8)
    weights[2, 1, 0, 3], weights[3, 1, 0, 3] = even, odd
    weights[4] = -128  # a channel outside of a block of four may have any
    model = layer(0.012, 7, "NONE", weights)
    assert variant_of(model) == variant
    assert_matches_reference(model, 3, sanitize=True)


@pytest.mark.parametrize(("depth", "variant"), [(57, "s8"), (58, "s8_any")])
def test_sums_of_24_bits(depth: int, variant: str) -> None:
    """9 * 57 * 127 * 128 has 24 bits with its sign, 9 * 58 * 127 * 128 has not."""
    weights = np.full((5, 3, 3, depth), 127, dtype=np.int8)
    weights[1], weights[3] = -127, 127
    model = layer(0.012, 0, "NONE", weights)
    assert variant_of(model) == variant
    assert_matches_reference(model, 3, sanitize=True)


@pytest.mark.parametrize("activation", ["NONE", "RELU6"])
@pytest.mark.parametrize("bias", [2**30, -(2**30), 8_500_000])
def test_a_channel_that_is_saturated_for_every_input(bias: int, activation: str) -> None:
    """Its bias and scale do not keep the layer from the small tables, and its weights are zeros."""
    model = layer(1.6, bias, activation)
    assert variant_of(model) == "s8"
    assert_matches_reference(model, 3, sanitize=True)


def test_a_channel_that_is_not_quite_saturated() -> None:
    weights = np.zeros((5, 3, 3, 6), dtype=np.int8)
    weights[0, 0, 0, 0] = 1  # 0.12 * 128 quanta around what the bias gives
    assert variant_of(layer(0.36, 1050, "NONE", weights)) == "s8"
    assert variant_of(layer(3.0, 128, "NONE", weights)) == "s8_any"
    assert variant_of(layer(3.0, 1050, "NONE", weights)) == "s8"
    for bias in (128, 262, 263, 264, 1050):
        assert_matches_reference(layer(3.0, bias, "NONE", weights), 3, sanitize=True)
