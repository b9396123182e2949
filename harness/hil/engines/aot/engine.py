"""The aot engine: a model becomes C ahead of time, one static call per op, no interpreter."""

from __future__ import annotations

import hil.engines.aot.ops  # noqa: F401  (registers the lowerings)
from hil.engines.aot import codegen, planner
from hil.engines.aot.checks import input_tensor, output_tensor
from hil.engines.aot.lower import LOWERINGS, Lowered, refuse
from hil.engines.ctext import has_c_type
from hil.engines.interface import Role
from hil.engines.program_interface import check_counts
from hil.records import EngineSources
from hil.tflite.graph import Graph, Op
from hil.tflite.model import Model

VERSION = "3"
KERNEL_DIR = "engines/aot"
_ARITHMETIC = ("int8", "int16", "float32")
_REQUIRED_INPUTS = {
    **dict.fromkeys(("ADD", "SUB", "MUL", "SPLIT", "MEAN", "PAD", "TRANSPOSE"), 2),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), 2),
    **{"RESIZE_NEAREST_NEIGHBOR": 2, "PADV2": 3, "STRIDED_SLICE": 4},
}
"""Inputs that an op must have; one where it is not listed."""


class AotEngine:
    """Generates C for int8, int16, float32 and dynamic-range models."""

    name = "aot"
    title = "aot"
    version = VERSION
    role: Role = "candidate"

    def sources(self, model: Model) -> EngineSources:
        """Lower, plan and generate.

        Raises:
            UnsupportedModel: an op, dtype or option has no kernel.
            ModelError: more inputs or outputs than the protocol has.
        """
        graph = model.graph
        check_counts(graph)
        lowered = [lower(op, graph) for op in graph.ops]
        layout = planner.plan(graph, lowered)
        text = codegen.generate(model, lowered, layout)
        kernels = sorted({f"{KERNEL_DIR}/{name}" for low in lowered for name in low.sources})
        return EngineSources(
            engine=self.name,
            engine_version=self.version,
            files=text.files,
            kernels=tuple(kernels),
            include_dirs=(KERNEL_DIR, "dut"),
            plan=layout.memory,
            weights_bytes=text.weights_bytes,
            tables_bytes=text.tables_bytes,
        )


def lower(op: Op, graph: Graph) -> Lowered:
    """Lower one op, or refuse it by name, index and reason."""
    if op.name not in LOWERINGS:
        refuse(op, "there is no kernel for it", ", ".join(sorted(LOWERINGS)))
    for index in (*op.inputs, *op.outputs):
        if index >= 0 and not has_c_type(graph.tensors[index].dtype):
            refuse(op, f"tensor {index} is {graph.tensors[index].dtype}", ", ".join(_ARITHMETIC))
    for position in range(_REQUIRED_INPUTS.get(op.name, 1)):
        input_tensor(op, graph, position)
    for position in range(len(op.outputs)):
        output_tensor(op, graph, position)
    return LOWERINGS[op.name](op, graph)
