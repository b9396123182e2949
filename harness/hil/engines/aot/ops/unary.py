"""Functions of one element: ABS, NEG, SQRT, EXP, LOG, SIN, FLOOR, ELU, LOGICAL_NOT and their kin.

Sources: tensorflow/lite/kernels/{elementwise,neg,floor,ceil,round,exp,activations}.cc.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from hil.engines.aot import tables
from hil.engines.aot.checks import check_ratio, input_tensor, output_tensor, same_dtype, same_shape
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Lowered, kernel_call, lowers, refuse
from hil.engines.aot.ops.activation import lower_table
from hil.engines.aot.quant import scale_zero_point
from hil.tflite.graph import Graph, Op, Tensor

_TABLES: dict[str, Callable[[tables.Rescaling], tables.Bytes]] = {
    "ABS": tables.absolute,
    "ELU": tables.elu,
    "EXP": tables.exp,
    "RSQRT": tables.rsqrt,
}
"""The functions that TensorFlow Lite has for int8."""
_LOG_2_31 = math.log(2.0**31)
_FLOAT = ("SQUARE", "SQRT", "LOG", "SIN", "COS", "FLOOR", "CEIL", "ROUND")


@lowers("ABS", "ELU", "EXP", "RSQRT", "NEG", "LOGICAL_NOT", *_FLOAT)
def lower_unary(op: Op, graph: Graph) -> Lowered:
    """Lower to a kernel of the op's own, on int8 to a table; in place."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    same_shape(op, output, source.shape)
    dtype = same_dtype(op, (source, output), _supported(op.name))
    if dtype == "int8":
        return lower_table(output.elements, _TABLES[op.name](_rescaling(op, source, output)))
    fields: dict[str, Value] = {"elements": output.elements}
    if dtype == "float32":
        name, file = f"{op.name.lower()}_f32", "unary_f32.c"
    else:
        name, file = ("logical_not" if dtype == "bool" else "neg_s32"), "binary.c"
    files = (file,) if file == "unary_f32.c" else (file, "walk.c")
    return kernel_call(name, fields, *files, struct="activation_f32", in_place=(0,))


def _supported(name: str) -> tuple[str, ...]:
    if name == "LOGICAL_NOT":
        return ("bool",)
    if name == "NEG":
        return ("float32", "int32")
    return ("float32", "int8") if name in _TABLES else ("float32",)


def _rescaling(op: Op, source: Tensor, output: Tensor) -> tables.Rescaling:
    io = tables.Rescaling(*scale_zero_point(op, source), *scale_zero_point(op, output))
    if op.name == "RSQRT":
        if io.in_zero_point != -128:
            refuse(op, f"an input zero point of {io.in_zero_point}", "-128: no negative numbers")
        ratio = tables.rsqrt_ratio(io)
        if not 2.0**-40 < ratio < 2.0**20:
            refuse(
                op, f"a ratio of {ratio:g}", "1 / (sqrt(input scale) * output scale) below 2**20"
            )
        return io
    for ratio in (io.in_scale, 1 / io.out_scale, io.in_scale / io.out_scale):
        check_ratio(op, ratio)
    largest = io.in_scale * (127 - io.in_zero_point)
    if op.name == "EXP" and largest - math.log(io.out_scale) >= _LOG_2_31:
        # The reference converts it to int32 before it limits it.
        refuse(op, f"exp({largest:g}) in steps of {io.out_scale:g}", "results below 2**31 steps")
    return io
