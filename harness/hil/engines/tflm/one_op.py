"""A model with one op, made here: the smallest thing that shows that a library works.

FULLY_CONNECTED, int8, 8 inputs and 4 outputs, per-tensor, with bias: every TFLM has it, and an
optimized library has a kernel of its own for it.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import flatbuffers
import numpy as np

from hil.tflite import schema

IN, OUT = 8, 4


def one_op_model() -> bytes:
    """Return the bytes of the .tflite."""
    weights = (np.arange(OUT * IN, dtype=np.int16) * 37 % 255 - 127).astype(np.int8)
    bias = np.array([100, -200, 300, -400], np.int32)
    untyped: Any = flatbuffers
    builder = untyped.Builder(1024)
    buffers = [_table(builder, "Buffer", {})]
    for content in (weights, bias):
        data = builder.CreateByteVector(content.tobytes())
        buffers.append(_table(builder, "Buffer", {"Data": data}))
    tensors = [
        _tensor(builder, "input", (1, IN), "INT8", 0.05, -3, 0),
        _tensor(builder, "weights", (OUT, IN), "INT8", 0.01, 0, 1),
        _tensor(builder, "bias", (OUT,), "INT32", 0.05 * 0.01, 0, 2),
        _tensor(builder, "output", (1, OUT), "INT8", 0.04, 5, 0),
    ]
    number = schema.enum_numbers("BuiltinOperator")["FULLY_CONNECTED"]
    code = {"DeprecatedBuiltinCode": number, "BuiltinCode": number, "Version": 1}
    operator = {
        "Inputs": _ints(builder, (0, 1, 2)),
        "Outputs": _ints(builder, (3,)),
        "BuiltinOptionsType": schema.enum_numbers("BuiltinOptions")["FullyConnectedOptions"],
        "BuiltinOptions": _table(builder, "FullyConnectedOptions", {}),
    }
    graph = {
        "Tensors": _offsets(builder, tensors),
        "Inputs": _ints(builder, (0,)),
        "Outputs": _ints(builder, (3,)),
        "Operators": _offsets(builder, [_table(builder, "Operator", operator)]),
    }
    model = {
        "Version": schema.SCHEMA_VERSION,
        "OperatorCodes": _offsets(builder, [_table(builder, "OperatorCode", code)]),
        "Subgraphs": _offsets(builder, [_table(builder, "SubGraph", graph)]),
        "Description": builder.CreateString("one op, made by hil"),
        "Buffers": _offsets(builder, buffers),
    }
    builder.Finish(_table(builder, "Model", model), file_identifier=schema.IDENTIFIER)
    return bytes(builder.Output())


def _tensor(
    builder: Any,
    name: str,
    shape: Sequence[int],
    kind: str,
    scale: float,
    zero_point: int,
    buffer: int,
) -> int:
    quantization = {
        "Scale": builder.CreateNumpyVector(np.array([scale], np.float32)),
        "ZeroPoint": builder.CreateNumpyVector(np.array([zero_point], np.int64)),
    }
    fields = {
        "Shape": _ints(builder, shape),
        "Type": schema.enum_numbers("TensorType")[kind],
        "Buffer": buffer,
        "Name": builder.CreateString(name),
        "Quantization": _table(builder, "QuantizationParameters", quantization),
    }
    return _table(builder, "Tensor", fields)


def _table(builder: Any, name: str, fields: Mapping[str, int]) -> int:
    module = importlib.import_module(f"tflite.{name}")
    getattr(module, f"{name}Start")(builder)
    for key, value in fields.items():
        getattr(module, f"{name}Add{key}")(builder, value)
    return int(getattr(module, f"{name}End")(builder))


def _ints(builder: Any, values: Sequence[int]) -> int:
    return int(builder.CreateNumpyVector(np.asarray(values, np.int32)))


def _offsets(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
