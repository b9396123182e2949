"""Facts of TensorFlow Lite's flatbuffer schema.

The generated Python classes of the ``tflite`` package know field names and types but not which
option table belongs to which op, nor which fields are enums. Both are facts of TensorFlow's
``tensorflow/compiler/mlir/lite/schema/schema.fbs`` (schema version 3) and are listed here.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

SCHEMA_VERSION = 3
IDENTIFIER = b"TFL3"
_BUILTIN_CODE_SLOT = 10  # of the table OperatorCode

#: Option table of each op that reads one, for the ops whose options this project interprets.
OPTIONS_OF_OP = {
    "ADD": "AddOptions",
    "ARG_MAX": "ArgMaxOptions",
    "ARG_MIN": "ArgMinOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "BATCH_MATMUL": "BatchMatMulOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "CONV_3D": "Conv3DOptions",
    "CUMSUM": "CumsumOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEPTH_TO_SPACE": "DepthToSpaceOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "DIV": "DivOptions",
    "EXPAND_DIMS": "ExpandDimsOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "GATHER": "GatherOptions",
    "HARD_SWISH": "HardSwishOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "LEAKY_RELU": "LeakyReluOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MIRROR_PAD": "MirrorPadOptions",
    "MUL": "MulOptions",
    "PACK": "PackOptions",
    "PAD": "PadOptions",
    "PADV2": "PadV2Options",
    "QUANTIZE": "QuantizeOptions",
    "REDUCE_MAX": "ReducerOptions",
    "REDUCE_MIN": "ReducerOptions",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_BILINEAR": "ResizeBilinearOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "SPACE_TO_DEPTH": "SpaceToDepthOptions",
    "SPLIT": "SplitOptions",
    "SPLIT_V": "SplitVOptions",
    "SQUEEZE": "SqueezeOptions",
    "STRIDED_SLICE": "StridedSliceOptions",
    "SUB": "SubOptions",
    "SUM": "ReducerOptions",
    "SVDF": "SVDFOptions",
    "TRANSPOSE": "TransposeOptions",
    "TRANSPOSE_CONV": "TransposeConvOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "UNPACK": "UnpackOptions",
}

#: Enum of each option field that is one; every field name has one meaning in the whole schema,
#: but for those listed with their table.
ENUM_OF_FIELD = {
    "Padding": "Padding",
    "FusedActivationFunction": "ActivationFunctionType",
    "WeightsFormat": "FullyConnectedOptionsWeightsFormat",
    "QuantizedBiasType": "TensorType",
    "InDataType": "TensorType",
    "OutDataType": "TensorType",
    "OutType": "TensorType",
    "OutputType": "TensorType",
    "IndexOutType": "TensorType",
    "IdxOutType": "TensorType",
    "MirrorPadOptions.Mode": "MirrorPadMode",
    "LSTMOptions.KernelType": "LSTMKernelType",
    "LSHProjectionOptions.Type": "LSHProjectionType",
    "EmbeddingLookupSparseOptions.Combiner": "CombinerType",
}

#: numpy's name of each tensor type that has one.
DTYPE_OF_TYPE = {
    "FLOAT32": "float32",
    "FLOAT16": "float16",
    "FLOAT64": "float64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "BOOL": "bool",
    "COMPLEX64": "complex64",
    "COMPLEX128": "complex128",
}


@cache
def enum_names(enum: str) -> dict[int, str]:
    """Return number -> name of a schema enum, such as ``Padding``."""
    members = vars(_schema_class(enum))
    return {value: name for name, value in members.items() if not name.startswith("_")}


@cache
def enum_numbers(enum: str) -> dict[str, int]:
    """Return name -> number of a schema enum."""
    return {name: number for number, name in enum_names(enum).items()}


@cache
def option_fields(table: str) -> tuple[str, ...]:
    """Return the accessor names (``StrideH``) of an option table's fields, in schema order."""
    members = vars(_schema_class(table))
    prefixes = ("_", "GetRootAs", "Init")
    suffixes = ("AsNumpy", "Length", "IsNone", "BufferHasIdentifier")
    return tuple(
        name for name in members if not name.startswith(prefixes) and not name.endswith(suffixes)
    )


@cache
def snake_case(accessor: str) -> str:
    """Return the schema's field name of an accessor: ``DilationHFactor`` -> dilation_h_factor."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", accessor).lower()


@cache
def enum_of(table: str, accessor: str) -> str | None:
    """Return the enum that a field of an option table holds, or None for a plain number."""
    return ENUM_OF_FIELD.get(f"{table}.{accessor}") or ENUM_OF_FIELD.get(accessor)


def root(data: bytes) -> Any:
    """Return the ``Model`` table of a .tflite's bytes; its accessors check nothing."""
    return _schema_class("Model").GetRootAs(data, 0)


def builtin_code(code: Any) -> int:
    """Return the op's number of an ``OperatorCode`` table.

    Codes beyond 126 do not fit the first field that the schema had for them; TensorFlow Lite takes
    the larger of both fields. The generated ``BuiltinCode()`` ignores the newer field where it is
    small, and some writers (ai-edge-quantizer) fill only that.
    """
    newer = code._tab.Offset(_BUILTIN_CODE_SLOT)
    if not newer:
        return int(code.DeprecatedBuiltinCode())
    flags = importlib.import_module("flatbuffers.number_types").Int32Flags
    return max(int(code.DeprecatedBuiltinCode()), int(code._tab.Get(flags, newer + code._tab.Pos)))


def index_vector(number: int, stored: Any) -> npt.NDArray[np.int64] | None:
    """Return the numbers in a union ``SparseIndexVector``, or None where it is empty."""
    table = enum_names("SparseIndexVector").get(number, "NONE")
    if stored is None or table == "NONE":
        return None
    vector = _schema_class(table)()
    vector.Init(stored.Bytes, stored.Pos)
    values = vector.ValuesAsNumpy()
    return np.asarray([] if isinstance(values, int) else values, np.int64)


def decode_options(table: str, buffer: bytes, position: int) -> dict[str, Any]:
    """Decode the option table at ``position`` of ``buffer`` into plain Python values.

    Enums come as names, vectors as tuples (empty where absent), strings as ``str``.

    Raises:
        ValueError: an enum holds a number that the schema does not know.
    """
    options = _schema_class(table)()
    options.Init(buffer, position)
    return {snake_case(name): _field(table, options, name) for name in option_fields(table)}


@cache
def _default_options(table: str) -> tuple[tuple[str, Any], ...]:
    # An empty table: a 4-byte vtable (its own size, the object's size) and the offset back to it.
    empty = b"\x04\x00\x04\x00" + b"\x04\x00\x00\x00"
    return tuple(decode_options(table, empty, 4).items())


def default_options(op: str) -> dict[str, Any]:
    """Return the schema's defaults for an op that was stored without options."""
    table = OPTIONS_OF_OP.get(op)
    return dict(_default_options(table)) if table else {}


def _field(table: str, options: Any, name: str) -> Any:
    length: Callable[[], int] | None = getattr(options, f"{name}Length", None)
    if length is not None:
        values = getattr(options, f"{name}AsNumpy")() if length() else ()
        return tuple(value.item() for value in values)
    value = getattr(options, name)()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    enum = enum_of(table, name)
    if enum is None:
        return value
    names = enum_names(enum)
    if value not in names:
        raise ValueError(f"{snake_case(name)} holds {value}, which is not a value of {enum}")
    return names[value]


def _schema_class(name: str) -> Any:
    return getattr(importlib.import_module(f"tflite.{name}"), name)
