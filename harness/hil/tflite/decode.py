"""Decode the flatbuffer of a .tflite table by table; the content is untrusted.

Only :mod:`hil.tflite.reader` uses this; it turns everything raised here into a ``ModelError``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.tflite import schema
from hil.tflite.graph import Op, Quantization, Tensor, storage_bytes
from hil.tflite.macs import op_macs
from hil.tflite.sparse import MAX_DENSE_BYTES, Sparsity, dense, positions, read_sparsity
from hil.tflite.verify import Malformed, verify

MAX_TENSOR_BYTES = 2**31 - 1
MAX_RANK = 8
DTYPES = frozenset(schema.DTYPE_OF_TYPE.values())


class Decoder:
    """One subgraph of a .tflite in memory; methods return project types, raise :class:`Malformed`.

    ``subgraphs`` is how many the file has.
    """

    def __init__(self, data: bytes, subgraph: int = 0) -> None:
        if subgraph == 0:
            verify(data)
        self._data = data
        self._model = schema.root(data)
        if (version := self._model.Version()) != schema.SCHEMA_VERSION:
            raise Malformed(f"schema version {version} where {schema.SCHEMA_VERSION} was expected")
        self.subgraphs = self._length(self._model.SubgraphsLength, "subgraphs")
        if subgraph >= self.subgraphs:
            raise Malformed(f"the model has {self.subgraphs} subgraphs")
        self._subgraph: Any = self._model.Subgraphs(subgraph)
        self._n_tensors = self._length(self._subgraph.TensorsLength, "tensors")
        self._n_ops = self._length(self._subgraph.OperatorsLength, "operators")
        self._n_codes = self._length(self._model.OperatorCodesLength, "operator codes")
        self._n_buffers = self._length(self._model.BuffersLength, "buffers")
        self._check_buffers()

    def name(self) -> str:
        """Return the subgraph's name."""
        return _text(self._subgraph.Name())

    def description(self) -> str:
        """Return the model's description, often the converter's name."""
        return _text(self._model.Description())

    def graph_inputs(self) -> tuple[int, ...]:
        """Return the tensor indices of the model's inputs."""
        return self._indices(self._subgraph, "Inputs", "the model's inputs", optional=False)

    def graph_outputs(self) -> tuple[int, ...]:
        """Return the tensor indices of the model's outputs."""
        return self._indices(self._subgraph, "Outputs", "the model's outputs", optional=False)

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all tensors, in file order."""
        written = self._written()
        return tuple(self._tensor(index, index in written) for index in range(self._n_tensors))

    def ops(self, tensors: tuple[Tensor, ...]) -> tuple[Op, ...]:
        """Return all ops, in execution order."""
        names = [self._op_code(index) for index in range(self._n_codes)]
        return tuple(self._op(index, names, tensors) for index in range(self._n_ops))

    def _check_buffers(self) -> None:
        """Every buffer behind the flatbuffer ends inside the file, also those of no tensor."""
        for index in range(self._n_buffers):
            self._outside_data(self._model.Buffers(index), f"number {index}")

    # Tensors

    def _written(self) -> set[int]:
        """Tensors that hold a value only at run time: inputs of the model, outputs of ops."""
        written = set(self.graph_inputs())
        for index in range(self._n_ops):
            operator = self._subgraph.Operators(index)
            written.update(self._indices(operator, "Outputs", f"op {index}", optional=False))
        return written

    def _tensor(self, index: int, written: bool) -> Tensor:
        raw = self._subgraph.Tensors(index)
        name = _text(raw.Name()) or f"tensor{index}"
        where = f"tensor {index} ('{name}')"
        dtype = _dtype(raw.Type(), where)
        shape = self._shape(raw, where)
        nbytes = storage_bytes(dtype, prod(shape))
        if nbytes > MAX_TENSOR_BYTES:
            raise Malformed(f"{where} of shape {shape} would have {nbytes:,} bytes")
        sparsity = read_sparsity(raw)
        if sparsity is None:
            data = self._constant(raw.Buffer(), shape, dtype, where)
        else:
            data = self._sparse_constant(raw.Buffer(), shape, dtype, sparsity, where)
        if data is None and prod(shape) == 0 and not written and dtype in DTYPES:
            data = _frozen(np.empty(shape, dtype))
        quantization = self._quantization(raw, shape, dtype, where)
        return Tensor(index, name, shape, dtype, quantization, data, bool(raw.IsVariable()))

    def _shape(self, raw: Any, where: str) -> tuple[int, ...]:
        rank = self._length(raw.ShapeLength, f"dimensions of {where}")
        if rank > MAX_RANK:
            raise Malformed(f"{where} has {rank} dimensions")
        dims = [int(dim) for dim in raw.ShapeAsNumpy()] if rank else []
        if dims and dims[0] == -1:  # a batch left open
            dims[0] = 1
        if any(dim < 0 for dim in dims):
            raise Malformed(f"{where} has a negative dimension: shape {tuple(dims)}")
        return tuple(dims)

    def _constant(
        self, buffer: int, shape: tuple[int, ...], dtype: str, where: str
    ) -> npt.NDArray[Any] | None:
        if buffer >= self._n_buffers:
            raise Malformed(f"{where} refers to buffer {buffer} of {self._n_buffers}")
        if buffer == 0:  # by convention the empty one
            return None
        raw = self._model.Buffers(buffer)
        length = self._length(raw.DataLength, f"bytes of {where}")
        content = raw.DataAsNumpy() if length else self._outside_data(raw, where)
        if content is None:
            return None
        if dtype not in DTYPES and storage_bytes(dtype, 8) == 0:
            return _frozen(content.view())  # texts: as they are in the file
        expected = storage_bytes(dtype, prod(shape))
        if content.size != expected:
            raise Malformed(
                f"{where} of shape {shape} and dtype {dtype} needs {expected:,} bytes, "
                f"its buffer has {content.size:,}"
            )
        if dtype not in DTYPES:
            return _frozen(_unpacked(content, dtype, shape))
        return _frozen(content.view(np.dtype(dtype).newbyteorder("<")).reshape(shape))

    def _sparse_constant(
        self, buffer: int, shape: tuple[int, ...], dtype: str, sparsity: Sparsity, where: str
    ) -> npt.NDArray[Any]:
        """The dense content of a tensor that the file stores sparse."""
        where = f"{where}, which is stored sparse,"
        if storage_bytes(dtype, prod(shape)) > MAX_DENSE_BYTES or dtype not in DTYPES:
            raise Malformed(f"{where} of shape {shape} and dtype {dtype} cannot be unpacked")
        places = positions(sparsity, shape)
        values = self._constant(buffer, (places.size,), dtype, where)
        if values is None:
            if places.size:
                raise Malformed(f"{where} has no data")
            values = np.empty(0, dtype)
        return _frozen(dense(values, places, shape))

    def _outside_data(self, raw: Any, where: str) -> npt.NDArray[Any] | None:
        """Content of a buffer that lies behind the flatbuffer, as large models store it."""
        offset, size = raw.Offset(), raw.Size()
        if offset <= 1 or size == 0:  # 0 and 1 mark "not there" and "to be filled in"
            return None
        if offset + size > len(self._data):
            raise Malformed(f"the buffer of {where} lies outside the file")
        return np.frombuffer(self._data, np.uint8, count=size, offset=offset)

    def _quantization(
        self, raw: Any, shape: tuple[int, ...], dtype: str, where: str
    ) -> Quantization | None:
        stored = raw.Quantization()
        if stored is None:
            return None
        if stored.DetailsType() != 0:
            raise Malformed(f"{where} has custom quantization, which hil cannot interpret")
        count = self._length(stored.ScaleLength, f"scales of {where}")
        if count == 0:
            return None
        zeros = self._length(stored.ZeroPointLength, f"zero points of {where}")
        if zeros != count:
            raise Malformed(f"{where} has {count} scales but {zeros} zero points")
        scale = _frozen(stored.ScaleAsNumpy().astype(np.float32, copy=False))
        zero_point = _frozen(stored.ZeroPointAsNumpy().astype(np.int64, copy=False))
        axis = stored.QuantizedDimension()
        if len(shape) == 1 and shape[0] == count:
            axis = 0  # older converters copy the weights' axis to the bias
        if count > 1 and not (0 <= axis < len(shape) and shape[axis] == count):
            raise Malformed(f"{where} of shape {shape} has {count} scales along axis {axis}")
        _check_quantization(scale, zero_point, dtype, where)
        return Quantization(scale, zero_point, axis if count > 1 else 0)

    # Ops

    def _op_code(self, index: int) -> tuple[str, int]:
        code = self._model.OperatorCodes(index)
        number = schema.builtin_code(code)
        name = schema.enum_names("BuiltinOperator").get(number)
        if name is None:
            name = f"BUILTIN:{number}"  # newer than the schema that hil knows, or damaged
        if name == "CUSTOM":
            name = f"CUSTOM:{_text(code.CustomCode())}"
        return name, int(code.Version())

    def _op(self, index: int, codes: list[tuple[str, int]], tensors: tuple[Tensor, ...]) -> Op:
        raw = self._subgraph.Operators(index)
        if raw.LargeCustomOptionsOffset() + raw.LargeCustomOptionsSize() > len(self._data):
            raise Malformed(f"the custom options of op {index} lie outside the file")
        if (code := raw.OpcodeIndex()) >= len(codes):
            raise Malformed(f"op {index} refers to operator code {code} of {len(codes)}")
        name, version = codes[code]
        where = f"op {index} ({name})"
        inputs = self._indices(raw, "Inputs", where, optional=True)
        outputs = self._indices(raw, "Outputs", where, optional=False)
        if not outputs:
            raise Malformed(f"{where} has no outputs")
        in_shapes = [tensors[i].shape if i >= 0 else None for i in inputs]
        out_shapes = [tensors[i].shape for i in outputs]
        try:
            options = _options(raw, name)
            macs = op_macs(name, in_shapes, out_shapes)
        except ValueError as error:
            raise Malformed(f"{where}: {error}") from error
        intermediates = self._indices(raw, "Intermediates", where, optional=True)
        return Op(index, name, version, inputs, outputs, options, macs, intermediates)

    # Vectors

    def _indices(self, table: Any, field: str, where: str, *, optional: bool) -> tuple[int, ...]:
        if self._length(getattr(table, f"{field}Length"), f"{field} of {where}") == 0:
            return ()
        indices = tuple(int(i) for i in getattr(table, f"{field}AsNumpy")())
        lowest = -1 if optional else 0
        for index in indices:
            if not lowest <= index < self._n_tensors:
                raise Malformed(f"{where} refers to tensor {index} of {self._n_tensors}")
        return indices

    def _length(self, length: Callable[[], int], what: str) -> int:
        """Return a vector's length; one that cannot fit into the file would cost hours or RAM."""
        count = int(length())
        if count > len(self._data):
            raise Malformed(f"{count:,} {what} cannot fit into {len(self._data):,} bytes")
        return count


def _options(raw: Any, name: str) -> dict[str, Any]:
    number = raw.BuiltinOptionsType()
    table = schema.enum_names("BuiltinOptions").get(number)
    stored = raw.BuiltinOptions()
    if table is None:
        raise Malformed(f"unknown option table {number}")
    if table == "NONE" or stored is None:
        return schema.default_options(name)
    expected = schema.OPTIONS_OF_OP.get(name, table)
    if table != expected:
        raise Malformed(f"it carries {table} where {expected} was expected")
    return schema.decode_options(table, stored.Bytes, stored.Pos)


def _dtype(number: int, where: str) -> str:
    name = schema.enum_names("TensorType").get(number)
    if name is None:
        raise Malformed(f"{where} has the unknown type {number}")
    return schema.DTYPE_OF_TYPE.get(name, name.lower())


def _unpacked(content: npt.NDArray[Any], dtype: str, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Elements of less than a byte, the first in the low bits, one to a byte; others as bytes."""
    if dtype not in ("int4", "uint4"):
        return content.view()
    nibbles = np.stack([content & 15, content >> 4], axis=-1).reshape(-1)[: prod(shape)]
    if dtype == "uint4":
        return np.asarray(nibbles.reshape(shape))
    return np.asarray(((nibbles ^ 8).astype(np.int8) - np.int8(8)).reshape(shape))


def _check_quantization(
    scale: npt.NDArray[np.float32], zero_point: npt.NDArray[np.int64], dtype: str, where: str
) -> None:
    if not np.all(np.isfinite(scale)) or np.any(scale < 0):
        raise Malformed(f"{where} has a scale that is negative or not finite")
    if dtype not in DTYPES or np.dtype(dtype).kind not in "iu":
        return
    limits = np.iinfo(dtype)
    # uint64 limits do not fit int64; a zero point beyond 2**63 cannot be stored anyway.
    if np.any(zero_point < int(limits.min)) or np.any(zero_point > min(int(limits.max), 2**63 - 1)):
        raise Malformed(f"{where} has a zero point outside {dtype}")


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.flags.writeable = False
    return array


def _text(raw: bytes | None) -> str:
    return raw.decode("utf-8", "replace") if raw else ""
