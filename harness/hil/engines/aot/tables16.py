"""Look-up tables of functions of one int16 value, as TFLite's reference kernels interpolate them.

Sources in TensorFlow 2.14, below tensorflow/lite/kernels: internal/common.h (LUTPopulate for
int16, the sigmoid's table), activations.cc (SoftmaxPrepare, LogisticPrepare, TanhPrepare).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from hil.engines.aot.quant import checked_log2, round_half_away

Int16s = npt.NDArray[np.int16]

_STEPS = 512  # of an interpolated table; one more point ends the last step
_EXP_SPAN = 10.0  # exp(-10) is less than one unit of Q0.15
_SIGMOID_POINTS = 256
_SIGMOID_STEP = 1 / 24
_LARGEST_STEPS_MULTIPLIER = 65536.0  # times an int16 stays below 2**31


def softmax_exponential() -> Int16s:
    """exp(x) on [-10, 0] in Q0.15."""
    return _interpolated(math.exp, -_EXP_SPAN, 0.0)


def softmax_reciprocal() -> Int16s:
    """1 / (1 + x) on [0, 1] in Q0.15."""
    return _interpolated(lambda x: 1.0 / (1.0 + x), 0.0, 1.0)


def softmax_ratio(in_scale: float, beta: float) -> float:
    """The factor of a distance in the input, so that -65535 means -10."""
    return float(np.float32(in_scale) * np.float32(beta)) / (_EXP_SPAN / 65535.0)


def sigmoid() -> npt.NDArray[np.uint16]:
    """1 / (1 + exp(-x)) at multiples of 1/24 in Q0.16.

    Each point is raised by half of what a straight line to the next one falls short of the sigmoid
    in the middle; the last point is the largest number of 16 bits.
    """

    def value(position: float) -> float:
        return 65536.0 / (1.0 + math.exp(-position * _SIGMOID_STEP))

    points = []
    for i in range(_SIGMOID_POINTS):
        error = (value(i) + value(i + 1)) / 2 - value(i + 0.5)
        points.append(round_half_away(value(i) - error / 2))
    points[-1] = 65535
    return np.array(points, dtype=np.uint16)


def sigmoid_steps(in_scale: float, largest_power: int) -> tuple[int, int] | None:
    """(multiplier, shift) that bring an input to units of 1/12288; None where they overflow.

    Scales of 2**-12, and up to ``largest_power`` doublings of it, are exact.
    """
    exponent = checked_log2(in_scale)
    if exponent is not None and 0 <= 12 + exponent <= largest_power:
        return 3 << (12 + exponent), 0
    multiplier, shift = in_scale * 4096.0 * 3.0, 0
    if multiplier >= _LARGEST_STEPS_MULTIPLIER:
        return None
    while multiplier <= 32767.0 / 2.0 and shift <= 30:
        multiplier *= 2.0
        shift += 1
    return int(multiplier), shift


def _interpolated(function: Callable[[float], float], low: float, high: float) -> Int16s:
    """``function`` in Q0.15 at 513 points over all int16 values, which map to [low, high].

    Each point is moved by half of the error that a straight line to the next one has in the middle.
    All in double precision, with the reference's scales of a range of 65535 steps.
    """
    step = (high - low) / _STEPS
    scale = 65536.0 / (2.0 / 65535.0 * 65535.0)

    def rounded(x: float) -> int:
        return round_half_away(function(x) * scale)

    points = []
    for i in range(_STEPS):
        following = function(low + (i + 1) * step) * scale
        middle = round_half_away((following + rounded(low + i * step)) / 2)
        error = middle - rounded(low + i * step + step / 2)
        points.append(rounded(low + i * step) - round_half_away(error / 2))
    points.append(rounded(high))
    return np.clip(points, -32768, 32767).astype(np.int16)
