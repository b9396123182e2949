"""FULLY_CONNECTED, int8 and float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.engines.aot.lower import Constant, Lowered, lowers, refuse
from harness.engines.aot.quant import (
    activation_range_f32,
    activation_range_s8,
    effective_scales,
    quantization,
    quantize_multipliers,
    scale_zero_point,
    wrap_int32,
)
from harness.engines.aot.window import bias_values, blocked, constant_weights, element_type
from harness.tflite.graph import Graph, Op


@lowers("FULLY_CONNECTED")
def fully_connected(op: Op, graph: Graph) -> Lowered:
    """Weights [out_features, in_features]; the input is taken as rows of in_features."""
    weights = constant_weights(op, graph, 2)
    if op.options.get("weights_format", "DEFAULT") != "DEFAULT":
        refuse(op, f"weights format {op.options['weights_format']}", "DEFAULT")
    source, result = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    out_features, in_features = weights.shape
    if in_features == 0 or source.elements % in_features:
        refuse(op, f"input {source.shape} with weights {weights.shape}", "rows of in_features")
    rows = source.elements // in_features
    if result.elements != rows * out_features:
        refuse(op, f"output {result.shape}", f"{rows} rows of {out_features} elements")
    sizes = (
        f"    .rows = {rows},\n    .in_features = {in_features},\n"
        f"    .out_features = {out_features},\n"
    )
    if element_type(op, graph, (*op.inputs[:2], op.outputs[0])) == "int8":
        return _int8(op, graph, weights, sizes)
    return _float32(op, graph, weights, sizes)


def _int8(op: Op, graph: Graph, weights: npt.NDArray[Any], sizes: str) -> Lowered:
    output = graph.tensors[op.outputs[0]]
    out_features = weights.shape[0]
    _, input_zero_point = scale_zero_point(op, graph.tensors[op.inputs[0]])
    _, output_zero_point = scale_zero_point(op, output)
    weights_zero_point = _weights_zero_point(op, graph)
    bias = bias_values(op, graph, out_features, "int32").astype(np.int64)
    centred = weights.astype(np.int64) - weights_zero_point
    multiplier, shift = quantize_multipliers(effective_scales(op, graph, out_features))
    act_min, act_max = activation_range_s8(op, output)
    return Lowered(
        sources=("fully_connected_s8.c",),
        call="hil_fully_connected_s8({params}, {in0}, {out0})",
        params_type="hil_fully_connected_s8_params",
        params=(
            "{{\n" + sizes + "    .weights = {weights},\n    .bias = {bias},\n"
            "    .multiplier = {multiplier},\n    .shift = {shift},\n"
            f"    .weights_zero_point = {weights_zero_point},\n"
            f"    .output_zero_point = {output_zero_point},\n"
            f"    .act_min = {act_min},\n    .act_max = {act_max},\n}}}}"
        ),
        constants={
            "weights": Constant(blocked(weights), "weights"),
            "bias": Constant(wrap_int32(bias - input_zero_point * centred.sum(axis=1)), "weights"),
            "multiplier": Constant(multiplier, "tables"),
            "shift": Constant(shift, "tables"),
        },
    )


def _weights_zero_point(op: Op, graph: Graph) -> int:
    q = quantization(op, graph.tensors[op.inputs[1]])
    if not q.per_channel:
        return int(q.zero_point[0])
    if q.axis != 0:
        refuse(op, f"weights quantized along axis {q.axis}", "axis 0, or per tensor")
    if np.any(q.zero_point != 0):
        refuse(op, "per-channel weights with a zero point", "symmetric per-channel weights")
    return 0


def _float32(op: Op, graph: Graph, weights: npt.NDArray[Any], sizes: str) -> Lowered:
    act_min, act_max = activation_range_f32(op)
    bias = bias_values(op, graph, weights.shape[0], "float32")
    return Lowered(
        sources=("fully_connected_f32.c",),
        call="hil_fully_connected_f32({params}, {in0}, {out0})",
        params_type="hil_fully_connected_f32_params",
        params=(
            "{{\n" + sizes + "    .weights = {weights},\n    .bias = {bias},\n"
            f"    .act_min = {act_min},\n    .act_max = {act_max},\n}}}}"
        ),
        constants={
            "weights": Constant(blocked(weights), "weights"),
            "bias": Constant(bias, "weights"),
        },
    )
