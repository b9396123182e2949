"""Qm.n: fixed-point numbers of one width, and the rule that chooses their format.

The rule is that of MicroAI (Novac et al., "Quantization and Deployment of Deep Neural Networks on
Microcontrollers", Sensors 2021, 21, 2984): for the largest magnitude x of a tensor

    integer bits   i = floor(log2 x) + 1
    fraction bits  n = width - 1 - i          (one bit is the sign)
    integers       q = clip(floor(x * 2**n))

``i`` and ``n`` may be negative: numbers below 1/2 gain fraction bits, numbers that do not fit the
width lose their lowest integer bits. As an affine quantization it is scale 2**-n, zero point 0.
Written ``Qm.n`` the integer bits count the sign, as in the paper, so that both add up to the width.
"""

from __future__ import annotations

import math
import re

import numpy as np

from hil.errors import UsageError
from hil.records import Array

#: TFLite's rescaling shifts by at most 31 bits, and its RELU6 takes 6 / scale as an int32.
FRACTION_BITS_LIMIT = 28


def fraction_bits_for(magnitude: float, width: int) -> int:
    """Return the rule's fraction bits for a tensor whose largest absolute value is ``magnitude``.

    Zero has no logarithm; it takes no integer bits. Fraction bits stay within +-28.
    """
    # frexp: magnitude = m * 2**e with 1/2 <= m < 1, so e is floor(log2 magnitude) + 1, exactly.
    integer_bits = math.frexp(magnitude)[1]
    limit = FRACTION_BITS_LIMIT
    return min(max(width - 1 - integer_bits, -limit), limit)


def parse_format(text: str, width: int) -> int:
    """Return the fraction bits of ``Qm.n`` with m + n = ``width``, m at least 1 (the sign).

    Raises:
        UsageError: not of this form, or of another width.
    """
    found = re.fullmatch(r"[Qq]?(\d{1,3})\.(\d{1,3})", text.strip(), re.ASCII)
    example = f"such as Q{width - width // 2 - 1}.{width // 2 + 1}"
    if found is None:
        raise UsageError(
            f"'{text}' is not a fixed-point format",
            hint=f"give integer bits (with the sign) and fraction bits, {example}",
        )
    integer, fraction = int(found[1]), int(found[2])
    if integer + fraction != width or integer < 1:
        raise UsageError(
            f"{text} has {integer} + {fraction} bits, the scheme q{width} has {width}",
            hint=f"both numbers add up to {width}, the first counts the sign: {example}",
        )
    return fraction


def floored(values: Array, fraction_bits: int, low: int, high: int) -> Array:
    """Return clip(floor(values * 2**fraction_bits)) as int64."""
    exact = np.floor(np.ldexp(values.astype(np.float64), fraction_bits))
    integers: Array = np.clip(exact, low, high).astype(np.int64)
    return integers
