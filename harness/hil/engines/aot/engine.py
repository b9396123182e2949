"""The aot engine: a model becomes C ahead of time, one static call per op, no interpreter."""

from __future__ import annotations

import hil.engines.aot.ops  # noqa: F401  (registers the lowerings)
from hil.engines.aot import codegen, planner
from hil.engines.aot.lower import LOWERINGS, Lowered, refuse
from hil.engines.ctext import has_c_type
from hil.engines.interface import Role
from hil.errors import ModelError
from hil.records import EngineSources
from hil.tflite.graph import Graph, Op
from hil.tflite.model import Model

VERSION = "3"
KERNEL_DIR = "engines/aot"
_MAX_IO = 255  # hil_input_count and hil_output_count are uint8_t
_ARITHMETIC = ("int8", "int16", "float32")


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
            ModelError: the graph reads a tensor that nothing writes.
        """
        graph = model.graph
        _check_dataflow(graph)
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
    return LOWERINGS[op.name](op, graph)


def _check_dataflow(graph: Graph) -> None:
    """Every tensor that is read must be an input, a constant, or written by an earlier op."""
    known = {*graph.inputs, *(t.index for t in graph.tensors if t.is_constant)}
    for op in graph.ops:
        for index in op.inputs:
            if index >= 0 and index not in known:
                raise ModelError(
                    f"op {op.index} ({op.name}) reads tensor {index}, which nothing has written",
                    hint="the model is damaged, or keeps state between inferences",
                )
        known.update(op.outputs)
    for index in graph.outputs:
        if index not in known:
            raise ModelError(
                f"output tensor {index} is written by no op", hint="the model is damaged"
            )
    if max(len(graph.inputs), len(graph.outputs)) > _MAX_IO:
        raise ModelError(f"more than {_MAX_IO} inputs or outputs", hint="split the model")
