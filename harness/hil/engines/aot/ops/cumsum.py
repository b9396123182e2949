"""CUMSUM along a constant axis. Source: tensorflow/lite/kernels/cumsum.cc."""

from __future__ import annotations

from math import prod

from hil.engines.aot.checks import (
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_shape,
)
from hil.engines.aot.lower import Lowered, kernel_call, lowers, refuse
from hil.engines.aot.shapes import normalized_axis
from hil.tflite.graph import Graph, Op

_SUFFIX = {"float32": "f32", "int32": "s32"}


@lowers("CUMSUM")
def lower_cumsum(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_cumsum; in place. int32 sums wrap around."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), tuple(_SUFFIX))
    same_shape(op, output, source.shape)
    axes = constant_ints(op, graph, 1, "axis")
    if len(axes) != 1:
        refuse(op, f"{len(axes)} axes", "one axis")
    axis = normalized_axis(op, axes[0], len(source.shape))
    return kernel_call(
        f"cumsum_{_SUFFIX[dtype]}",
        {
            "outer": prod(source.shape[:axis]),
            "size": source.shape[axis],
            "inner": prod(source.shape[axis + 1 :]),
            "exclusive": bool(op.options.get("exclusive")),
            "reverse": bool(op.options.get("reverse")),
        },
        "cumsum.c",
        struct="cumsum",
        in_place=(0,),
    )
