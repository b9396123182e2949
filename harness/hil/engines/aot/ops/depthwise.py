"""DEPTHWISE_CONV_2D."""

from __future__ import annotations

import numpy as np

from hil.engines.aot.convolution import Convolution
from hil.engines.aot.lower import Lowered, lowers, refuse
from hil.engines.aot.window import constant_weights, window
from hil.tflite.graph import Graph, Op


@lowers("DEPTHWISE_CONV_2D")
def depthwise_conv_2d(op: Op, graph: Graph) -> Lowered:
    """Weights [1, kernel_h, kernel_w, out_c]; output channel o reads input channel o / multiplier.

    The multiplier follows from the shapes: TFLite's reference does not use the option either.
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
    # The kernels for int8 take four channels at a time.
    blocks = out_c == geometry.in_c and graph.tensors[op.inputs[0]].dtype == "int8"
    scratch = geometry.taps * geometry.in_c if geometry.reaches_outside else 0
    convolution = Convolution(
        kernel="depthwise_conv2d",
        field=f"depth_multiplier = {out_c // geometry.in_c}",
        geometry=geometry,
        rows=rows,
        groups=0,
        channel_axis=3,
        scratch_elements=scratch,
        blocks_of_taps=blocks,
    )
    return convolution.lowered(op, graph)
