"""What CONV_2D and DEPTHWISE_CONV_2D have in common: one call of a kernel with its constants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.constant_channels import settle
from hil.engines.aot.hybrid import hybrid_stage, is_per_channel
from hil.engines.aot.lower import Constant, Lowered, refuse
from hil.engines.aot.quant import activation_range_f32, scale_zero_point
from hil.engines.aot.stage import Stage, scales_of, stage_s8, stage_s16
from hil.engines.aot.window import (
    Window,
    bias_values,
    blocked,
    by_taps,
    folded_bias,
    int16_bias,
    joinable,
    joined,
    operand_types,
    paired,
    symmetric_weights,
)
from hil.tflite.graph import Graph, Op


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution that was understood.

    ``kernel`` is the C family (``conv2d``, ``depthwise_conv2d``) and ``field`` the one member, with
    its value, in which the two families' params differ. ``rows`` are the weights with the output
    channel first. ``groups`` is the number of groups whose rows the kernel reads in blocks, 0 where
    it reads them as they are. ``channel_axis`` is the axis of output channels in the model's
    weights; ``scratch_elements`` counts elements of the input's type. ``blocks_of_taps`` asks for
    rows without groups as :func:`by_taps` orders them.
    """

    kernel: str
    field: str
    geometry: Window
    rows: npt.NDArray[Any]
    groups: int
    channel_axis: int
    scratch_elements: int
    blocks_of_taps: bool = False

    def lowered(self, op: Op, graph: Graph) -> Lowered:
        """The call of the kernel for the element types of input, weights and output."""
        source, weights = operand_types(op, graph)
        if weights != "float32":
            symmetric_weights(op, graph, axis=self.channel_axis)
        if source == "int8":
            return self._lowered_s8(op, graph)
        if source == "int16":
            return self._lowered_s16(op, graph)
        if weights == "int8":
            return self._lowered_hybrid(op, graph)
        return self._lowered_f32(op, graph)

    def _lowered_s8(self, op: Op, graph: Graph) -> Lowered:
        """The call of an int8 kernel; the input's zero point is folded into the bias."""
        out_c = self.geometry.out_c
        _, zero_point = scale_zero_point(op, graph.tensors[op.inputs[0]])
        bias = folded_bias(op, graph, self.rows, bias_values(op, graph, out_c, "int32"))
        settled = settle(op, graph, self.rows, bias, scales_of(op, graph, out_c))
        rows = self.rows.copy()
        rows[settled.constant] = 0
        kept = replace(self, rows=rows)
        fits = self.groups == 0 or all(joinable(group) for group in kept._grouped())
        stage = stage_s8(op, graph, rows, settled.bias, settled.scales, fits=fits)
        order = blocked if stage.variant == "s8_any" else joined
        return kept._call_integer(stage, "s8", kept._ordered(order), zero_point)

    def _lowered_s16(self, op: Op, graph: Graph) -> Lowered:
        """The call of an int16 kernel."""
        out_c = self.geometry.out_c
        dtypes = ("int64", "int32") if self.groups or self.rows.itemsize == 2 else ("int64",)
        bias = int16_bias(op, graph, out_c, dtypes)
        stage = stage_s16(op, graph, self.rows, bias, scales_of(op, graph, out_c))
        return self._call_integer(stage, "s16", self._ordered(paired), 0)

    def _lowered_f32(self, op: Op, graph: Graph) -> Lowered:
        """The call of the float32 kernel."""
        act_min, act_max = activation_range_f32(op)
        members = f"    .act_min = {act_min},\n    .act_max = {act_max},\n"
        bias = bias_values(op, graph, self.geometry.out_c, "float32")
        members = "    .bias = {bias},\n" + members
        return self._call("f32", "f32", members, self._ordered(blocked), {"bias": _weights(bias)})

    def _lowered_hybrid(self, op: Op, graph: Graph) -> Lowered:
        """The call of the kernel for float32 activations and int8 weights.

        TFLite quantizes the input of a CONV_2D whose weights have one scale symmetrically.
        """
        several = is_per_channel(op, graph, self.geometry.out_c)
        depthwise = self.groups == 0
        if not several and (depthwise or self.groups > 1):
            _refuse_one_scale(op, graph, self.geometry.out_c)
        asymmetric = several or depthwise or self.groups > 1
        stage = hybrid_stage(
            op,
            graph,
            self.rows,
            asymmetric=asymmetric,
            scales_first=depthwise or not asymmetric,
        )
        geometry = self.geometry
        members = (
            f"    .images = {geometry.batches},\n    .asymmetric = {int(asymmetric)},\n"
            f"    .stage = {stage.initializer},\n"
        )
        image = geometry.in_h * geometry.in_w * geometry.in_c
        one = replace(
            self,
            geometry=replace(geometry, batches=1),
            scratch_elements=image + self.scratch_elements,
        )
        return one._call("hybrid", "hybrid", members, self._ordered(blocked), stage.constants)

    def _ordered(self, order: Any) -> npt.NDArray[Any]:
        if not self.groups:
            return by_taps(self.rows) if self.blocks_of_taps else self.rows
        return np.concatenate([order(group) for group in self._grouped()])

    def _grouped(self) -> npt.NDArray[Any]:
        """[groups, channels, depth]."""
        depth = self.rows[0].size
        return self.rows.reshape(self.groups, len(self.rows) // self.groups, depth)

    def _call_integer(
        self, stage: Stage, source: str, ordered: npt.NDArray[Any], zero_point: int
    ) -> Lowered:
        members = f"    .input_zero_point = {zero_point},\n    .stage = {stage.initializer},\n"
        return self._call(source, stage.variant, members, ordered, stage.constants)

    def _call(
        self,
        source: str,
        suffix: str,
        members: str,
        ordered: npt.NDArray[Any],
        constants: Mapping[str, Constant],
    ) -> Lowered:
        function = f"hil_{self.kernel}_{suffix}"
        itemsize = {"s8": 1, "hybrid": 1, "s16": 2, "f32": 4}[source]
        return Lowered(
            sources=(f"{self.kernel}_{source}.c", *(("hybrid.c",) if source == "hybrid" else ())),
            call=function + "({params}, {in0}, {out0}, {scratch})",
            params_type=f"{function}_params",
            params=(
                "{{\n    .window = " + self.geometry.initializer + ",\n"
                f"    .{self.field},\n    .weights = {{weights}},\n" + members + "}}"
            ),
            constants={"weights": _weights(ordered), **constants},
            scratch_bytes=self.scratch_elements * itemsize,
        )


def _refuse_one_scale(op: Op, graph: Graph, channels: int) -> None:
    """TFLite's kernels for these read a scale for each channel, or have none for one scale."""
    if graph.tensors[op.inputs[1]].quantization.scale.size != channels:  # type: ignore[union-attr]
        refuse(
            op,
            "int8 weights of one scale with float32 activations",
            "a scale for each output channel",
        )


def _weights(array: npt.NDArray[Any]) -> Constant:
    return Constant(array, "weights")
