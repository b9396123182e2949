"""Small valid models of every op, and mutations of them that know the structure of the file."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from functools import cache

import numpy as np
import tflite

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, conv_model

INTS = (0, 1, -1, 2, 3, 4, 7, 64, 255, 65536, 2**31 - 1, -(2**31))
FLOATS = (0.0, 1e-45, 1e-38, 3e38, float("nan"), float("inf"), -1.0, 1.0, 2.0**-20)
LONGS = (0, 1, -1, 127, -128, 128, 2**31, -(2**63), 2**63 - 1)
_TENSOR, _OPERATOR = (4, 6), (6, 8)  # fields of tables (schema.fbs): shape, type; inputs, outputs
_SCALE, _ZERO_POINT, _OPCODE_INDEX = 8, 10, 4
_CODES = (4, 10)  # of an operator code: the old field and the new one


@cache
def seeds() -> tuple[bytes, ...]:
    """The models that are mutated: a chain, the digits, and one for each op and type."""
    made = [conv_model(), (DIGITS / "digits_int8.tflite").read_bytes()]
    for dtype in ("int8", "int16", "float32"):
        made += [builder(dtype) for builder in (_window, _pool, _dense, _pair, _shapes, _softmax)]
    return tuple(made)


def mutated(stream: random.Random) -> bytes:
    """A seed with one to four changes of fields that ops read, or of any word."""
    data = bytearray(stream.choice(seeds()))
    places = _places(bytes(data))
    for _ in range(stream.choice((1, 1, 1, 2, 4))):
        if stream.random() < 0.2:
            at = stream.randrange(8, len(data) - 4)
            struct.pack_into("<I", data, at, stream.choice(INTS) & 0xFFFFFFFF)
            continue
        at, kind = stream.choice(places)
        _CHANGES[kind](data, at, stream)
    return bytes(data)


_CHANGES: dict[str, Callable[[bytearray, int, random.Random], None]] = {
    "int": lambda data, at, stream: struct.pack_into("<i", data, at, stream.choice(INTS)),
    "index": lambda data, at, stream: struct.pack_into("<i", data, at, stream.randrange(-1, 12)),
    "count": lambda data, at, stream: struct.pack_into("<I", data, at, stream.randrange(4)),
    "float": lambda data, at, stream: struct.pack_into("<f", data, at, stream.choice(FLOATS)),
    "long": lambda data, at, stream: struct.pack_into("<q", data, at, stream.choice(LONGS)),
    "byte": lambda data, at, stream: struct.pack_into("<B", data, at, stream.randrange(160)),
}


@cache
def _places(data: bytes) -> tuple[tuple[int, str], ...]:
    """Where the fields lie that ops read, and what they are."""
    model = tflite.Model.GetRootAs(data)
    graph = model.Subgraphs(0)
    found: list[tuple[int, str]] = []
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        found += _vector(tensor, _TENSOR[0], 4, "int") + _scalar(tensor, _TENSOR[1], "byte")
        if (scaling := tensor.Quantization()) is not None:
            found += _vector(scaling, _SCALE, 4, "float") + _vector(scaling, _ZERO_POINT, 8, "long")
    for index in range(graph.OperatorsLength()):
        op = graph.Operators(index)
        found += _scalar(op, _OPCODE_INDEX, "index")
        for field in _OPERATOR:
            found += _vector(op, field, 4, "index")
        if (options := op.BuiltinOptions()) is not None:
            found += _options(data, options.Pos)
    for index in range(model.OperatorCodesLength()):
        for field in _CODES:
            found += _scalar(model.OperatorCodes(index), field, "byte")
    return tuple(found)


def _scalar(table: object, field: int, kind: str) -> list[tuple[int, str]]:
    tab = table._tab  # type: ignore[attr-defined]
    offset = tab.Offset(field)
    return [(tab.Pos + offset, kind)] if offset else []


def _vector(table: object, field: int, width: int, kind: str) -> list[tuple[int, str]]:
    tab = table._tab  # type: ignore[attr-defined]
    offset = tab.Offset(field)
    if not offset:
        return []
    start, count = tab.Vector(offset), tab.VectorLen(offset)
    elements = [(start + width * n, kind) for n in range(min(count, 8))]
    return [(start - 4, "count"), *elements]


def _options(data: bytes, at: int) -> list[tuple[int, str]]:
    vtable = at - struct.unpack_from("<i", data, at)[0]
    fields = (struct.unpack_from("<H", data, vtable)[0] - 4) // 2
    offsets = struct.unpack_from(f"<{fields}H", data, vtable + 4)
    return [(at + o, kind) for o in offsets if o for kind in ("int", "byte", "float")]


def _quantized(dtype: str, scale: float = 0.1) -> dict[str, float]:
    return {} if dtype == "float32" else {"scale": scale}


def _weights(b: ModelBuilder, shape: tuple[int, ...], dtype: str) -> int:
    kind = "float32" if dtype == "float32" else "int8"
    return b.tensor(shape, kind, data=np.ones(shape), **_quantized(dtype, 0.02))


def _bias(b: ModelBuilder, dtype: str, scale: float) -> int:
    kind = {"int8": "int32", "int16": "int64"}.get(dtype, "float32")
    return b.tensor((4,), kind, data=np.zeros(4), **_quantized(dtype, scale))


def _window(dtype: str) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 4), dtype, **_quantized(dtype))
    y = b.tensor((1, 4, 4, 4), dtype, **_quantized(dtype, 0.2))
    z = b.tensor((1, 2, 2, 4), dtype, **_quantized(dtype, 0.3))
    kernels = _weights(b, (4, 3, 3, 4), dtype), _weights(b, (1, 3, 3, 4), dtype)
    b.op("CONV_2D", [x, kernels[0], _bias(b, dtype, 0.1 * 0.02)], [y], padding="SAME")
    inputs = [y, kernels[1], _bias(b, dtype, 0.2 * 0.02)]
    b.op("DEPTHWISE_CONV_2D", inputs, [z], depth_multiplier=1)
    return b.build([x], [z])


def _pool(dtype: str) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 2), dtype, **_quantized(dtype))
    y = b.tensor((1, 2, 2, 2), dtype, **_quantized(dtype))
    z = b.tensor((1, 2), dtype, **_quantized(dtype))
    options = {"filter_height": 2, "filter_width": 2, "stride_h": 2, "stride_w": 2}
    b.op("AVERAGE_POOL_2D", [x], [y], **options)
    b.op("MEAN", [y, b.tensor((2,), "int32", data=[1, 2])], [z])
    return b.build([x], [z])


def _dense(dtype: str) -> bytes:
    b = ModelBuilder()
    x = b.tensor((2, 8), dtype, **_quantized(dtype))
    y = b.tensor((2, 4), dtype, **_quantized(dtype, 0.2))
    b.op("FULLY_CONNECTED", [x, _weights(b, (4, 8), dtype), -1], [y])
    return b.build([x], [y])


def _pair(dtype: str) -> bytes:
    b = ModelBuilder()
    x, y = (b.tensor((1, 2, 3), dtype, **_quantized(dtype)) for _ in range(2))
    z, w = (b.tensor((1, 2, 3), dtype, **_quantized(dtype, 0.2)) for _ in range(2))
    b.op("ADD", [x, y], [z], fused_activation_function="RELU6")
    b.op("MUL", [z, y], [w])
    return b.build([x, y], [w])


def _shapes(dtype: str) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 2, 3, 1), dtype, **_quantized(dtype))
    y = b.tensor((1, 4, 5, 1), dtype, **_quantized(dtype))
    z = b.tensor((4, 5), dtype, **_quantized(dtype))
    t = b.tensor((5, 4), dtype, **_quantized(dtype))
    b.op("PAD", [x, b.tensor((4, 2), "int32", data=[[0, 0], [1, 1], [1, 1], [0, 0]])], [y])
    b.op("RESHAPE", [y, b.tensor((2,), "int32", data=[4, 5])], [z], new_shape=(4, 5))
    b.op("TRANSPOSE", [z, b.tensor((2,), "int32", data=[1, 0])], [t])
    return b.build([x], [t])


def _softmax(dtype: str) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 8), dtype, **_quantized(dtype))
    output = {"int8": {"scale": 1 / 256, "zero_point": -128}, "int16": {"scale": 1 / 32768}}
    y = b.tensor((1, 8), dtype, **output.get(dtype, {}))
    b.op("SOFTMAX", [x], [y])
    return b.build([x], [y])
