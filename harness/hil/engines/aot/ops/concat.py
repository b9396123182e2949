"""CONCATENATION and SPLIT along a constant axis: copies of contiguous chunks."""

from __future__ import annotations

from math import prod

import numpy as np

from hil.engines.aot.checks import (
    MOVABLE,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_quantization,
    same_shape,
)
from hil.engines.aot.lower import Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.shapes import normalized_axis
from hil.tflite.graph import Graph, Op

_QUANTIZED = ("int8", "uint8", "int16")


@lowers("CONCATENATION")
def lower_concatenation(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_concatenation. The reference neither rescales int8 nor fuses an activation."""
    inputs = [input_tensor(op, graph, i) for i in range(len(op.inputs))]
    output = output_tensor(op, graph)
    dtype = same_dtype(op, (*inputs, output), MOVABLE)
    activation = str(op.options.get("fused_activation_function", "NONE"))
    if activation != "NONE":
        refuse(op, f"fused activation {activation}", "no fused activation")
    if dtype in _QUANTIZED and output.quantization is not None:
        same_quantization(op, (*inputs, output))
    rank = len(output.shape)
    axis = normalized_axis(op, int(op.options.get("axis", 0)), rank)
    if any(len(t.shape) != rank for t in inputs):
        refuse(op, "inputs of differing ranks", "inputs of one rank")
    for t in inputs:
        total = sum(i.shape[axis] for i in inputs)
        same_shape(op, output, (*t.shape[:axis], total, *t.shape[axis + 1 :]))
    chunk = prod(output.shape[axis + 1 :]) * np.dtype(dtype).itemsize
    chunks = np.array([t.shape[axis] * chunk for t in inputs], dtype=np.int32)
    pointers = ", ".join(f"{{in{i}}}" for i in range(len(inputs)))
    return kernel_call(
        "concatenation",
        {"outer": prod(output.shape[:axis]), "count": len(inputs), "chunk_bytes": "{chunks}"},
        "copy.c",
        "walk.c",
        operands=f"(const void *const[]){{{{{pointers}}}}}, {{out0}}",
        constants={"chunks": Constant(chunks, owner="tables")},
    )


@lowers("SPLIT")
def lower_split(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_split; inputs are (axis, tensor), the outputs equal parts."""
    axes = constant_ints(op, graph, 0, "axis")
    source = input_tensor(op, graph, 1)
    outputs = [output_tensor(op, graph, i) for i in range(len(op.outputs))]
    dtype = same_dtype(op, (source, *outputs), MOVABLE)
    if len(axes) != 1:
        refuse(op, f"{len(axes)} axes", "one axis")
    axis = normalized_axis(op, axes[0], len(source.shape))
    if source.shape[axis] % len(outputs):
        refuse(
            op,
            f"{source.shape[axis]} elements along the axis in {len(outputs)} parts",
            "equal parts",
        )
    size = source.shape[axis] // len(outputs)
    for output in outputs:
        same_shape(op, output, (*source.shape[:axis], size, *source.shape[axis + 1 :]))
    chunk_bytes = size * prod(source.shape[axis + 1 :]) * np.dtype(dtype).itemsize
    pointers = ", ".join(f"{{out{i}}}" for i in range(len(outputs)))
    return kernel_call(
        "split",
        {"outer": prod(source.shape[:axis]), "count": len(outputs), "chunk_bytes": chunk_bytes},
        "copy.c",
        "walk.c",
        operands=f"{{in1}}, (void *const[]){{{{{pointers}}}}}",
    )
