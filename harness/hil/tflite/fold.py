"""Fold constants: replace ops whose results do not depend on the model's inputs by constants.

The values are computed by the reference kernels themselves, in one run of only these ops; a model
without any costs a look at its ops. An op that remains keeps its index in the file, and tensors
keep theirs.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from hil.errors import ModelError, ReferenceFailed
from hil.records import Array
from hil.tflite.decode import DTYPES
from hil.tflite.graph import Graph, Op, Tensor
from hil.tflite.keep import with_only
from hil.tflite.model import Model
from hil.tflite.reference import Reference

_OF_SHAPES = {"SHAPE", "RANK"}
"""Ops whose result follows from the shape of their input."""
# fmt: off
_ELEMENTWISE = {
    "ABS", "ADD", "ADD_N", "CAST", "CEIL", "COS", "DEQUANTIZE", "DIV", "ELU", "EQUAL", "EXP",
    "FLOOR", "FLOOR_DIV", "FLOOR_MOD", "GREATER", "GREATER_EQUAL", "HARD_SWISH", "LEAKY_RELU",
    "LESS", "LESS_EQUAL", "LOG", "LOGICAL_AND", "LOGICAL_NOT", "LOGICAL_OR", "LOGISTIC", "MAXIMUM",
    "MINIMUM", "MUL", "NEG", "NOT_EQUAL", "POW", "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1",
    "ROUND", "RSQRT", "SELECT", "SELECT_V2", "SIGN", "SIN", "SQRT", "SQUARE", "SQUARED_DIFFERENCE",
    "SUB", "TANH", "ZEROS_LIKE",
}
_REDUCING = {
    "ARG_MAX", "ARG_MIN", "CUMSUM", "MEAN", "REDUCE_ALL", "REDUCE_ANY", "REDUCE_MAX", "REDUCE_MIN",
    "REDUCE_PROD", "SUM",
}
_MOVING = {
    "BATCH_TO_SPACE_ND", "BROADCAST_ARGS", "BROADCAST_TO", "CONCATENATION", "DENSIFY",
    "DEPTH_TO_SPACE", "EXPAND_DIMS", "FILL", "GATHER", "GATHER_ND", "MIRROR_PAD", "ONE_HOT", "PACK",
    "PAD", "PADV2", "RANGE", "RESHAPE", "REVERSE_V2", "SLICE", "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK",
    "WHERE",
}
# fmt: on
_OF_CONSTANTS = _ELEMENTWISE | _REDUCING | _MOVING
"""Ops that are folded where all inputs are constants."""


def foldable(graph: Graph) -> tuple[Op, ...]:
    """Return the ops whose results do not depend on the model's inputs, in execution order."""
    known = {t.index for t in graph.tensors if t.is_constant and not t.is_variable}
    known -= set(graph.inputs)
    found = []
    for op in graph.ops:
        touched = [graph.tensors[i] for i in (*op.inputs, *op.outputs) if i >= 0]
        if any(tensor.dtype not in DTYPES or tensor.is_variable for tensor in touched):
            continue
        inputs = {i for i in op.inputs if i >= 0}
        if op.name in _OF_SHAPES or (op.name in _OF_CONSTANTS and inputs and inputs <= known):
            found.append(op)
            known.update(op.outputs)
    return tuple(found)


def folded(model: Model) -> Graph:
    """Return the model's graph without its foldable ops, their results as constants.

    It is the model's own where there are none, and where the reference cannot run them.

    Raises:
        MissingTool: no TFLite interpreter is installed.
    """
    ops = foldable(model.graph)
    if not ops:
        return model.graph
    try:
        values = _values(model, ops)
    except (ModelError, ReferenceFailed):
        return model.graph
    gone = {op.index for op in ops}
    return dataclasses.replace(
        model.graph,
        tensors=tuple(_constant(t, values.get(t.index)) for t in model.graph.tensors),
        ops=tuple(op for op in model.graph.ops if op.index not in gone),
    )


def folded_ops(graph: Graph, result: Graph) -> tuple[int, ...]:
    """Return the indices of the ops of a graph that its folded one lacks."""
    kept = {op.index for op in result.ops}
    return tuple(op.index for op in graph.ops if op.index not in kept)


def _values(model: Model, ops: tuple[Op, ...]) -> dict[int, Array]:
    """Run only these ops in the reference; their results by tensor."""
    graph = model.graph
    outputs = tuple(dict.fromkeys(index for op in ops for index in op.outputs))
    shaped = {i for op in ops if op.name in _OF_SHAPES for i in op.inputs}
    inputs = tuple(sorted(i for i in shaped - set(outputs) if not graph.tensors[i].is_constant))
    content = with_only(model.content, [op.index for op in ops], inputs, outputs)
    part = dataclasses.replace(graph, ops=ops, inputs=inputs, outputs=outputs, subgraphs=())
    given = [np.zeros(graph.tensors[i].shape, graph.tensors[i].dtype) for i in inputs]
    results = Reference(Model(content, part)).run(given)
    return dict(zip(outputs, results, strict=True))


def _constant(tensor: Tensor, value: Array | None) -> Tensor:
    if value is None:
        return tensor
    value = np.ascontiguousarray(value, tensor.dtype).reshape(value.shape)
    value.flags.writeable = False
    return dataclasses.replace(tensor, shape=value.shape, data=value)
