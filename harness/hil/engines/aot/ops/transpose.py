"""TRANSPOSE by a constant permutation."""

from __future__ import annotations

from hil.engines.aot.checks import (
    MOVABLE,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_shape,
)
from hil.engines.aot.lower import Lowered, lowers, refuse
from hil.engines.aot.ops.slice import strided_copy
from hil.engines.aot.shapes import check_rank, dense_strides
from hil.tflite.graph import Graph, Op


@lowers("TRANSPOSE")
def lower_transpose(op: Op, graph: Graph) -> Lowered:
    """Lower to a strided copy, or to a view where only dimensions of size 1 move."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), MOVABLE)
    rank = len(source.shape)
    check_rank(op, rank)
    permutation = constant_ints(op, graph, 1, "permutation")
    if any(not -rank <= axis < rank for axis in permutation) or sorted(
        axis % rank for axis in permutation
    ) != list(range(rank)):
        refuse(op, f"permutation {permutation}", f"a permutation of {rank} axes")
    permutation = [axis % rank for axis in permutation]
    same_shape(op, output, tuple(source.shape[axis] for axis in permutation))
    strides = dense_strides(source.shape)
    return strided_copy(output.shape, [strides[axis] for axis in permutation], 0, source, dtype)
