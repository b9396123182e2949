"""RELU, RELU6, RELU_N1_TO_1, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH.

On int8 each is a table of 256 bytes (see ``tables.py``). int16 has those that TFLite's reference
has for it: not RELU_N1_TO_1 and HARD_SWISH.
"""

from __future__ import annotations

import numpy as np

from hil.engines.aot import tables, tables16
from hil.engines.aot.checks import (
    check_ratio,
    input_tensor,
    no_zero_points,
    output_tensor,
    same_dtype,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.quant import BOUNDS, quantize_multiplier, quantized_range, scale_zero_point
from hil.tflite.graph import Graph, Op, Tensor

_LOGISTIC_SCALE = 1 / 256
_INT16_SIGMOID_SCALE = 1 / 32768


def lower_table(elements: int, table: tables.Bytes) -> Lowered:
    """Lower any function of one 8-bit input to the table kernel."""
    fields: dict[str, Value] = {"elements": elements, "table": "{table}"}
    constants = {"table": Constant(table, owner="tables")}
    return kernel_call("lut_8", fields, "lut.c", constants=constants, in_place=(0,))


@lowers("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH")
def lower_activation(op: Op, graph: Graph) -> Lowered:
    """Lower to a table on int8, to a kernel of the op's own on float32; in place."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), ("int8", "int16", "float32"))
    same_shape(op, output, source.shape)
    if dtype == "int8":
        return lower_table(output.elements, _table(op, source, output))
    if dtype == "int16":
        return _lower_int16(op, source, output)
    return _lower_float(op, output.elements)


def _table(op: Op, source: Tensor, output: Tensor) -> tables.Bytes:
    io = tables.Rescaling(*scale_zero_point(op, source), *scale_zero_point(op, output))
    for ratio in (io.in_scale, 1 / io.out_scale, io.in_scale / io.out_scale):
        check_ratio(op, ratio)
    if op.name in BOUNDS:
        return tables.relu(io, BOUNDS[op.name])
    if op.name == "LEAKY_RELU":
        check_ratio(op, io.in_scale * _alpha(op) / io.out_scale)
        return tables.leaky_relu(io, _alpha(op))
    if op.name == "TANH":
        return tables.tanh(io)
    if op.name == "HARD_SWISH":
        return _hard_swish_table(op, io)
    if io.out_scale != _LOGISTIC_SCALE:
        refuse(op, f"output scale {io.out_scale:g}", "an int8 output scale of 1/256")
    return tables.logistic(io)


def _hard_swish_table(op: Op, io: tables.Rescaling) -> tables.Bytes:
    table = tables.hard_swish(io)
    if table is None:
        refuse(
            op,
            f"output scale {io.out_scale:g} is too small for input scale {io.in_scale:g}",
            "output scales above 1/128 of the input scale",
        )
    return table


def _alpha(op: Op) -> float:
    return float(op.options.get("alpha", 0.0))


def _lower_float(op: Op, elements: int) -> Lowered:
    kernel = "relu" if op.name in BOUNDS else op.name.lower()
    fields: dict[str, Value] = {"elements": elements}
    params = "activation"
    if kernel == "relu":
        params = "relu"
        fields["act_min"], fields["act_max"] = BOUNDS[op.name]
    elif kernel == "leaky_relu":
        params = "leaky_relu"
        fields["alpha"] = float(np.float32(_alpha(op)))
    struct = f"{params}_f32"
    return kernel_call(f"{kernel}_f32", fields, "activation_f32.c", struct=struct, in_place=(0,))


def _lower_int16(op: Op, source: Tensor, output: Tensor) -> Lowered:
    no_zero_points(op, (source, output))
    if op.name in ("LOGISTIC", "TANH"):
        return _lower_sigmoid_int16(op, source, output)
    if op.name not in ("RELU", "RELU6", "LEAKY_RELU"):
        refuse(
            op,
            "TensorFlow Lite has no kernel for it on int16",
            "RELU, RELU6, LEAKY_RELU, LOGISTIC and TANH on int16; all on int8 and float32",
        )
    return _lower_relu_int16(op, source, output)


def _lower_relu_int16(op: Op, source: Tensor, output: Tensor) -> Lowered:
    """In float32, as the reference divides and multiplies the scales."""
    in_scale, out_scale = (np.float32(scale_zero_point(op, t)[0]) for t in (source, output))
    slope = np.float32(_alpha(op) if op.name == "LEAKY_RELU" else 1.0)
    positive = quantize_multiplier(check_ratio(op, float(in_scale / out_scale)))
    negative = quantize_multiplier(check_ratio(op, float(in_scale * slope / out_scale)))
    act_min, act_max = quantized_range(
        BOUNDS.get(op.name, BOUNDS["NONE"]), float(out_scale), 0, "int16"
    )
    fields: dict[str, Value] = {
        "elements": output.elements,
        "multiplier": positive[0],
        "shift": positive[1],
        "negative_multiplier": negative[0],
        "negative_shift": negative[1],
        "act_min": act_min,
        "act_max": act_max,
    }
    return kernel_call("relu_s16", fields, "activation_s16.c", in_place=(0,))


def _lower_sigmoid_int16(op: Op, source: Tensor, output: Tensor) -> Lowered:
    out_scale, _ = scale_zero_point(op, output)
    if out_scale != _INT16_SIGMOID_SCALE:
        refuse(op, f"output scale {out_scale:g}", "an int16 output scale of 1/32768")
    in_scale, _ = scale_zero_point(op, source)
    steps = tables16.sigmoid_steps(in_scale, 1 if op.name == "TANH" else 0)
    if steps is None:
        refuse(op, f"input scale {in_scale:g}", "input scales below 5.3 on int16")
    return kernel_call(
        f"{op.name.lower()}_s16",
        {
            "elements": output.elements,
            "multiplier": steps[0],
            "shift": steps[1],
            "table": "{table}",
        },
        "activation_s16.c",
        struct="sigmoid_s16",
        constants={"table": Constant(tables16.sigmoid(), owner="tables")},
        in_place=(0,),
    )
