"""The part of a generated program that all engines share: the constants of hil_model.h."""

from __future__ import annotations

from collections.abc import Sequence

from hil.engines.ctext import comment_text, float_literal
from hil.errors import ModelError, UnsupportedModel
from hil.tflite.graph import Graph, Tensor
from hil.tflite.model import Model

_DTYPES = {
    "float32": "HIL_FLOAT32",
    "int8": "HIL_INT8",
    "uint8": "HIL_UINT8",
    "int16": "HIL_INT16",
    "int32": "HIL_INT32",
    "int64": "HIL_INT64",
    "bool": "HIL_BOOL",
}
_MAX_IO = 255  # hil_input_count and hil_output_count are uint8_t
_NONE = "    {NULL, 0, HIL_INT8, 0.0f, 0}, /* there is none */"


def check_ends(graph: Graph) -> None:
    """Check that a program can state a model's inputs and outputs.

    Raises:
        ModelError: there are too many.
        UnsupportedModel: one is of a type that the protocol lacks, or a variable tensor.
    """
    if max(len(graph.inputs), len(graph.outputs)) > _MAX_IO:
        raise ModelError(f"more than {_MAX_IO} inputs or outputs", hint="split the model")
    for tensor in (*graph.input_tensors, *graph.output_tensors):
        if tensor.is_variable:
            raise UnsupportedModel(
                f"input or output '{tensor.name}' is a variable tensor",
                hint="give the model outputs that its ops compute",
            )
        if tensor.dtype not in _DTYPES:
            raise UnsupportedModel(
                f"input or output '{tensor.name}' is {tensor.dtype}, which the device's protocol "
                "does not carry",
                hint=f"convert the model with inputs and outputs of {', '.join(_DTYPES)}",
            )


def program_interface(
    engine: str, model: Model, input_offsets: Sequence[int], output_offsets: Sequence[int]
) -> str:
    """Return the definitions of engine name, model id, op count, inputs and outputs.

    Offsets are of the tensors in ``hil_arena_memory``, in bytes, in the graph's order.
    """
    graph = model.graph
    return "\n".join(
        [
            f'const char hil_engine_name[] = "{comment_text(engine)}";',
            f'const char hil_model_id[] = "{comment_text(model.sha256[:16])}";',
            f"const uint16_t hil_op_count = {len(graph.ops)};\n",
            _table("input", graph, graph.inputs, input_offsets),
            _table("output", graph, graph.outputs, output_offsets),
        ]
    )


def _table(kind: str, graph: Graph, tensors: Sequence[int], offsets: Sequence[int]) -> str:
    pairs = zip(tensors, offsets, strict=True)
    rows = [_row(graph.tensors[index], offset) for index, offset in pairs]
    return (
        f"const uint8_t hil_{kind}_count = {len(tensors)};\n"
        f"const hil_io hil_{kind}s[] = {{\n" + "\n".join(rows or [_NONE]) + "\n};\n"
    )


def _row(tensor: Tensor, offset: int) -> str:
    scale, zero_point = 0.0, 0
    if tensor.quantization is not None and tensor.quantization.scale.size == 1:
        scale = float(tensor.quantization.scale[0])
        zero_point = int(tensor.quantization.zero_point[0])
    return (
        f"    {{hil_arena_memory + {offset}, {tensor.nbytes}u, {_DTYPES[tensor.dtype]}, "
        f"{float_literal(scale)}, {zero_point}}}, /* {comment_text(tensor.name)} */"
    )
