"""int8 layers whose scales are powers of two: shifts give the multiplier's result, bit for bit."""

from __future__ import annotations

import ctypes
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hil.engines.aot.quant import quantize_multiplier, requantize
from hil.engines.registry import engine
from hil.resources import data_dir
from hil.tflite.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.host_model import assert_matches_reference
from tests.support.tflite_builder import ModelBuilder

INT32 = st.integers(-(2**31), 2**31 - 1)
_SHIFTS = """
#include "hil_quant.h"
int32_t multiplied(int32_t x, int32_t m, int32_t s) { return hil_requantize(x, m, s); }
int32_t shifted(int32_t x, int32_t right) { return hil_requantize_pot(x, right); }
int64_t differences(int32_t low, int32_t high, int32_t k) {
    int64_t count = 0;
    for (int64_t x = low; x <= high; x++) {
        count += multiplied((int32_t)x, 1 << 30, 1 - k) != shifted((int32_t)x, k - 2);
    }
    return count;
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    folder: Path = tmp_path_factory.mktemp("shifts")
    (folder / "shifts.c").write_text(_SHIFTS)
    include = data_dir("firmware_stubs") / "engines" / "aot"
    command = ["gcc", "-O2", "-shared", "-fPIC", f"-I{include}", "-o", folder / "shifts.so"]
    subprocess.run([*command, folder / "shifts.c"], check=True)
    library = ctypes.CDLL(str(folder / "shifts.so"))
    library.differences.restype = ctypes.c_int64
    return library


@pytest.mark.parametrize("k", range(2, 32))
def test_every_sum_up_to_2_to_the_18_and_the_ends_of_int32(library: ctypes.CDLL, k: int) -> None:
    end = 2**31 - 1
    for low, high in ((-(2**18), 2**18), (-end - 1, -end + 2**17), (end - 2**17, end)):
        assert library.differences(low, high, k) == 0


@settings(max_examples=500)
@given(x=INT32, k=st.integers(2, 31))
def test_any_sum(library: ctypes.CDLL, x: int, k: int) -> None:
    multiplier, shift = quantize_multiplier(2.0**-k)
    assert (multiplier, shift) == (1 << 30, 1 - k)
    assert library.shifted(x, k - 2) == requantize(x, multiplier, shift)


def convolution(w_scales: list[float], n_y: int, zero_points: tuple[int, int] = (0, 0)) -> bytes:
    rng = np.random.default_rng(1)
    channels = len(w_scales)
    b = ModelBuilder()
    x = b.tensor((1, 6, 5, 7), "int8", scale=2**-4, zero_point=zero_points[0])
    data = rng.integers(-127, 128, (channels, 3, 3, 7))
    w = b.tensor((channels, 3, 3, 7), "int8", scale=w_scales, axis=0, data=data)
    bias = rng.integers(-5000, 5000, channels)
    scale = (np.array(w_scales) * 2**-4).tolist()
    c = b.tensor((channels,), "int32", scale=scale, axis=0, data=bias)
    y = b.tensor((1, 6, 5, channels), "int8", scale=2.0**-n_y, zero_point=zero_points[1])
    b.op("CONV_2D", [x, w, c], [y], version=3, padding="SAME")
    return b.build([x], [y])


def lowered(model: bytes) -> tuple[str, int]:
    """Name of the kernel and bytes of its tables."""
    sources = engine("aot").sources(Model.parse(model, "m"))
    found = re.search(r"hil_conv2d_(\w+)\(", sources.files["model.c"])
    assert found
    return found[1], sources.tables_bytes


@pytest.mark.parametrize("n_y", [-4, 0, 1, 2, 3, 4, 8, 9, 10, 11, 12])
def test_layer_of_powers_of_two_equals_the_reference(n_y: int) -> None:
    """k from 15 down to -1: with shifts as long as they go to the right by two or more."""
    model = convolution([2**-7] * 6, n_y, (3, -5))
    assert lowered(model)[0] == ("s8_pot" if 4 + 7 - n_y >= 2 else "s8_any")
    assert_matches_reference(model, 3, sanitize=True)


def test_tables_hold_shifts_only_and_one_where_all_channels_agree() -> None:
    assert lowered(convolution([2**-7] * 6, 4)) == ("s8_pot", 1)
    assert lowered(convolution([2**-7, 2**-8] * 3, 4)) == ("s8_pot", 6)
    assert lowered(convolution([2**-7, 0.008] * 3, 4)) == ("s8", 6 * 8)


def test_channels_of_several_powers_of_two_equal_the_reference() -> None:
    assert_matches_reference(convolution([2.0**-n for n in range(3, 14)], 2, (-7, 9)), 3)
