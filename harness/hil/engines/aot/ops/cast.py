"""CAST between number types. Source: tensorflow/lite/kernels/cast.cc."""

from __future__ import annotations

from hil.engines.aot.checks import input_tensor, output_tensor, same_shape
from hil.engines.aot.lower import Lowered, kernel_call, lowers, refuse
from hil.engines.aot.ops.reshape import view
from hil.tflite.graph import Graph, Op

_SUFFIX = {
    "int8": "s8",
    "uint8": "u8",
    "int16": "s16",
    "int32": "s32",
    "int64": "s64",
    "float32": "f32",
    "bool": "b",
}


@lowers("CAST")
def lower_cast(op: Op, graph: Graph) -> Lowered:
    """Lower to the kernel of the two types, or to a view; the bytes of a bool are 0 or 1."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    same_shape(op, output, source.shape)
    for tensor in (source, output):
        if tensor.dtype not in _SUFFIX:
            refuse(op, f"tensor {tensor.index} is {tensor.dtype}", ", ".join(_SUFFIX))
    if source.dtype == output.dtype or (source.dtype, output.dtype) == ("bool", "uint8"):
        return view()
    kinds = ("u8" if source.dtype == "bool" else _SUFFIX[source.dtype], _SUFFIX[output.dtype])
    fields = {"elements": output.elements}
    return kernel_call(f"cast_{kinds[0]}_{kinds[1]}", fields, "cast.c", struct="cast")
