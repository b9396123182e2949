"""Write a :class:`~hil.tflite.graph.Graph` as a .tflite: the inverse of the reader.

``parse_model(write_model(graph), graph.name)`` has the tensors, ops, inputs, outputs and the
description of ``graph``. What a graph does not hold is not written: metadata, signatures, batch
sizes left open. Equal graphs give equal bytes. Tensors with equal data share a buffer; buffers are
aligned to 16 bytes, as the schema requires.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hil.errors import UnsupportedModel
from hil.records import Array
from hil.tflite import schema
from hil.tflite.graph import Graph, Op, Quantization, Tensor

PLACEHOLDER_FOR_GREATER_CODES = 127
_TYPE_OF_DTYPE = {dtype: name for name, dtype in schema.DTYPE_OF_TYPE.items()}


def write_model(graph: Graph) -> bytes:
    """Return the bytes of a .tflite that holds ``graph``.

    Raises:
        UnsupportedModel: an op is a custom one, or has options whose table hil does not know.
    """
    return _Writer(graph).write()


class Tables:
    """A flatbuffers builder that writes the schema's tables by name."""

    def __init__(self) -> None:
        from flatbuffers.builder import Builder

        self._fb: Any = Builder(1024)  # type: ignore[no-untyped-call]

    def table(self, name: str, fields: Mapping[str, Any]) -> int:
        """Write a table from accessor names (``StrideH``) and finished values or offsets."""
        module = importlib.import_module(f"tflite.{name}")
        getattr(module, f"{name}Start")(self._fb)
        for key, value in fields.items():
            getattr(module, f"{name}Add{key}")(self._fb, value)
        return int(getattr(module, f"{name}End")(self._fb))

    def options(self, name: str, options: Mapping[str, Any]) -> int:
        """Write an option table from schema names in snake_case; enums may be names.

        Raises:
            TypeError: the table has no such option.
        """
        accessors = {schema.snake_case(field): field for field in schema.option_fields(name)}
        fields: dict[str, Any] = {}
        for key, value in options.items():
            if key not in accessors:
                raise TypeError(f"{name} has no option '{key}', but {sorted(accessors)}")
            accessor = accessors[key]
            enum = schema.enum_of(name, accessor)
            if enum is not None and isinstance(value, str):
                value = schema.enum_numbers(enum)[value]
            fields[accessor] = self.ints(value) if isinstance(value, list | tuple) else value
        return self.table(name, fields)

    def ints(self, values: Sequence[int]) -> int:
        """Write a vector of int32."""
        return self.vector(np.asarray(values, np.int32))

    def vector(self, values: Array) -> int:
        """Write a vector of numbers."""
        return int(self._fb.CreateNumpyVector(values))

    def text(self, text: str | bytes) -> int:
        """Write a string."""
        return int(self._fb.CreateString(text))

    def offsets(self, offsets: Sequence[int]) -> int:
        """Write a vector of tables."""
        self._fb.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._fb.PrependUOffsetTRelative(offset)
        return int(self._fb.EndVector())

    def blob(self, content: bytes) -> int:
        """Write bytes aligned to 16, as the schema requires for tensor data."""
        self._fb.StartVector(1, len(content), 16)
        self._fb.head = self._fb.head - len(content)
        self._fb.Bytes[self._fb.head : self._fb.head + len(content)] = content
        return int(self._fb.EndVector())

    def finish(self, root: int) -> bytes:
        """End with the root table and return the file's bytes."""
        self._fb.Finish(root, file_identifier=schema.IDENTIFIER)
        return bytes(self._fb.Output())


class _Writer:
    def __init__(self, graph: Graph) -> None:
        self._graph, self._to = graph, Tables()

    def write(self) -> bytes:
        graph, to = self._graph, self._to
        contents = [b""]  # buffer 0 is the empty one by convention
        buffer_of = [_buffer(tensor, contents) for tensor in graph.tensors]
        buffers = [to.table("Buffer", {"Data": to.blob(data)} if data else {}) for data in contents]
        tensors = [self._tensor(t, b) for t, b in zip(graph.tensors, buffer_of, strict=True)]
        codes = list(dict.fromkeys((op.name, op.version) for op in graph.ops))
        written_codes = [self._code(*code) for code in codes]
        ops = [self._op(op, codes.index((op.name, op.version))) for op in graph.ops]
        subgraph = to.table(
            "SubGraph",
            {
                "Tensors": to.offsets(tensors),
                "Inputs": to.ints(graph.inputs),
                "Outputs": to.ints(graph.outputs),
                "Operators": to.offsets(ops),
                "Name": to.text("main"),
            },
        )
        model = {
            "Version": schema.SCHEMA_VERSION,
            "OperatorCodes": to.offsets(written_codes),
            "Subgraphs": to.offsets([subgraph]),
            "Description": to.text(graph.description),
            "Buffers": to.offsets(buffers),
        }
        return to.finish(to.table("Model", model))

    def _tensor(self, tensor: Tensor, buffer: int) -> int:
        to = self._to
        fields: dict[str, Any] = {
            "Shape": to.ints(tensor.shape),
            "Type": schema.enum_numbers("TensorType")[_TYPE_OF_DTYPE[tensor.dtype]],
            "Buffer": buffer,
            "Name": to.text(tensor.name),
        }
        if tensor.is_variable:
            fields["IsVariable"] = True
        if tensor.quantization is not None:
            fields["Quantization"] = self._quantization(tensor.quantization)
        return to.table("Tensor", fields)

    def _quantization(self, quantization: Quantization) -> int:
        return self._to.table(
            "QuantizationParameters",
            {
                "Scale": self._to.vector(np.asarray(quantization.scale, np.float32)),
                "ZeroPoint": self._to.vector(np.asarray(quantization.zero_point, np.int64)),
                "QuantizedDimension": quantization.axis,
            },
        )

    def _code(self, name: str, version: int) -> int:
        number = schema.enum_numbers("BuiltinOperator").get(name)
        if number is None:
            raise UnsupportedModel(
                f"the op {name} cannot be written into a .tflite",
                hint="hil does not rewrite models with custom ops",
            )
        fields = {
            "DeprecatedBuiltinCode": min(number, PLACEHOLDER_FOR_GREATER_CODES),
            "BuiltinCode": number,
            "Version": version,
        }
        return self._to.table("OperatorCode", fields)

    def _op(self, op: Op, code: int) -> int:
        to, table = self._to, schema.OPTIONS_OF_OP.get(op.name)
        fields: dict[str, Any] = {
            "OpcodeIndex": code,
            "Inputs": to.ints(op.inputs),
            "Outputs": to.ints(op.outputs),
        }
        if op.intermediates:
            fields["Intermediates"] = to.ints(op.intermediates)
        if table is not None:
            fields["BuiltinOptionsType"] = schema.enum_numbers("BuiltinOptions")[table]
            fields["BuiltinOptions"] = to.options(table, op.options)
        elif op.options:
            raise UnsupportedModel(
                f"op {op.index} ({op.name}) has options that hil cannot write",
                hint="hil rewrites models of the ops that its engines support",
            )
        return to.table("Operator", fields)


def _buffer(tensor: Tensor, contents: list[bytes]) -> int:
    """Return the number of the buffer with the tensor's data, added where there is none yet."""
    if tensor.data is None or not tensor.elements:
        return 0
    data = np.ascontiguousarray(tensor.data, np.dtype(tensor.dtype).newbyteorder("<")).tobytes()
    if data not in contents:
        contents.append(data)
    return contents.index(data)
