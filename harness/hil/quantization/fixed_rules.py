"""TFLite's requirements on each op's scales in int8 and int16, as far as fixed point needs them.

From the ``Prepare`` functions of tensorflow/lite/kernels; op versions from
tensorflow/lite/tools/versioning/op_version.cc.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NoReturn

from hil.errors import UnsupportedModel
from hil.tflite.graph import Graph, Op, Tensor

Kind = Literal["weighted", "same", "free", "fixed"]


@dataclass(frozen=True)
class Rule:
    """How an op binds the formats of its tensors.

    ``weighted``: inputs are activation, constant weights and bias; the output's format is free.
    ``same``: the inputs in ``data`` (None: all) and all outputs share one format.
    ``free``: every tensor has its own format.
    ``fixed``: TFLite prescribes the output's: fraction bits for int8 with its zero point, 15 for
    int16.
    ``versions`` are the op's for int8 and int16; 0 means that TFLite has no kernel.
    """

    kind: Kind
    versions: tuple[int, int]
    data: tuple[int, ...] | None = (0,)
    fixed_int8: tuple[int, int] = (0, 0)


RULES = {
    "CONV_2D": Rule("weighted", (3, 4)),
    "DEPTHWISE_CONV_2D": Rule("weighted", (3, 5)),
    "FULLY_CONNECTED": Rule("weighted", (4, 7)),
    "AVERAGE_POOL_2D": Rule("same", (2, 3)),
    "MAX_POOL_2D": Rule("same", (2, 3)),
    "RESHAPE": Rule("same", (1, 1)),
    "SQUEEZE": Rule("same", (1, 1)),
    "EXPAND_DIMS": Rule("same", (1, 1)),
    "PAD": Rule("same", (2, 3)),
    "PADV2": Rule("same", (2, 3), data=(0, 2)),
    "CONCATENATION": Rule("same", (2, 3), data=None),
    "SPLIT": Rule("same", (2, 4), data=(1,)),
    "STRIDED_SLICE": Rule("same", (2, 4)),
    "TRANSPOSE": Rule("same", (2, 5)),
    "RESIZE_NEAREST_NEIGHBOR": Rule("same", (2, 4)),
    "ADD": Rule("free", (2, 3), data=(0, 1)),
    "SUB": Rule("free", (2, 5), data=(0, 1)),
    "MUL": Rule("free", (2, 4), data=(0, 1)),
    "MEAN": Rule("free", (2, 3)),
    "RELU": Rule("free", (2, 3)),
    "RELU6": Rule("free", (2, 3)),
    "RELU_N1_TO_1": Rule("free", (1, 0)),
    "LEAKY_RELU": Rule("free", (1, 2)),
    "HARD_SWISH": Rule("free", (1, 0)),
    "SOFTMAX": Rule("fixed", (2, 3), fixed_int8=(8, -128)),
    "LOGISTIC": Rule("fixed", (2, 3), fixed_int8=(8, -128)),
    "TANH": Rule("fixed", (2, 3), fixed_int8=(7, 0)),
}


def data_inputs(op: Op) -> tuple[int, ...]:
    """Positions of the inputs that carry values; weights and biases are not among them."""
    data = RULES[op.name].data
    return tuple(range(len(op.inputs))) if data is None else data


def check_supported(graph: Graph, width: int) -> None:
    """Check that a graph has a fixed-point form.

    Raises:
        UnsupportedModel: an op without a rule or without a kernel of this width, a tensor that is
            neither float32 nor a constant, weights that are computed or stored otherwise.
    """
    for index in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[index]
        if tensor.dtype != "float32" or tensor.is_constant:
            raise UnsupportedModel(
                f"the model's input or output '{tensor.name}' is "
                + ("a constant" if tensor.is_constant else tensor.dtype),
                hint="fixed-point variants are made from models that are float32 throughout",
            )
    for op in graph.ops:
        if op.name not in RULES or RULES[op.name].versions[width > 8] == 0:
            kernel = f": TensorFlow Lite has no int{width} kernel" if op.name in RULES else ""
            supported = ", ".join(name for name, r in RULES.items() if r.versions[width > 8])
            _refuse(op, f"has no fixed-point form in q{width}{kernel}", f"supported: {supported}")
        _check_tensors(op, graph)
        if RULES[op.name].kind == "weighted":
            _check_weights(op, graph)
        if op.name == "SOFTMAX" and not 2**-10 <= op.options["beta"] <= 2**10:
            _refuse(op, f"has beta {op.options['beta']:g}", "TensorFlow Lite needs it near 1")


def _check_tensors(op: Op, graph: Graph) -> None:
    data = data_inputs(op)
    for position in data:
        if position >= len(op.inputs) or op.inputs[position] < 0:
            _refuse(op, f"lacks its input {position}", "the file is damaged; export it again")
    for position, index in enumerate(op.inputs):
        if index < 0:
            continue
        tensor = graph.tensors[index]
        if position in data and tensor.dtype != "float32":
            _refuse(
                op,
                f"reads the {tensor.dtype} tensor '{tensor.name}'",
                "fixed-point variants are made from float32 models; give the float parent",
            )
        if position not in data and not tensor.is_constant:
            _refuse(
                op,
                f"computes its input {position} ('{tensor.name}')",
                "weights, shapes, axes and paddings must be constants",
            )
    for index in op.outputs:
        if (dtype := graph.tensors[index].dtype) != "float32":
            _refuse(op, f"writes a {dtype} tensor", "the model must be float32 throughout")


def _check_weights(op: Op, graph: Graph) -> None:
    for index in op.inputs[1:]:
        if index >= 0:
            _check_constant(op, graph.tensors[index])
    if op.options.get("weights_format", "DEFAULT") != "DEFAULT":
        _refuse(op, "has shuffled weights", "convert the model without them")


def _check_constant(op: Op, tensor: Tensor) -> None:
    if tensor.dtype != "float32":
        _refuse(op, f"has {tensor.dtype} weights", "the model is quantized; give its float parent")


def _refuse(op: Op, what: str, hint: str) -> NoReturn:
    raise UnsupportedModel(f"op {op.index} ({op.name}) {what}", hint=hint)
