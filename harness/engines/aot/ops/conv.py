"""CONV_2D, int8 and float32."""

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
    blocked,
    constant_weights,
    element_type,
    folded_bias,
    symmetric_weights,
    window,
)
from harness.tflite.graph import Graph, Op


@lowers("CONV_2D")
def conv_2d(op: Op, graph: Graph) -> Lowered:
    """Weights [out_c, kernel_h, kernel_w, in_c / groups]; bias optional."""
    weights = constant_weights(op, graph, 4)
    out_c, kernel_h, kernel_w, group_in = weights.shape
    geometry = window(op, graph, kernel_h, kernel_w)
    groups = _groups(op, geometry, out_c, group_in)
    rows = weights.reshape(groups, out_c // groups, -1)
    ordered = np.concatenate([blocked(group) for group in rows])
    direct = geometry.taps == 1 and not geometry.reaches_outside
    scratch = 0 if direct else 2 * geometry.taps * group_in * weights.itemsize
    if element_type(op, graph, (*op.inputs[:2], op.outputs[0])) == "int8":
        return _int8(op, graph, geometry, groups, weights, ordered, scratch)
    return _float32(op, graph, geometry, groups, ordered, scratch)


def _groups(op: Op, geometry: Window, out_c: int, group_in: int) -> int:
    if out_c != geometry.out_c:
        refuse(op, f"{out_c} filters for {geometry.out_c} output channels", "equal numbers")
    if group_in == 0 or geometry.in_c % group_in or out_c % (geometry.in_c // group_in):
        refuse(
            op,
            f"{out_c} filters over {group_in} channels for {geometry.in_c} input channels",
            "filters over all input channels, or groups that divide both",
        )
    return geometry.in_c // group_in


def _int8(
    op: Op,
    graph: Graph,
    geometry: Window,
    groups: int,
    weights: npt.NDArray[Any],
    ordered: npt.NDArray[Any],
    scratch: int,
) -> Lowered:
    symmetric_weights(op, graph, axis=0)
    output = graph.tensors[op.outputs[0]]
    _, input_zero_point = scale_zero_point(op, graph.tensors[op.inputs[0]])
    _, output_zero_point = scale_zero_point(op, output)
    bias = folded_bias(op, graph, weights, bias_values(op, graph, geometry.out_c, "int32"))
    multiplier, shift = quantize_multipliers(effective_scales(op, graph, geometry.out_c))
    act_min, act_max = activation_range_s8(op, output)
    return Lowered(
        sources=("conv2d_s8.c",),
        call="hil_conv2d_s8({params}, {in0}, {out0}, {scratch})",
        params_type="hil_conv2d_s8_params",
        params=(
            "{{\n    .window = " + geometry.initializer + ",\n"
            f"    .groups = {groups},\n"
            "    .weights = {weights},\n    .bias = {bias},\n"
            "    .multiplier = {multiplier},\n    .shift = {shift},\n"
            f"    .input_zero_point = {input_zero_point},\n"
            f"    .output_zero_point = {output_zero_point},\n"
            f"    .act_min = {act_min},\n    .act_max = {act_max},\n}}}}"
        ),
        constants={
            "weights": Constant(ordered, "weights"),
            "bias": Constant(bias, "weights"),
            "multiplier": Constant(multiplier, "tables"),
            "shift": Constant(shift, "tables"),
        },
        scratch_bytes=scratch,
    )


def _float32(
    op: Op,
    graph: Graph,
    geometry: Window,
    groups: int,
    ordered: npt.NDArray[Any],
    scratch: int,
) -> Lowered:
    act_min, act_max = activation_range_f32(op)
    bias = bias_values(op, graph, geometry.out_c, "float32")
    return Lowered(
        sources=("conv2d_f32.c",),
        call="hil_conv2d_f32({params}, {in0}, {out0}, {scratch})",
        params_type="hil_conv2d_f32_params",
        params=(
            "{{\n    .window = " + geometry.initializer + ",\n"
            f"    .groups = {groups},\n"
            "    .weights = {weights},\n    .bias = {bias},\n"
            f"    .act_min = {act_min},\n    .act_max = {act_max},\n}}}}"
        ),
        constants={"weights": Constant(ordered, "weights"), "bias": Constant(bias, "weights")},
        scratch_bytes=scratch,
    )
