"""RESHAPE, SQUEEZE, EXPAND_DIMS: no data moves, the output is a view of the input."""

from __future__ import annotations

from hil.engines.aot.checks import (
    MOVABLE,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
)
from hil.engines.aot.lower import Lowered, lowers, refuse
from hil.tflite.graph import Graph, Op, Tensor


def view() -> Lowered:
    """The lowering of every op that gives its first input's bytes as they are."""
    return Lowered(sources=(), call="", in_place=(0,))


@lowers("RESHAPE", "EXPAND_DIMS")
def lower_reshape(op: Op, graph: Graph) -> Lowered:
    """Lower to a view; the new shape or axis must be constant."""
    tensors = input_tensor(op, graph), output_tensor(op, graph)
    if len(op.inputs) > 1 and graph.tensors[op.inputs[1]].elements:
        constant_ints(op, graph, 1, "shape" if op.name == "RESHAPE" else "axis")
    return _checked_view(op, *tensors)


@lowers("SQUEEZE")
def lower_squeeze(op: Op, graph: Graph) -> Lowered:
    """Lower to a view."""
    return _checked_view(op, input_tensor(op, graph), output_tensor(op, graph))


def _checked_view(op: Op, source: Tensor, output: Tensor) -> Lowered:
    same_dtype(op, (source, output), MOVABLE)
    if source.elements != output.elements:
        refuse(
            op,
            f"{source.elements} elements become {output.elements}",
            "static shapes with the same number of elements",
        )
    return view()
