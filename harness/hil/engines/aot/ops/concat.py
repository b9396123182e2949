"""CONCATENATION, PACK, SPLIT, SPLIT_V, UNPACK along a constant axis: copies of whole chunks."""

from __future__ import annotations

from math import prod

import numpy as np
import numpy.typing as npt

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
    return _join(prod(output.shape[:axis]), chunks)


def _join(outer: int, chunks: npt.NDArray[np.int32]) -> Lowered:
    pointers = ", ".join(f"{{in{i}}}" for i in range(len(chunks)))
    return kernel_call(
        "concatenation",
        {"outer": outer, "count": len(chunks), "chunk_bytes": "{chunks}"},
        "copy.c",
        "walk.c",
        operands=f"(const void *const[]){{{{{pointers}}}}}, {{out0}}",
        constants={"chunks": Constant(chunks, owner="tables")},
    )


@lowers("PACK")
def lower_pack(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_concatenation: the inputs are chunks of the new axis."""
    inputs = [input_tensor(op, graph, i) for i in range(len(op.inputs))]
    output = output_tensor(op, graph)
    dtype = same_dtype(op, (*inputs, output), MOVABLE)
    if dtype in _QUANTIZED and output.quantization is not None:
        same_quantization(op, (*inputs, output))
    axis = normalized_axis(op, int(op.options.get("axis", 0)), len(output.shape))
    for t in inputs:
        same_shape(op, output, (*t.shape[:axis], len(inputs), *t.shape[axis:]))
    chunk = prod(output.shape[axis + 1 :]) * np.dtype(dtype).itemsize
    return _join(prod(output.shape[:axis]), np.full(len(inputs), chunk, dtype=np.int32))


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
    return _take_apart("{in1}", prod(source.shape[:axis]), len(outputs), chunk_bytes)


def _take_apart(source: str, outer: int, count: int, chunk_bytes: int) -> Lowered:
    return kernel_call(
        "split",
        {"outer": outer, "count": count, "chunk_bytes": chunk_bytes},
        "copy.c",
        "walk.c",
        operands=f"{source}, {_outputs(count)}",
    )


def _outputs(count: int) -> str:
    pointers = ", ".join(f"{{out{i}}}" for i in range(count))
    return f"(void *const[]){{{{{pointers}}}}}"


@lowers("UNPACK")
def lower_unpack(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_split: each output is a chunk of the axis that goes."""
    source = input_tensor(op, graph)
    outputs = [output_tensor(op, graph, i) for i in range(len(op.outputs))]
    dtype = same_dtype(op, (source, *outputs), MOVABLE)
    axis = normalized_axis(op, int(op.options.get("axis", 0)), len(source.shape))
    if source.shape[axis] != len(outputs):
        refuse(op, f"{len(outputs)} outputs of an axis of {source.shape[axis]}", "one for each")
    for output in outputs:
        same_shape(op, output, (*source.shape[:axis], *source.shape[axis + 1 :]))
    chunk_bytes = prod(source.shape[axis + 1 :]) * np.dtype(dtype).itemsize
    return _take_apart("{in0}", prod(source.shape[:axis]), len(outputs), chunk_bytes)


@lowers("SPLIT_V")
def lower_split_v(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_split_v; inputs are (tensor, sizes, axis), one size may be -1: the rest."""
    source = input_tensor(op, graph)
    sizes = constant_ints(op, graph, 1, "sizes")
    axes = constant_ints(op, graph, 2, "axis")
    outputs = [output_tensor(op, graph, i) for i in range(len(op.outputs))]
    dtype = same_dtype(op, (source, *outputs), MOVABLE)
    if len(axes) != 1 or len(sizes) != len(outputs):
        refuse(op, f"{len(axes)} axes, {len(sizes)} sizes", "one axis, a size for each output")
    axis = normalized_axis(op, axes[0], len(source.shape))
    if sizes.count(-1) == 1:
        sizes[sizes.index(-1)] = source.shape[axis] - (sum(sizes) + 1)
    if min(sizes) < 1 or sum(sizes) != source.shape[axis]:
        refuse(op, f"sizes {sizes} of an axis of {source.shape[axis]}", "sizes that add up to it")
    for output, size in zip(outputs, sizes, strict=True):
        same_shape(op, output, (*source.shape[:axis], size, *source.shape[axis + 1 :]))
    chunk = prod(source.shape[axis + 1 :]) * np.dtype(dtype).itemsize
    chunks = np.array([size * chunk for size in sizes], dtype=np.int32)
    return kernel_call(
        "split_v",
        {"outer": prod(source.shape[:axis]), "count": len(sizes), "chunk_bytes": "{chunks}"},
        "remap.c",
        struct="concatenation",
        operands=f"{{in0}}, {_outputs(len(sizes))}",
        constants={"chunks": Constant(chunks, owner="tables")},
    )
