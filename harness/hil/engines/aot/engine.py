"""The aot engine: a model becomes C ahead of time, one static call per op, no interpreter."""

from __future__ import annotations

import hil.engines.aot.ops  # noqa: F401  (registers the lowerings)
from hil.engines.aot import codegen, planner
from hil.engines.aot.checks import input_tensor, output_tensor
from hil.engines.aot.lower import LOWERINGS, Lowered, refuse, unsupported
from hil.engines.ctext import has_c_type
from hil.engines.interface import Role
from hil.engines.program_interface import check_ends
from hil.errors import Gap, UnsupportedModel
from hil.records import EngineSources
from hil.tflite.fold import folded, folded_ops
from hil.tflite.graph import Graph, Op
from hil.tflite.model import Model

VERSION = "3"
KERNEL_DIR = "engines/aot"
_STATE_DEFINE = "HIL_STATE_BYTES"
_ARITHMETIC = ("int8", "int16", "float32")
_REQUIRED_INPUTS = {
    **dict.fromkeys(("ADD", "SUB", "MUL", "SPLIT", "MEAN", "PAD", "TRANSPOSE"), 2),
    **dict.fromkeys(("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"), 2),
    **dict.fromkeys(("EMBEDDING_LOOKUP", "GATHER", "MIRROR_PAD", "REVERSE_V2", "TILE"), 2),
    **dict.fromkeys(("BATCH_TO_SPACE_ND", "SLICE", "SPACE_TO_BATCH_ND", "SPLIT_V"), 3),
    **dict.fromkeys(("DIV", "MAXIMUM", "MINIMUM", "PRELU", "SQUARED_DIFFERENCE"), 2),
    **dict.fromkeys(("EQUAL", "NOT_EQUAL", "LESS", "LESS_EQUAL", "GREATER", "GREATER_EQUAL"), 2),
    **dict.fromkeys(("LOGICAL_AND", "LOGICAL_OR"), 2),
    **dict.fromkeys(("SELECT", "SELECT_V2"), 3),
    **dict.fromkeys(("ARG_MAX", "ARG_MIN", "REDUCE_MAX", "REDUCE_MIN", "SUM"), 2),
    **{
        "BROADCAST_TO": 2,
        "TRANSPOSE_CONV": 3,
        "RESIZE_NEAREST_NEIGHBOR": 2,
        "PADV2": 3,
        "STRIDED_SLICE": 4,
    },
}
"""Inputs that an op must have; one where it is not listed."""
STATE_INPUTS = {"SVDF": (4,), "UNIDIRECTIONAL_SEQUENCE_LSTM": (18, 19)}
"""Inputs of ops that are variable tensors, by position."""
_NO_KERNEL = {
    "CUSTOM:ethos-u": (
        "the model was compiled for an Ethos-U NPU (by Vela)",
        "the .tflite from before that step",
    ),
    "CUSTOM:edgetpu": (
        "the model was compiled for an Edge TPU",
        "the .tflite from before that step",
    ),
    "CUSTOM:Flex": (
        "it is an op of TensorFlow that the converter passed through (Flex)",
        "TensorFlow Lite's own ops: convert with TFLITE_BUILTINS only; export a recurrent layer "
        "with a fixed batch so that it is fused, or unrolled",
    ),
}
"""Reason and remedy for ops by how their names begin."""


class AotEngine:
    """Generates C for int8, int16, float32 and dynamic-range models."""

    name = "aot"
    title = "aot"
    version = VERSION
    role: Role = "candidate"

    def sources(self, model: Model) -> EngineSources:
        """Fold, lower, plan and generate.

        Raises:
            MissingTool: no TFLite interpreter is installed, which folding needs.
            UnsupportedModel: an op, dtype or option has no kernel.
            ModelError: more inputs or outputs than the protocol has.
        """
        graph = folded(model)
        lowered = lower_all(graph)
        check_ends(graph)
        layout = planner.plan(graph, lowered)
        text = codegen.generate(model, graph, lowered, layout)
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
            runtime_defines=_state_define(graph),
            op_count=len(model.graph.ops),
            folded=folded_ops(model.graph, graph),
        )


def _state_define(graph: Graph) -> tuple[str, ...]:
    """What makes the DUT program know ``hil-reset``: the bytes that the model keeps."""
    state = graph.state_tensors
    return (f"{_STATE_DEFINE}={sum(t.nbytes for t in state)}u",) if state else ()


def lower_all(graph: Graph) -> list[Lowered]:
    """Lower every op, or refuse all those that cannot be, in one error."""
    lowered: list[Lowered] = []
    gaps: list[Gap] = []
    for op in graph.ops:
        try:
            lowered.append(lower(op, graph))
        except UnsupportedModel as error:
            gaps += error.gaps
    if gaps:
        raise unsupported(*gaps)
    return lowered


def lower(op: Op, graph: Graph) -> Lowered:
    """Lower one op, or refuse it by name, index and reason."""
    if op.name not in LOWERINGS:
        refuse(op, *_no_kernel(op.name))
    _refuse_state(op, graph)
    for index in (*op.inputs, *op.outputs):
        if index >= 0 and not has_c_type(graph.tensors[index].dtype):
            refuse(op, f"tensor {index} is {graph.tensors[index].dtype}", ", ".join(_ARITHMETIC))
    for position in range(_REQUIRED_INPUTS.get(op.name, 1)):
        input_tensor(op, graph, position)
    for position in range(len(op.outputs)):
        output_tensor(op, graph, position)
    return LOWERINGS[op.name](op, graph)


def _no_kernel(name: str) -> tuple[str, str]:
    """Why an op without a lowering is refused, and what to do about it."""
    for begin, (reason, remedy) in _NO_KERNEL.items():
        if name.startswith(begin):
            return reason, remedy
    return "there is no kernel for it", f"{len(LOWERINGS)} ops, which docs/engine.md lists"


def _refuse_state(op: Op, graph: Graph) -> None:
    """Refuse a variable tensor where an op has none; only ops with state know them."""
    allowed = STATE_INPUTS.get(op.name, ())
    others = [index for at, index in enumerate(op.inputs) if at not in allowed]
    for index in (*others, *op.outputs):
        if index >= 0 and graph.tensors[index].is_variable:
            refuse(
                op,
                f"tensor {index} keeps its value between inferences",
                f"variable tensors as state of {', '.join(sorted(STATE_INPUTS))}; else make the "
                "state an input and an output",
            )
