"""TRANSPOSE_CONV. Sources: tensorflow/lite/kernels/transpose_conv.cc, internal/reference/
transpose_conv.h and integer_ops/transpose_conv.h.

The reference spreads each input element over the output; here each output element gathers the same
products, so that no buffer of sums is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.checks import input_tensor, no_zero_points, output_tensor, same_dtype
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import SUFFIX, Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import (
    activation_range,
    activation_range_f32,
    quantization,
    quantize_multipliers,
    scale_zero_point,
)
from hil.tflite.graph import Graph, Op, Tensor

_BIAS = {"int8": "int32", "int16": "int64", "float32": "float32"}
_MAX_RATIO_INT16 = 2.0**7  # the largest left shift of TensorFlow Lite's 64-bit requantization
_WIDEST_SUM = 1 << 47


@lowers("TRANSPOSE_CONV")
def lower_transpose_conv(op: Op, graph: Graph) -> Lowered:
    """Inputs are (output shape, weights [out_c, h, w, in_c], image) and an optional bias."""
    weights, source = input_tensor(op, graph, 1), input_tensor(op, graph, 2)
    output = output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), tuple(SUFFIX))
    same_dtype(op, (weights,), ("int8" if dtype == "int16" else dtype,))
    if weights.data is None:
        refuse(op, "weights computed at run time", "constant weights")
    if dtype == "int16" and (len(op.inputs) < 4 or op.inputs[3] < 0):
        refuse(op, "int16 without a bias", "int16 with a bias of int64")
    fields: dict[str, Value] = {
        "window": _window(op, source, weights, output),
        "weights": "{weights}",
        "bias": "{bias}",
    }
    bias = _bias(op, graph, output.shape[3], _BIAS[dtype])
    constants = {"weights": Constant(weights.data, "weights"), "bias": Constant(bias, "weights")}
    if dtype == "int8":
        multiplier, shift = quantize_multipliers(_scales(op, source, weights, output))
        act_min, act_max = activation_range(op, output)
        constants["multiplier"] = Constant(multiplier, "tables")
        constants["shift"] = Constant(shift, "tables")
        fields |= {
            "multiplier": "{multiplier}",
            "shift": "{shift}",
            "input_zero_point": scale_zero_point(op, source)[1],
            "output_zero_point": scale_zero_point(op, output)[1],
            "act_min": act_min,
            "act_max": act_max,
        }
    elif dtype == "int16":
        fields |= _int16_fields(op, source, weights, output, bias, constants)
    else:
        low, high = activation_range_f32(op)
        fields |= {"act_min": low, "act_max": high}
    return kernel_call(
        f"transpose_conv_{SUFFIX[dtype]}",
        fields,
        "transpose_conv.c",
        operands="{in2}, {out0}",
        constants=constants,
    )


def _int16_fields(
    op: Op,
    source: Tensor,
    weights: Tensor,
    output: Tensor,
    bias: npt.NDArray[Any],
    constants: dict[str, Constant],
) -> dict[str, Value]:
    """64-bit sums and multipliers of 15 bits."""
    no_zero_points(op, (source, output))
    scales = _scales(op, source, weights, output)
    if not (scales < _MAX_RATIO_INT16).all():
        refuse(op, f"a ratio of scales of {scales.max():g}", f"ratios below {_MAX_RATIO_INT16:g}")
    assert weights.data is not None
    taps = np.abs(weights.data.astype(np.int64)).reshape(len(bias), -1).sum(axis=1)
    if np.max(taps.astype(np.float64) * 32768 + np.abs(bias.astype(np.float64))) >= _WIDEST_SUM:
        refuse(op, "sums of more than 47 bits", "sums below 2**47")
    multiplier, shift = quantize_multipliers(scales)
    reduced = np.minimum((multiplier.astype(np.int64) + (1 << 15)) >> 16, 0x7FFF)
    constants["multiplier"] = Constant(reduced.astype(np.int32), "tables")
    constants["shift"] = Constant((15 - shift).astype(np.int8), "tables")
    act_min, act_max = activation_range(op, output)
    return {
        "multiplier": "{multiplier}",
        "shift": "{shift}",
        "act_min": act_min,
        "act_max": act_max,
    }


def _window(op: Op, source: Tensor, weights: Tensor, output: Tensor) -> dict[str, Value]:
    if {len(t.shape) for t in (source, weights, output)} != {4}:
        refuse(op, f"shapes {source.shape}, {weights.shape}", "images and weights of rank 4")
    batches, in_h, in_w, in_c = source.shape
    out_c, kernel_h, kernel_w, depth = weights.shape
    _, out_h, out_w, _ = output.shape
    if output.shape[0] != batches or output.shape[3] != out_c or depth != in_c:
        refuse(op, f"{weights.shape} from {source.shape} to {output.shape}", "shapes that agree")
    strides = int(op.options.get("stride_h", 1)), int(op.options.get("stride_w", 1))
    padding = op.options.get("padding", "VALID")
    if min(strides) < 1 or padding not in ("SAME", "VALID"):
        refuse(op, f"strides {strides}, padding {padding}", "strides from 1 on, SAME and VALID")
    return {
        **{"batches": batches, "in_h": in_h, "in_w": in_w, "in_c": in_c},
        **{"out_h": out_h, "out_w": out_w, "out_c": out_c},
        **{"kernel_h": kernel_h, "kernel_w": kernel_w},
        **{"stride_h": strides[0], "stride_w": strides[1]},
        "pad_top": _pad(out_h, in_h, kernel_h, strides[0], str(padding)),
        "pad_left": _pad(out_w, in_w, kernel_w, strides[1], str(padding)),
    }


def _pad(out_size: int, in_size: int, kernel: int, stride: int, padding: str) -> int:
    """Padding of the convolution from the output to the input (padding.h)."""
    covered = -(-out_size // stride)
    if padding == "VALID":
        covered = -(-(out_size - kernel + 1) // stride)
    return max(0, (covered - 1) * stride + kernel - out_size) // 2


def _bias(op: Op, graph: Graph, channels: int, dtype: str) -> npt.NDArray[Any]:
    index = op.inputs[3] if len(op.inputs) > 3 else -1
    if index < 0:
        return np.zeros(channels, dtype)
    tensor = graph.tensors[index]
    if tensor.data is None or tensor.dtype != dtype or tensor.elements != channels:
        refuse(op, f"bias of {tensor.dtype} {tensor.shape}", f"{channels} constants of {dtype}")
    return tensor.data.reshape(channels)


def _scales(op: Op, source: Tensor, weights: Tensor, output: Tensor) -> npt.NDArray[np.float64]:
    """Input scale * weights scale / output scale for each output channel."""
    q = quantization(op, weights)
    channels = weights.shape[0]
    if np.any(q.zero_point != 0) or (q.per_channel and (q.axis != 0 or len(q.scale) != channels)):
        refuse(op, "weights with a zero point or another axis", "symmetric weights along axis 0")
    in_scale, out_scale = scale_zero_point(op, source)[0], scale_zero_point(op, output)[0]
    scales = np.broadcast_to(q.scale.astype(np.float64), (channels,))
    result: npt.NDArray[np.float64] = in_scale * scales / out_scale
    if not (result < 2.0**30).all():
        refuse(op, f"a ratio of scales of {result.max():g}", "ratios below 2**30")
    return result
