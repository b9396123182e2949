"""CONV_2D."""

from __future__ import annotations

from hil.engines.aot.convolution import Convolution
from hil.engines.aot.lower import Lowered, lowers, refuse
from hil.engines.aot.window import Window, constant_weights, window
from hil.tflite.graph import Graph, Op


@lowers("CONV_2D")
def conv_2d(op: Op, graph: Graph) -> Lowered:
    """Weights [out_c, kernel_h, kernel_w, in_c / groups]; bias optional."""
    weights = constant_weights(op, graph, 4)
    out_c, kernel_h, kernel_w, group_in = weights.shape
    geometry = window(op, graph, kernel_h, kernel_w)
    groups = _groups(op, geometry, out_c, group_in)
    direct = geometry.taps == 1 and not geometry.reaches_outside
    scratch = 0 if direct else 2 * geometry.taps * group_in
    convolution = Convolution(
        kernel="conv2d",
        field=f"groups = {groups}",
        geometry=geometry,
        rows=weights,
        groups=groups,
        channel_axis=0,
        scratch_elements=scratch,
    )
    return convolution.lowered(op, graph)


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
