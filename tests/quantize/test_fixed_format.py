from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hil.errors import UsageError
from hil.quantization.fixed_format import floored, fraction_bits_for, parse_format
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("magnitude", "integer_bits"),
    [
        (1.0, 1),
        (0.999, 0),
        (0.5, 0),
        (0.499, -1),
        (3.2, 2),
        (4.0, 3),
        (127.9, 7),
        (128.0, 8),
        (2.0**-10, -9),
        (0.0, 0),
    ],
)
def test_the_rule_by_hand(magnitude: float, integer_bits: int) -> None:
    """i = floor(log2 x) + 1, n = width - 1 - i; zero takes no integer bits."""
    assert fraction_bits_for(magnitude, 8) == 7 - integer_bits
    assert fraction_bits_for(magnitude, 16) == 15 - integer_bits


@given(st.floats(2.0**-13, 2.0**35, exclude_max=True), st.sampled_from([8, 16]))
def test_the_largest_magnitude_fits_and_uses_every_bit(magnitude: float, width: int) -> None:
    high, low = floored(
        np.array([magnitude, -magnitude]), fraction_bits_for(magnitude, width), -(2**31), 2**31
    )
    assert 2 ** (width - 2) <= high < 2 ** (width - 1)
    assert -(2 ** (width - 1)) <= low < -(2 ** (width - 2)) + 1


@given(st.sampled_from([8, 16]), st.floats(-(2.0**20), 2.0**20))
def test_integers_lie_at_most_one_step_below(width: int, value: float) -> None:
    bits, limit = fraction_bits_for(abs(value), width), 1 << (width - 1)
    (q,) = floored(np.array([value]), bits, -limit, limit - 1)
    scale = Fraction(2) ** -bits
    assert 0 <= Fraction(value) - int(q) * scale < scale


def test_values_are_floored_and_clipped() -> None:
    q = floored(np.array([0.99, -0.01, 7.96, 8.0, -8.0, -8.01]), 4, -128, 127)
    assert q.tolist() == [15, -1, 127, 127, -128, -128]


@pytest.mark.parametrize(
    ("text", "bits"), [("Q7.9", 9), ("q1.15", 15), ("16.0", 0), (" Q2.14 ", 14)]
)
def test_formats_are_read(text: str, bits: int) -> None:
    assert parse_format(text, 16) == bits


@pytest.mark.parametrize("text", ["Q7.9", "Q8.1", "Q0.8", "Q7", "7", "", "Qx.y", "Q-1.9", "Q1.7.1"])
def test_formats_that_are_none_of_the_width_say_so(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_format(text, 8)
    assert "such as Q3.5" in caught.value.hint


@pytest.mark.parametrize("magnitude", [1e-30, 1e30])
def test_absurd_magnitudes_stay_in_reach_of_the_kernels(magnitude: float) -> None:
    assert abs(fraction_bits_for(magnitude, 16)) == 28
