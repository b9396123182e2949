"""DEPTHWISE_CONV_2D, int8 and float32."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from harness.engines.aot.lower import Constant, Lowered, lowers, refuse
from harness.engines.aot.quant import (
    activation_range_f32,
    activation_range_s8,
    effective_scales,
    quantize_multipliers,
    scale_zero_point,
)
from harness.engines.aot.window import (
    Window,
    bias_values,
    constant_weights,
    element_type,
    folded_bias,
    symmetric_weights,
    window,
)
from harness.tflite.graph import Graph, Op


@lowers("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(op: Op, graph: Graph) -> Lowered:
    """Weights [1, kernel_h, kernel_w, out_c]; output channel o reads input channel o / multiplier.

    The multiplier follows from the shapes: TFLite's reference does not believe the option either.
    """
    weights = constant_weights(op, graph, 4)
    _, kernel_h, kernel_w, out_c = weights.shape
    geometry = window(op, graph, kernel_h, kernel_w)
    if weights.shape[0] != 1 or out_c != geometry.out_c or out_c % geometry.in_c:
        refuse(
            op,
            f"weights {weights.shape} for {geometry.in_c} input, {geometry.out_c} output channels",
            "weights (1, height, width, input channels x depth multiplier)",
        )
    rows = np.ascontiguousarray(weights.reshape(-1, out_c).T)  # [out_c, taps]
    scratch = geometry.taps * geometry.in_c * weights.itemsize if geometry.reaches_outside else 0
    if element_type(op, graph, (*op.inputs[:2], op.outputs[0])) == "int8":
        return _int8(op, graph, geometry, rows, scratch)
    return _float32(op, graph, geometry, rows, scratch)


def _int8(op: Op, graph: Graph, geometry: Window, rows: npt.NDArray[Any], scratch: int) -> Lowered:
    symmetric_weights(op, graph, axis=3)
    output = graph.tensors[op.outputs[0]]
    _, input_zero_point = scale_zero_point(op, graph.tensors[op.inputs[0]])
    _, output_zero_point = scale_zero_point(op, output)
    bias = folded_bias(op, graph, rows, bias_values(op, graph, geometry.out_c, "int32"))
    multiplier, shift = quantize_multipliers(effective_scales(op, graph, geometry.out_c))
    act_min, act_max = activation_range_s8(op, output)
    return Lowered(
        sources=("depthwise_conv2d_s8.c",),
        call="hil_depthwise_conv2d_s8({params}, {in0}, {out0}, {scratch})",
        params_type="hil_depthwise_conv2d_s8_params",
        params=(
            "{{\n    .window = " + geometry.initializer + ",\n"
            f"    .depth_multiplier = {geometry.out_c // geometry.in_c},\n"
            "    .weights = {weights},\n    .bias = {bias},\n"
            "    .multiplier = {multiplier},\n    .shift = {shift},\n"
            f"    .input_zero_point = {input_zero_point},\n"
            f"    .output_zero_point = {output_zero_point},\n"
            f"    .act_min = {act_min},\n    .act_max = {act_max},\n}}}}"
        ),
        constants={
            "weights": Constant(rows, "weights"),
            "bias": Constant(bias, "weights"),
            "multiplier": Constant(multiplier, "tables"),
            "shift": Constant(shift, "tables"),
        },
        scratch_bytes=scratch,
    )


def _float32(
    op: Op, graph: Graph, geometry: Window, rows: npt.NDArray[Any], scratch: int
) -> Lowered:
    act_min, act_max = activation_range_f32(op)
    bias = bias_values(op, graph, geometry.out_c, "float32")
    return Lowered(
        sources=("depthwise_conv2d_f32.c",),
        call="hil_depthwise_conv2d_f32({params}, {in0}, {out0}, {scratch})",
        params_type="hil_depthwise_conv2d_f32_params",
        params=(
            "{{\n    .window = " + geometry.initializer + ",\n"
            f"    .depth_multiplier = {geometry.out_c // geometry.in_c},\n"
            "    .weights = {weights},\n    .bias = {bias},\n"
            f"    .act_min = {act_min},\n    .act_max = {act_max},\n}}}}"
        ),
        constants={"weights": Constant(rows, "weights"), "bias": Constant(bias, "weights")},
        scratch_bytes=scratch,
    )
