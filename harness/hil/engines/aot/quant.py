"""Host twins of the fixed-point arithmetic in ``firmware_stubs/engines/aot/hil_quant.h``.

Everything follows TFLite's reference kernels: tensorflow/lite/kernels/internal/quantization_util.cc
(QuantizeMultiplier) and tensorflow/lite/kernels/kernel_util.cc (activation ranges, effective
scales).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from hil.engines.aot.lower import refuse
from hil.engines.ctext import float_literal
from hil.tflite.graph import Graph, Op, Quantization, Tensor

#: Real bounds of fused activations, and of the ops of the same names.
BOUNDS: dict[str, tuple[float, float]] = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
_MAX_SCALE = 2.0**31  # the largest left shift of a multiplier in TFLite's kernels is 31
SUPPORTED_ACTIVATIONS = ", ".join(BOUNDS)


def round_half_away(value: float) -> int:
    """Round as C's ``round`` does: ties away from zero."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Split ``real`` >= 0 into (multiplier, shift): real ~ multiplier * 2**(shift - 31).

    ``multiplier`` is 0 or in [2**30, 2**31); ``shift`` > 0 is a left shift. Too small a number
    becomes (0, 0), as TFLite's QuantizeMultiplier has it.
    """
    if real == 0.0:
        return 0, 0
    mantissa, shift = math.frexp(real)
    fixed = round_half_away(mantissa * (1 << 31))
    if fixed == 1 << 31:
        fixed //= 2
        shift += 1
    if shift < -31:
        return 0, 0
    return fixed, shift


def quantize_multipliers(
    reals: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
    """:func:`quantize_multiplier` of each element: arrays of multipliers and of shifts."""
    pairs = [quantize_multiplier(float(real)) for real in reals]
    return (
        np.array([multiplier for multiplier, _ in pairs], dtype=np.int32),
        np.array([shift for _, shift in pairs], dtype=np.int8),
    )


def requantize(value: int, multiplier: int, shift: int) -> int:
    """Twin of ``hil_requantize``: value * multiplier * 2**(shift - 31), rounded twice."""
    left, right = max(shift, 0), max(-shift, 0)
    scaled = _wrap32(value << left)
    high = (scaled * multiplier + (1 << 30)) >> 31
    mask = (1 << right) - 1
    threshold = (mask >> 1) + (high < 0)
    return (high >> right) + ((high & mask) > threshold)


def _wrap32(value: int) -> int:
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


def wrap_int32(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Reduce to int32 modulo 2**32, as the device's adder does."""
    return values.astype(np.uint64).astype(np.uint32).view(np.int32)


def quantization(op: Op, tensor: Tensor) -> Quantization:
    """Return the tensor's quantization; refuse the op if it has none."""
    if tensor.quantization is None or tensor.quantization.scale.size == 0:
        refuse(op, f"{tensor.dtype} tensor {tensor.index} has no scale", "quantized tensors")
    scale = tensor.quantization.scale
    if not (np.isfinite(scale).all() and (scale > 0).all()):
        refuse(op, f"tensor {tensor.index} has a scale that is not positive", "scales above zero")
    return tensor.quantization


def scale_zero_point(op: Op, tensor: Tensor) -> tuple[float, int]:
    """Return the one (scale, zero point) of a per-tensor quantized tensor, else refuse.

    The scale is the file's float32, as a Python float (exactly).
    """
    q = quantization(op, tensor)
    if q.per_channel:
        refuse(op, f"tensor {tensor.index} has several scales", "per-tensor activations")
    return float(q.scale[0]), int(q.zero_point[0])


def effective_scales(
    op: Op, graph: Graph, channels: int, *, float32_product: bool = False
) -> npt.NDArray[np.float64]:
    """Input scale * weights scale / output scale for each of ``channels``, in double precision.

    For ops with inputs (activation, weights, ...) and one output; weights per tensor or channel.
    ``float32_product``: the first product is one of float32, as TFLite computes it where an op has
    one scale for all its weights (GetQuantizedConvolutionMultipler).
    """
    in_scale, _ = scale_zero_point(op, graph.tensors[op.inputs[0]])
    out_scale, _ = scale_zero_point(op, graph.tensors[op.outputs[0]])
    weights = quantization(op, graph.tensors[op.inputs[1]])
    if weights.scale.size not in (1, channels):
        refuse(
            op,
            f"{weights.scale.size} weight scales for {channels} output channels",
            "one scale, or one for each output channel",
        )
    scales = np.broadcast_to(weights.scale.astype(np.float64), (channels,))
    products = in_scale * scales
    with np.errstate(over="ignore", invalid="ignore"):
        if float32_product:
            products = products.astype(np.float32).astype(np.float64)
        result: npt.NDArray[np.float64] = products / out_scale
    if not (result < _MAX_SCALE).all():  # NaN is not
        refuse(op, f"a ratio of scales of {result.max():g}", f"ratios below {_MAX_SCALE:g}")
    return result


def exponent_of_two(value: float) -> int | None:
    """n where ``value`` is exactly 2**n, else None."""
    mantissa, exponent = math.frexp(value)
    return exponent - 1 if mantissa == 0.5 else None


def checked_log2(scale: float) -> int | None:
    """n where TFLite takes ``scale`` for 2**n: log2 within 0.001 of n (CheckedLog2), else None."""
    log2 = float(np.float32(np.log(np.float32(scale))) * np.float32(1 / math.log(2.0)))
    exponent = round_half_away(log2)
    return exponent if abs(log2 - exponent) < 1e-3 else None


def activation_bounds(op: Op) -> tuple[float, float]:
    """Real bounds of the op's fused activation; refuses one that kernels do not fuse."""
    name = str(op.options.get("fused_activation_function", "NONE"))
    if name not in BOUNDS:
        refuse(op, f"fused activation {name}", f"fused activations {SUPPORTED_ACTIVATIONS}")
    return BOUNDS[name]


def activation_range(op: Op, output: Tensor) -> tuple[int, int]:
    """Quantized [act_min, act_max] of the op's fused activation for an int8 or int16 output."""
    scale, zero_point = scale_zero_point(op, output)
    return quantized_range(activation_bounds(op), scale, zero_point, output.dtype)


def quantized_range(
    bounds: tuple[float, float], scale: float, zero_point: int, dtype: str
) -> tuple[int, int]:
    """Quantize real bounds, limited to the range of ``dtype``.

    float32 division, ties away from zero (CalculateActivationRangeQuantized).
    """
    low, high = bounds
    info = np.iinfo(dtype)

    def quantized(bound: float) -> int:
        with np.errstate(over="ignore"):
            steps = float(np.float32(bound) / np.float32(scale))
        beyond = 2 * (info.max - info.min)  # of a scale so small that the bound has no number
        return zero_point + round_half_away(min(max(steps, -beyond), beyond))

    act_min = info.min if low == -math.inf else max(info.min, quantized(low))
    act_max = info.max if high == math.inf else min(info.max, quantized(high))
    return act_min, act_max


def activation_range_f32(op: Op) -> tuple[str, str]:
    """C literals of [act_min, act_max] for a float32 output."""
    low, high = activation_bounds(op)
    return float_literal(low), float_literal(high)
