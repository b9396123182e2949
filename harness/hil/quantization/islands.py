"""Rewrites of a graph around what ai-edge-quantizer does with it: ops that it would leave in float
are converted to integers, and float inputs and outputs are put around integer ones."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from hil.tflite.graph import Graph, Op, Tensor

#: Elementwise ops whose kernels in TensorFlow Lite take integers of different scales, by dtype.
ELEMENTWISE = {
    "int8": ("RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU", "HARD_SWISH"),
    "int16": ("RELU", "RELU6", "LEAKY_RELU"),
}
_RESHAPES = ("SQUEEZE", "EXPAND_DIMS")


def reshapes_only(graph: Graph) -> Graph:
    """Write every SQUEEZE and EXPAND_DIMS as the RESHAPE that it is."""
    tensors, ops = list(graph.tensors), []
    for op in graph.ops:
        if op.name in _RESHAPES:
            shape = graph.tensors[op.outputs[0]].shape
            index = len(tensors)
            data = np.asarray(shape, np.int32)
            tensors.append(Tensor(index, f"t{index}", (len(shape),), "int32", None, data))
            options = {"new_shape": shape}
            op = dataclasses.replace(
                op, name="RESHAPE", version=1, inputs=(op.inputs[0], index), options=options
            )
        ops.append(op)
    return dataclasses.replace(graph, tensors=tuple(tensors), ops=tuple(ops))


def into_integers(graph: Graph) -> Graph:
    """Let elementwise ops between a DEQUANTIZE and a QUANTIZE work on the integers themselves."""
    ops = list(graph.ops)
    for op in graph.ops:
        island = _island(graph, op)
        if island is not None:
            source, sink = island
            inside = dataclasses.replace(op, inputs=source.inputs, outputs=sink.outputs)
            ops[ops.index(op)] = inside
            ops.remove(sink)
    read = {index for op in ops for index in op.inputs} | set(graph.outputs)
    kept = [op for op in ops if op.name != "DEQUANTIZE" or op.outputs[0] in read]
    return graph if len(kept) == len(graph.ops) else without_unused(graph, kept)


def _island(graph: Graph, op: Op) -> tuple[Op, Op] | None:
    """The DEQUANTIZE before and the QUANTIZE after an op, where nothing else reads between them."""
    source = next((other for other in graph.ops if op.inputs[0] in other.outputs), None)
    sinks = [other for other in graph.ops if op.outputs[0] in other.inputs]
    if source is None or len(sinks) != 1 or op.outputs[0] in graph.outputs:
        return None
    if source.name != "DEQUANTIZE" or sinks[0].name != "QUANTIZE":
        return None
    dtypes = [graph.tensors[index].dtype for index in (source.inputs[0], sinks[0].outputs[0])]
    usable = dtypes[0] == dtypes[1] and op.name in ELEMENTWISE.get(dtypes[0], ())
    return (source, sinks[0]) if usable else None


def float_ends(graph: Graph) -> Graph:
    """Put a QUANTIZE after each integer input and a DEQUANTIZE before each integer output.

    The float tensors take over the names, the integers' get ``_quantized`` behind theirs.
    """
    tensors, inputs, outputs = list(graph.tensors), [], []
    before: list[Op] = []
    after: list[Op] = []

    def beside(index: int) -> int:
        tensor = tensors[index]
        new = dataclasses.replace(tensor, index=len(tensors), dtype="float32", quantization=None)
        tensors.append(new)
        tensors[index] = dataclasses.replace(tensor, name=f"{tensor.name}_quantized")
        return new.index

    for index in graph.inputs:
        inputs.append(beside(index) if tensors[index].quantization is not None else index)
        if inputs[-1] != index:
            before.append(Op(0, "QUANTIZE", 1, (inputs[-1],), (index,), {}, 0))
    for index in graph.outputs:
        outputs.append(beside(index) if tensors[index].quantization is not None else index)
        if outputs[-1] != index:
            after.append(Op(0, "DEQUANTIZE", 1, (index,), (outputs[-1],), {}, 0))
    ops = [*before, *graph.ops, *after]
    return dataclasses.replace(
        graph,
        tensors=tuple(tensors),
        ops=tuple(dataclasses.replace(op, index=i) for i, op in enumerate(ops)),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
    )


def without_unused(graph: Graph, ops: Sequence[Op]) -> Graph:
    """Return the graph with these ops only, and the tensors that they or the model's ends name."""
    used = {index for op in ops for index in (*op.inputs, *op.outputs) if index >= 0}
    used |= {*graph.inputs, *graph.outputs}
    place = {old: new for new, old in enumerate(sorted(used))} | {-1: -1}

    def moved(indices: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(place[index] for index in indices)

    return dataclasses.replace(
        graph,
        tensors=tuple(
            dataclasses.replace(graph.tensors[index], index=place[index]) for index in sorted(used)
        ),
        ops=tuple(
            dataclasses.replace(op, index=i, inputs=moved(op.inputs), outputs=moved(op.outputs))
            for i, op in enumerate(ops)
        ),
        inputs=moved(graph.inputs),
        outputs=moved(graph.outputs),
    )
