"""Change what of a model an interpreter runs and keeps, by its lists of inputs, outputs and ops.

To keep every tensor readable, all are declared outputs of the model:
``experimental_preserve_all_tensors`` gives every tensor its own memory, but ops that may compute
in place (ADD, MUL, RESHAPE …) still overwrite an input that no later op reads: TFLite's
``ArenaPlanner::IdentifyInPlaceTensors``, seen in tflite-runtime 2.14. Outputs of the model
are not overwritten.

A longer list is appended to the file and the one reference to it is changed; everything else stays
where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from hil.tflite import schema

_INPUTS_SLOT, _OUTPUTS_SLOT, _OPERATORS_SLOT = 6, 8, 10  # of the table SubGraph


def with_all_outputs(model_bytes: bytes) -> bytes:
    """Return the model with every op's result appended to its outputs, the given ones first."""
    graph = schema.root(model_bytes).Subgraphs(0)
    outputs = graph.OutputsAsNumpy().tolist()
    known = set(outputs)
    for number in range(graph.OperatorsLength()):
        for index in graph.Operators(number).OutputsAsNumpy().tolist():
            if index not in known:
                known.add(index)
                outputs.append(index)
    content = bytearray(model_bytes)
    _replace(content, graph, _OUTPUTS_SLOT, outputs)
    return bytes(content)


def with_only(
    model_bytes: bytes, ops: Sequence[int], inputs: Sequence[int], outputs: Sequence[int]
) -> bytes:
    """Return the model with some of its ops alone, and these tensors as inputs and outputs."""
    graph = schema.root(model_bytes).Subgraphs(0)
    content = bytearray(model_bytes)
    _replace(content, graph, _INPUTS_SLOT, inputs)
    _replace(content, graph, _OUTPUTS_SLOT, outputs)
    # Offsets lead forward only: the list of ops is shortened where it is.
    tables = [graph.Operators(number)._tab.Pos for number in ops]
    vector = graph._tab.Vector(graph._tab.Offset(_OPERATORS_SLOT))
    offsets = [table - (vector + 4 * at) for at, table in enumerate(tables)]
    numbers = np.asarray([len(offsets), *offsets], "<u4").tobytes()
    content[vector - 4 : vector - 4 + len(numbers)] = numbers
    return bytes(content)


def _replace(content: bytearray, graph: Any, slot: int, values: Sequence[int]) -> None:
    """Append a vector of 32-bit numbers and let a field of the subgraph refer to it."""
    field = graph._tab.Pos + graph._tab.Offset(slot)
    content += bytes(-len(content) % 4)
    distance = len(content) - field
    content += np.asarray([len(values), *values], "<i4").tobytes()
    content[field : field + 4] = distance.to_bytes(4, "little")
