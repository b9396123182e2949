"""LOG_SOFTMAX and L2_NORMALIZATION along the last axis.

Sources: tensorflow/lite/kernels/{activations,l2norm}.cc (Prepare) and
kernels/internal/quantization_util.cc (PreprocessLogSoftmaxScalingExp).
"""

from __future__ import annotations

import math

from hil.engines.aot import tables
from hil.engines.aot.checks import input_tensor, output_tensor, same_dtype, same_shape
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import quantize_multiplier, scale_zero_point
from hil.tflite.graph import Graph, Op, Tensor

_FRACTION = 1 << 26  # distances are brought to Q5.26
_MAX_CLASSES = 4095  # exponentials of at most 1.0 whose sum Q12.19 holds
_MAX_SQUARES = ((1 << 31) - 1) // (255 * 255)


@lowers("LOG_SOFTMAX")
def lower_log_softmax(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_log_softmax; in place."""
    source, output, fields = _rows(op, graph)
    if source.dtype == "float32":
        return kernel_call("log_softmax_f32", fields, "log_softmax.c", struct="rows", in_place=(0,))
    _check_output(op, output, 1 / 16, 127)
    _check_depth(op, source, _MAX_CLASSES)
    in_scale, _ = scale_zero_point(op, source)
    real = min(in_scale * _FRACTION, (1 << 31) - 1.0)
    if real <= 2.0:
        refuse(op, f"an input scale of {in_scale:g}", "input scales above 3e-8")
    multiplier, shift = quantize_multiplier(real)
    back_multiplier, back_shift = quantize_multiplier((1 << (31 - shift)) / multiplier)
    table = Constant(tables.softmax_exponentials(in_scale, 1.0), owner="tables")
    fields |= {
        "exp_count": table.array.size,
        "exp_table": "{exp_table}",
        "multiplier": multiplier,
        "shift": shift,
        "back_multiplier": back_multiplier,
        "back_shift": back_shift,
        "smallest": -math.floor(31.0 * _FRACTION / 2.0**shift),
    }
    constants = {"exp_table": table}
    return kernel_call(
        "log_softmax_s8", fields, "log_softmax.c", constants=constants, in_place=(0,)
    )


@lowers("L2_NORMALIZATION")
def lower_l2_normalization(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_l2_normalization; in place."""
    source, output, fields = _rows(op, graph)
    if op.options.get("fused_activation_function", "NONE") != "NONE":
        refuse(op, "a fused activation", "L2_NORMALIZATION without one")
    name, file = "l2_normalization", "l2_normalization.c"
    if source.dtype == "float32":
        return kernel_call(f"{name}_f32", fields, file, struct="rows", in_place=(0,))
    _check_output(op, output, 1 / 128, 0)
    _check_depth(op, source, _MAX_SQUARES)
    fields["input_zero_point"] = scale_zero_point(op, source)[1]
    return kernel_call(f"{name}_s8", fields, file, in_place=(0,))


def _rows(op: Op, graph: Graph) -> tuple[Tensor, Tensor, dict[str, Value]]:
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    same_dtype(op, (source, output), ("int8", "float32"))
    same_shape(op, output, source.shape)
    if not 1 <= len(source.shape) <= 4:
        refuse(op, f"{len(source.shape)} dimensions", "1 to 4 dimensions")
    depth = source.shape[-1]
    return source, output, {"rows": source.elements // depth, "depth": depth}


def _check_output(op: Op, output: Tensor, scale: float, zero_point: int) -> None:
    """Refuse a quantization of the output that the reference refuses."""
    got = scale_zero_point(op, output)
    if got != (scale, zero_point):
        refuse(
            op,
            f"output scale {got[0]:g} and zero point {got[1]}",
            f"an int8 output with scale 1/{round(1 / scale)} and zero point {zero_point}",
        )


def _check_depth(op: Op, source: Tensor, limit: int) -> None:
    if source.shape[-1] > limit:
        refuse(op, f"rows of {source.shape[-1]} elements", f"rows of up to {limit} on int8")
