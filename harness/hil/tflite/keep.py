"""Keep every tensor of an interpreter readable: declare them all outputs of the model.

``experimental_preserve_all_tensors`` gives every tensor its own memory, but ops that may compute
in place (ADD, MUL, RESHAPE …) still overwrite an input that no later op reads: TFLite's
``ArenaPlanner::IdentifyInPlaceTensors``, seen in tflite-runtime 2.14. Outputs of the model
are not overwritten.
"""

from __future__ import annotations

import numpy as np

from hil.tflite import schema

_OUTPUTS_SLOT = 8  # of the table SubGraph: tensors 4, inputs 6, outputs 8


def with_all_outputs(model_bytes: bytes) -> bytes:
    """Return the model with every op's result appended to its outputs, the given ones first.

    The longer list of outputs is appended to the file and the one reference to it is changed;
    everything else stays where it is.
    """
    graph = schema.root(model_bytes).Subgraphs(0)
    outputs = graph.OutputsAsNumpy().tolist()
    known = set(outputs)
    for number in range(graph.OperatorsLength()):
        for index in graph.Operators(number).OutputsAsNumpy().tolist():
            if index not in known:
                known.add(index)
                outputs.append(index)
    field = graph._tab.Pos + graph._tab.Offset(_OUTPUTS_SLOT)
    content = bytearray(model_bytes) + bytes(-len(model_bytes) % 4)
    distance = len(content) - field
    content += np.asarray([len(outputs), *outputs], "<i4").tobytes()
    content[field : field + 4] = distance.to_bytes(4, "little")
    return bytes(content)
