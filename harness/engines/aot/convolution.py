"""What CONV_2D and DEPTHWISE_CONV_2D have in common: one call of a kernel with its constants."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from harness.engines.aot.lower import Constant, Lowered
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
    element_type,
    folded_bias,
    symmetric_weights,
)
from harness.tflite.graph import Graph, Op


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution that was understood.

    ``kernel`` is the C family (``conv2d``, ``depthwise_conv2d``) and ``field`` the one member, with
    its value, in which the two families' params differ. ``rows`` are the weights with the output
    channel first, ``ordered`` as the kernel reads them. ``channel_axis`` is the axis of output
    channels in the model's weights.
    """

    kernel: str
    field: str
    geometry: Window
    rows: npt.NDArray[Any]
    ordered: npt.NDArray[Any]
    channel_axis: int
    scratch_bytes: int

    def lowered(self, op: Op, graph: Graph) -> Lowered:
        """The call of the kernel for the element type of input, weights and output."""
        if element_type(op, graph, (*op.inputs[:2], op.outputs[0])) == "int8":
            return self._lowered_s8(op, graph)
        return self._lowered_f32(op, graph)

    def _lowered_s8(self, op: Op, graph: Graph) -> Lowered:
        """The call of the int8 kernel; the input's zero point is folded into the bias."""
        symmetric_weights(op, graph, axis=self.channel_axis)
        output = graph.tensors[op.outputs[0]]
        _, input_zero_point = scale_zero_point(op, graph.tensors[op.inputs[0]])
        _, output_zero_point = scale_zero_point(op, output)
        out_c = self.geometry.out_c
        bias = folded_bias(op, graph, self.rows, bias_values(op, graph, out_c, "int32"))
        multiplier, shift = quantize_multipliers(effective_scales(op, graph, out_c))
        act_min, act_max = activation_range_s8(op, output)
        members = (
            "    .multiplier = {multiplier},\n    .shift = {shift},\n"
            f"    .input_zero_point = {input_zero_point},\n"
            f"    .output_zero_point = {output_zero_point},\n"
            f"    .act_min = {act_min},\n    .act_max = {act_max},\n"
        )
        tables = {
            "multiplier": Constant(multiplier, "tables"),
            "shift": Constant(shift, "tables"),
        }
        return self._call("s8", members, bias, tables)

    def _lowered_f32(self, op: Op, graph: Graph) -> Lowered:
        """The call of the float32 kernel."""
        act_min, act_max = activation_range_f32(op)
        members = f"    .act_min = {act_min},\n    .act_max = {act_max},\n"
        return self._call("f32", members, bias_values(op, graph, self.geometry.out_c, "float32"))

    def _call(
        self,
        suffix: str,
        members: str,
        bias: npt.NDArray[Any],
        tables: dict[str, Constant] | None = None,
    ) -> Lowered:
        function = f"hil_{self.kernel}_{suffix}"
        return Lowered(
            sources=(f"{self.kernel}_{suffix}.c",),
            call=function + "({params}, {in0}, {out0}, {scratch})",
            params_type=f"{function}_params",
            params=(
                "{{\n    .window = " + self.geometry.initializer + ",\n"
                f"    .{self.field},\n"
                "    .weights = {weights},\n    .bias = {bias},\n" + members + "}}"
            ),
            constants={
                "weights": Constant(self.ordered, "weights"),
                "bias": Constant(bias, "weights"),
                **(tables or {}),
            },
            scratch_bytes=self.scratch_bytes,
        )
