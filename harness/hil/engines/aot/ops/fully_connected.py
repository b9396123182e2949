"""FULLY_CONNECTED."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.constant_channels import settle
from hil.engines.aot.hybrid import hybrid_stage
from hil.engines.aot.lower import Constant, Lowered, lowers, refuse
from hil.engines.aot.ops.matmul import lower_computed_weights
from hil.engines.aot.quant import (
    activation_range_f32,
    quantization,
    scale_zero_point,
    wrap_int32,
)
from hil.engines.aot.stage import Stage, scales_of, stage_s8, stage_s16
from hil.engines.aot.window import (
    bias_values,
    blocked,
    constant_weights,
    int16_bias,
    joinable,
    joined,
    operand_types,
    paired,
)
from hil.tflite.graph import Graph, Op


@lowers("FULLY_CONNECTED")
def fully_connected(op: Op, graph: Graph) -> Lowered:
    """Weights [out_features, in_features]; the input is taken as rows of in_features."""
    if len(op.inputs) > 1 and graph.tensors[op.inputs[1]].data is None:
        return lower_computed_weights(op, graph)
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
    source_type, weights_type = operand_types(op, graph)
    if source_type == "int8":
        return _int8(op, graph, weights, sizes)
    if source_type == "int16":
        return _int16(op, graph, weights, sizes)
    if weights_type == "int8":
        return _hybrid(op, graph, weights, sizes)
    return _float32(op, graph, weights, sizes)


def _int8(op: Op, graph: Graph, weights: npt.NDArray[Any], sizes: str) -> Lowered:
    out_features = weights.shape[0]
    _, input_zero_point = scale_zero_point(op, graph.tensors[op.inputs[0]])
    zero_point = _weights_zero_point(op, graph)
    bias = bias_values(op, graph, out_features, "int32").astype(np.int64)
    centred = weights.astype(np.int64) - zero_point
    folded = wrap_int32(bias - input_zero_point * centred.sum(axis=1))
    scales = scales_of(op, graph, out_features, fully_connected=True)
    settled = settle(op, graph, centred, folded, scales)
    weights, centred = weights.copy(), centred.copy()
    weights[settled.constant], centred[settled.constant] = zero_point, 0
    fits = joinable(weights)
    stage = stage_s8(op, graph, centred, settled.bias, settled.scales, fits=fits)
    order = blocked if stage.variant == "s8_any" else joined
    return _integer(stage, "s8", sizes, order(weights), zero_point)


def _int16(op: Op, graph: Graph, weights: npt.NDArray[Any], sizes: str) -> Lowered:
    """Without a bias TFLite computes as with one of int32, unlike its convolutions."""
    _weights_zero_point(op, graph)
    dtypes = ("int32", "int64") if weights.dtype == np.int8 else ("int64", "int32")
    bias = int16_bias(op, graph, weights.shape[0], dtypes)
    scales = scales_of(op, graph, weights.shape[0], fully_connected=True)
    stage = stage_s16(op, graph, weights, bias, scales)
    return _integer(stage, "s16", sizes, paired(weights), 0)


def _integer(
    stage: Stage, source: str, sizes: str, ordered: npt.NDArray[Any], weights_zero_point: int
) -> Lowered:
    function = f"hil_fully_connected_{stage.variant}"
    return Lowered(
        sources=(f"fully_connected_{source}.c",),
        call=function + "({params}, {in0}, {out0})",
        params_type=f"{function}_params",
        params=(
            "{{\n" + sizes + "    .weights = {weights},\n"
            f"    .weights_zero_point = {weights_zero_point},\n"
            f"    .stage = {stage.initializer},\n}}}}"
        ),
        constants={"weights": Constant(ordered, "weights"), **stage.constants},
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


def _hybrid(op: Op, graph: Graph, weights: npt.NDArray[np.int8], sizes: str) -> Lowered:
    """float32 with int8 weights, rows quantized while the model runs."""
    if quantization(op, graph.tensors[op.inputs[1]]).per_channel:
        refuse(
            op,
            "int8 weights of several scales with float32 activations, for which TensorFlow Lite's "
            "reference kernel (2.14) takes no scale at all",
            "one scale for the weights of a dynamic-range FULLY_CONNECTED",
        )
    if _weights_zero_point(op, graph):
        refuse(op, "weights with a zero point and float32 activations", "symmetric weights")
    asymmetric = bool(op.options.get("asymmetric_quantize_inputs", False))
    stage = hybrid_stage(op, graph, weights, asymmetric=asymmetric, scales_first=True)
    return Lowered(
        sources=("fully_connected_hybrid.c", "hybrid.c"),
        call="hil_fully_connected_hybrid({params}, {in0}, {out0}, {scratch})",
        params_type="hil_fully_connected_hybrid_params",
        params=(
            "{{\n" + sizes + "    .weights = {weights},\n"
            f"    .asymmetric = {int(asymmetric)},\n    .stage = {stage.initializer},\n}}}}"
        ),
        constants={"weights": Constant(blocked(weights), "weights"), **stage.constants},
        scratch_bytes=weights.shape[1],
    )


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
