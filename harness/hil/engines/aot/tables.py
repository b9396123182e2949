"""Look-up tables that the aot engine computes ahead of time, exactly as TFLite's reference does.

A function of one 8-bit input is a table of 256 bytes, indexed by the input's bits. Each builder
repeats the arithmetic of the reference kernel, float32 operations included, value by value.
Sources in TensorFlow 2.14, below tensorflow/lite/kernels: activations.cc, quantize.cc,
internal/common.h (LUTPopulate), internal/reference/{hard_swish,leaky_relu,requantize,softmax}.h,
internal/quantization_util.cc; fixed-point functions: gemmlowp fixedpoint/fixedpoint.h.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import math
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from hil.engines.aot.quant import quantize_multiplier, quantized_range, requantize, round_half_away

Bytes = npt.NDArray[np.uint8]
_F32 = np.float32
_ROOT_BITS = 20  # fractional bits of a root before it is scaled


class Rescaling(NamedTuple):
    """Scales and zero points of an op's input and output."""

    in_scale: float
    in_zero_point: int
    out_scale: float
    out_zero_point: int


def build(function: Callable[[int], int], input_min: int, low: int, high: int) -> Bytes:
    """Tabulate ``function`` over the 256 inputs from ``input_min`` on, clamped to [low, high].

    Returns 256 bytes, indexed by the input's bit pattern; negative outputs as two's complement.
    """
    table = np.zeros(256, dtype=np.uint8)
    for value in range(input_min, input_min + 256):
        table[value & 0xFF] = min(max(function(value), low), high) & 0xFF
    return table


def logistic(io: Rescaling) -> Bytes:
    """Table of LOGISTIC on int8."""
    one = _F32(1)

    def transform(x: np.float32) -> np.float32:
        with np.errstate(over="ignore"):
            return _F32(one / (one + _libm("expf")(_F32(-x))))

    return _transformed(transform, io)


def tanh(io: Rescaling) -> Bytes:
    """Table of TANH on int8."""
    return _transformed(_libm("tanhf"), io)


def exp(io: Rescaling) -> Bytes:
    """Table of EXP on int8."""
    return _transformed(_libm("expf"), io)


def elu(io: Rescaling) -> Bytes:
    """Table of ELU on int8."""
    one = _F32(1)

    def transform(x: np.float32) -> np.float32:
        return _F32(_libm("expf")(x) - one) if x < 0 else x

    return _transformed(transform, io)


def absolute(io: Rescaling) -> Bytes:
    """Table of ABS on int8; it is scaled only where the scales differ."""
    multiplier, shift = quantize_multiplier(float(_F32(io.in_scale) / _F32(io.out_scale)))
    rescaled = io.in_scale != io.out_scale

    def function(value: int) -> int:
        magnitude = abs(value - io.in_zero_point)
        if rescaled:
            magnitude = requantize(magnitude, multiplier, shift)
        return magnitude + io.out_zero_point

    return build(function, -128, -128, 127)


def rsqrt(io: Rescaling) -> Bytes:
    """Table of RSQRT on int8, in fixed point; the root of 0 gives the largest number."""
    multiplier, shift = quantize_multiplier(rsqrt_ratio(io))

    def function(value: int) -> int:
        if value <= io.in_zero_point:
            return 127
        root_multiplier, root_shift = _inverse_root(value - io.in_zero_point)
        root = requantize(1, root_multiplier, root_shift + _ROOT_BITS)
        return requantize(root, multiplier, shift - _ROOT_BITS) + io.out_zero_point

    return build(function, -128, -128, 127)


def rsqrt_ratio(io: Rescaling) -> float:
    """Steps of RSQRT's output for an input of 1, its products in float32 as the reference's."""
    return 1.0 / float(np.sqrt(_F32(io.in_scale)) * _F32(io.out_scale))


def relu(io: Rescaling, bounds: tuple[float, float]) -> Bytes:
    """Table of RELU, RELU6 or RELU_N1_TO_1 (``bounds`` in real numbers) on int8."""
    multiplier, shift = quantize_multiplier(float(_F32(io.in_scale) / _F32(io.out_scale)))
    low, high = quantized_range(bounds, io.out_scale, io.out_zero_point, "int8")

    def function(value: int) -> int:
        scaled = requantize(value - io.in_zero_point, multiplier, shift) + io.out_zero_point
        return min(max(scaled, low), high)

    return build(function, -128, -128, 127)


def leaky_relu(io: Rescaling, alpha: float) -> Bytes:
    """Table of LEAKY_RELU on int8; ``alpha`` may be negative."""
    identity = quantize_multiplier(float(_F32(io.in_scale) / _F32(io.out_scale)))
    slope = quantize_multiplier(float(_F32(io.in_scale) * _F32(alpha) / _F32(io.out_scale)))

    def function(value: int) -> int:
        centred = value - io.in_zero_point
        multiplier, shift = identity if centred >= 0 else slope
        return requantize(centred, multiplier, shift) + io.out_zero_point

    return build(function, -128, -128, 127)


def requantized(io: Rescaling, in_signed: bool = True, out_signed: bool = True) -> Bytes:
    """Table of QUANTIZE between two 8-bit types."""
    multiplier, shift = quantize_multiplier(io.in_scale / io.out_scale)

    def function(value: int) -> int:
        return requantize(value - io.in_zero_point, multiplier, shift) + io.out_zero_point

    low = -128 if out_signed else 0
    return build(function, -128 if in_signed else 0, low, low + 255)


def hard_swish(io: Rescaling) -> Bytes | None:
    """Table of HARD_SWISH on int8, or None where the reference kernel refuses the scales.

    It refuses where input scale / 128 / output scale is 1 or more.
    """
    hires_scale = _F32(1.0 / 128.0) * _F32(io.in_scale)
    out_multiplier, out_exponent = quantize_multiplier(float(hires_scale / _F32(io.out_scale)))
    reluish_scale = _F32(3.0) / _F32(32768.0)
    reluish_multiplier, reluish_exponent = quantize_multiplier(float(hires_scale / reluish_scale))
    if out_exponent > 0:
        return None
    out_multiplier16 = _multiplier16(out_multiplier)
    reluish_multiplier16 = _multiplier16(reluish_multiplier)

    def function(value: int) -> int:
        hires = _wrap16((value - io.in_zero_point) * 128)
        gate = hires
        if reluish_exponent > 0:
            gate = _saturate16(gate << (reluish_exponent - 1))
        gate = _high_mul16(gate, reluish_multiplier16)
        if reluish_exponent > 0:
            gate = _saturate16(gate << 1)
        elif reluish_exponent < 0:
            gate = _rounding_shift16(gate, -reluish_exponent)
        gate = (gate + 32768) >> 1
        preshift = _truncating_high_mul16(gate, _high_mul16(hires, out_multiplier16))
        return _wrap16(_rounding_shift16(preshift, -out_exponent) + io.out_zero_point)

    return build(function, -128, -128, 127)


def softmax_exponentials(in_scale: float, beta: float) -> npt.NDArray[np.int32]:
    """exp(-d * in_scale * beta) in Q0.31 for distances d = 0, 1, ... below a row's maximum.

    Ends after the last distance (255 at most) whose exponential is not 0: farther elements count
    for nothing in the reference kernel too.
    """
    real = min(beta * in_scale * (1 << 26), (1 << 31) - 1.0)
    multiplier, left_shift = quantize_multiplier(real)
    radius = math.floor(31.0 * (1 << 26) / 2.0**left_shift)
    values = [
        _exp_on_negative_values(requantize(-distance, multiplier, left_shift))
        for distance in range(min(radius, 255) + 1)
    ]
    while values[-1] == 0:
        values.pop()
    return np.array(values, dtype=np.int32)


def _transformed(transform: Callable[[np.float32], np.float32], io: Rescaling) -> Bytes:
    """Tabulate a float32 function, as LUTPopulate does it (all in float32)."""
    inverse_scale = _F32(1) / _F32(io.out_scale)

    def function(value: int) -> int:
        transformed = transform(_F32(io.in_scale) * _F32(value - io.in_zero_point))
        rescaled = round_half_away(float(transformed * inverse_scale))
        return int(_F32(rescaled) + _F32(io.out_zero_point))

    return build(function, -128, -128, 127)


@cache
def _libm(name: str) -> Callable[[np.float32], np.float32]:
    """Return the C library's float32 function, which the reference kernels call on this host.

    Without such a library: the float64 function, rounded, which differs from a C library's in the
    last bit at most.
    """
    path = ctypes.util.find_library("m")
    if path is None:
        wide = {"expf": math.exp, "tanhf": math.tanh}[name]
        return lambda x: _F32(wide(min(float(x), 709.0)))  # exp overflows float64 beyond
    function = getattr(ctypes.CDLL(path), name)
    function.restype = ctypes.c_float
    function.argtypes = [ctypes.c_float]
    return lambda x: _F32(function(float(x)))


def _wrap16(value: int) -> int:
    return (value + (1 << 15)) % (1 << 16) - (1 << 15)


def _saturate16(value: int) -> int:
    return min(max(value, -32768), 32767)


def _multiplier16(multiplier: int) -> int:
    """Round a Q0.31 multiplier to Q0.15 (DownScaleInt32ToInt16Multiplier)."""
    return min((multiplier + (1 << 15)) >> 16, 32767)


def _high_mul16(a: int, b: int) -> int:
    """round(a * b / 2**15), saturated."""
    return _saturate16((a * b + (1 << 14)) >> 15)


def _truncating_high_mul16(a: int, b: int) -> int:
    """a * b / 2**15 towards zero, saturated."""
    product = a * b
    return _saturate16(abs(product) // (1 << 15) * (1 if product >= 0 else -1))


def _rounding_shift16(value: int, exponent: int) -> int:
    """gemmlowp's RoundingDivideByPOT on int16, whose mask has 16 bits."""
    mask = _wrap16((1 << exponent) - 1)
    remainder = value & mask
    threshold = (mask >> 1) + (value < 0)
    return (value >> exponent) + (remainder > threshold)


def _high_mul(a: int, b: int) -> int:
    """round(a * b / 2**31), saturated."""
    return min((a * b + (1 << 30)) >> 31, (1 << 31) - 1)


def _rounding_shift(value: int, exponent: int) -> int:
    mask = (1 << exponent) - 1
    return (value >> exponent) + ((value & mask) > (mask >> 1) + (value < 0))


def _inverse_root(value: int) -> tuple[int, int]:
    """1 / sqrt(value) as (multiplier, shift), for 1 <= value < 2**16.

    Five steps of Newton's method in Q3.28 (GetInvSqrtQuantizedMultiplierExp of common.h).
    """
    if value == 1:
        return (1 << 31) - 1, 0
    pairs = (31 - value.bit_length()) // 2 - 1
    half = _rounding_shift((value << 2 * pairs) >> 1, 1)
    y = 1 << 28
    for _ in range(5):
        cubed = _high_mul(_high_mul(y, y), y) << 6
        y = (_high_mul(3 << 27, y) - _high_mul(half, cubed)) << 3
    right = 11 - pairs
    y = _high_mul(y, round_half_away(math.sqrt(0.5) * (1 << 31)))
    return (y << -right, 0) if right < 0 else (y, -right)


def _exp_on_negative_values(value: int) -> int:
    """exp(x) in Q0.31 for x <= 0 in Q5.26.

    x is split into a part in [-1/4, 0), whose exponential is a Taylor polynomial around -1/8, and
    a multiple of 1/4, each bit of which is one more factor.
    """
    if value == 0:
        return (1 << 31) - 1
    quarter = 1 << 24
    rest = (value & (quarter - 1)) - quarter
    result = _exp_near_zero(rest << 5)
    remainder = rest - value
    for exponent in range(-2, 5):
        if remainder & (1 << (26 + exponent)):
            factor = round_half_away(math.exp(-(2.0**exponent)) * (1 << 31))
            result = _high_mul(result, factor)
    return result


def _exp_near_zero(value: int) -> int:
    """exp(x) in Q0.31 for x in [-1/4, 0) in Q0.31."""
    exp_minus_eighth = round_half_away(math.exp(-1.0 / 8.0) * (1 << 31))
    third = round_half_away((1 << 31) / 3.0)
    x = value + (1 << 28)
    x2 = _high_mul(x, x)
    x3 = _high_mul(x2, x)
    x4 = _high_mul(x2, x2)
    tail = _rounding_shift(_high_mul(_rounding_shift(x4, 2) + x3, third) + x2, 1)
    return exp_minus_eighth + _high_mul(exp_minus_eighth, x + tail)
