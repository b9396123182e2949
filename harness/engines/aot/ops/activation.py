"""RELU, RELU6, RELU_N1_TO_1, LEAKY_RELU, LOGISTIC, TANH, HARD_SWISH.

On int8 each is a table of 256 bytes (see ``tables.py``).
"""

from __future__ import annotations

import math

import numpy as np

from harness.engines.aot import tables
from harness.engines.aot.checks import (
    check_ratio,
    input_tensor,
    output_tensor,
    same_dtype,
    same_shape,
)
from harness.engines.aot.literals import Value, struct_literal
from harness.engines.aot.lower import Constant, Lowered, lowers, refuse
from harness.engines.aot.quant import scale_zero_point
from harness.tflite.graph import Graph, Op, Tensor

_RELU_BOUNDS = {
    "RELU": (0.0, math.inf),
    "RELU6": (0.0, 6.0),
    "RELU_N1_TO_1": (-1.0, 1.0),
}
_LOGISTIC_SCALE = 1 / 256


def lower_table(elements: int, table: tables.Bytes) -> Lowered:
    """Lower any function of one 8-bit input to the table kernel."""
    return Lowered(
        sources=("lut.c",),
        call="hil_lut_8({params}, {in0}, {out0})",
        params_type="hil_lut_8_params",
        params=struct_literal({"elements": elements, "table": "{table}"}),
        constants={"table": Constant(table, owner="tables")},
        in_place=(0,),
    )


@lowers("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "LOGISTIC", "TANH", "HARD_SWISH")
def lower_activation(op: Op, graph: Graph) -> Lowered:
    """Lower to a table on int8, to a kernel of the op's own on float32; in place."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), ("int8", "float32"))
    same_shape(op, output, source.shape)
    if dtype == "int8":
        return lower_table(output.elements, _table(op, source, output))
    return _lower_float(op, output.elements)


def _table(op: Op, source: Tensor, output: Tensor) -> tables.Bytes:
    scales = (*scale_zero_point(op, source), *scale_zero_point(op, output))
    for ratio in (scales[0], 1 / scales[2], scales[0] / scales[2]):
        check_ratio(op, ratio)
    if op.name in _RELU_BOUNDS:
        return tables.relu(*scales, bounds=_RELU_BOUNDS[op.name])
    if op.name == "LEAKY_RELU":
        check_ratio(op, scales[0] * _alpha(op) / scales[2])
        return tables.leaky_relu(*scales, alpha=_alpha(op))
    if op.name == "TANH":
        return tables.tanh(*scales)
    if op.name == "HARD_SWISH":
        return _hard_swish_table(op, *scales)
    if scales[2] != _LOGISTIC_SCALE:
        refuse(op, f"output scale {scales[2]:g}", "an int8 output scale of 1/256")
    return tables.logistic(*scales)


def _hard_swish_table(
    op: Op, in_scale: float, in_zero_point: int, out_scale: float, out_zero_point: int
) -> tables.Bytes:
    table = tables.hard_swish(in_scale, in_zero_point, out_scale, out_zero_point)
    if table is None:
        refuse(
            op,
            f"output scale {out_scale:g} is too small for input scale {in_scale:g}",
            "output scales above 1/128 of the input scale",
        )
    return table


def _alpha(op: Op) -> float:
    return float(op.options.get("alpha", 0.0))


def _lower_float(op: Op, elements: int) -> Lowered:
    kernel = "relu" if op.name in _RELU_BOUNDS else op.name.lower()
    fields: dict[str, Value] = {"elements": elements}
    params = "activation"
    if kernel == "relu":
        params = "relu"
        fields["act_min"], fields["act_max"] = _RELU_BOUNDS[op.name]
    elif kernel == "leaky_relu":
        params = "leaky_relu"
        fields["alpha"] = float(np.float32(_alpha(op)))
    return Lowered(
        sources=("activation_f32.c",),
        call=f"hil_{kernel}_f32({{params}}, {{in0}}, {{out0}})",
        params_type=f"hil_{params}_f32_params",
        params=struct_literal(fields),
        in_place=(0,),
    )
