"""Build small, valid .tflite files in tests, without TensorFlow.

A convolution in int8 with per-channel weights, run by the reference interpreter::

    b = ModelBuilder()
    x = b.tensor((1, 8, 8, 3), "int8", scale=0.05, zero_point=-3)
    w = b.tensor((4, 3, 3, 3), "int8", scale=[0.01, 0.02, 0.03, 0.04], axis=0, data=weights)
    c = b.tensor((4,), "int32", scale=[0.0005, 0.001, 0.0015, 0.002], axis=0, data=bias)
    y = b.tensor((1, 4, 4, 4), "int8", scale=0.1, zero_point=5)
    b.op("CONV_2D", [x, w, c], [y], padding="SAME", stride_h=2, stride_w=2)
    model = b.build([x], [y])                       # bytes
    (expected,) = Reference(Model.parse(model, "m")).run([x_array])   # hil.tflite.reference
    graph = parse_model(model, "conv")              # hil.tflite.reader

Tensors are numbered in the order of their making. ``data`` makes a constant; ``scale`` a quantized
tensor: a number, or one per slice along ``axis``; ``zero_point`` likewise, 0 when left out. Inputs
that are absent (a bias) are -1. Options go by their schema names in snake_case, enums by name,
and what is left out has a default: stride 1, padding VALID, no activation, softmax's beta 1, and
the schema's default else. Shapes of outputs are not inferred: state them.

``sparse`` is where the values in ``raw`` belong (True: an empty table).

Nothing is checked beyond names, so that tests can build nonsense too: ``raw`` puts bytes of any
length into a tensor's buffer, ``builtin_code`` any op code, ``shape`` any numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hil.tflite import schema
from hil.tflite.sparse import Sparsity
from hil.tflite.writer import PLACEHOLDER_FOR_GREATER_CODES, Tables

_DEFAULTS: dict[str, dict[str, Any]] = {
    "CONV_2D": {"padding": "VALID", "stride_h": 1, "stride_w": 1},
    "DEPTHWISE_CONV_2D": {"padding": "VALID", "stride_h": 1, "stride_w": 1},
    "TRANSPOSE_CONV": {"padding": "VALID", "stride_h": 1, "stride_w": 1},
    "AVERAGE_POOL_2D": {"padding": "VALID", "stride_h": 1, "stride_w": 1},
    "MAX_POOL_2D": {"padding": "VALID", "stride_h": 1, "stride_w": 1},
    "SOFTMAX": {"beta": 1.0},
}
_TYPE_OF_DTYPE = {dtype: name for name, dtype in schema.DTYPE_OF_TYPE.items()}


@dataclass
class _Tensor:
    shape: tuple[int, ...]
    type: str
    name: str | bytes
    scale: list[float] | None
    zero_point: list[int]
    axis: int
    raw: bytes | None
    variable: bool
    sparse: bool | Sparsity
    shape_signature: tuple[int, ...] | None


@dataclass
class _Op:
    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    intermediates: tuple[int, ...]
    version: int
    table: str | None
    options: dict[str, Any]
    builtin_code: int
    custom_code: str


@dataclass
class ModelBuilder:
    """Collects tensors and ops; :meth:`build` returns the file's bytes."""

    description: str = "made by a test"
    _tensors: list[_Tensor] = field(default_factory=list)
    _ops: list[_Op] = field(default_factory=list)

    def tensor(
        self,
        shape: Sequence[int],
        dtype: str = "int8",
        *,
        scale: float | Sequence[float] | None = None,
        zero_point: int | Sequence[int] | None = None,
        axis: int = 0,
        data: Any = None,
        raw: bytes | None = None,
        name: str | bytes | None = None,
        variable: bool = False,
        sparse: bool | Sparsity = False,
        shape_signature: Sequence[int] | None = None,
    ) -> int:
        """Add a tensor and return its index.

        ``dtype`` is numpy's name, or a schema type such as ``INT4``. ``data`` must have exactly
        the shape and fit the dtype without loss.
        """
        scales = None if scale is None else [float(s) for s in np.atleast_1d(np.asarray(scale))]
        zeros = np.atleast_1d(np.asarray(0 if zero_point is None else zero_point, np.int64))
        if scales and zeros.size == 1:
            zeros = np.repeat(zeros, len(scales))
        if data is not None:
            raw = _exact(data, tuple(shape), dtype).tobytes()
        self._tensors.append(
            _Tensor(
                shape=tuple(shape),
                type=_TYPE_OF_DTYPE.get(dtype, dtype),
                name=f"t{len(self._tensors)}" if name is None else name,
                scale=scales,
                zero_point=[int(z) for z in zeros],
                axis=axis,
                raw=raw,
                variable=variable,
                sparse=sparse,
                shape_signature=None if shape_signature is None else tuple(shape_signature),
            )
        )
        return len(self._tensors) - 1

    def op(
        self,
        name: str,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        intermediates: Sequence[int] = (),
        version: int = 1,
        builtin_code: int | None = None,
        options_table: str | None = None,
        without_options: bool = False,
        **options: Any,
    ) -> None:
        """Append an op; ``CUSTOM:code`` is a custom one.

        ``options_table`` and ``builtin_code`` override what belongs to ``name`` (to build
        nonsense), ``without_options`` leaves the option table out.
        """
        base, _, custom_code = name.partition(":")
        table = options_table or schema.OPTIONS_OF_OP.get(base)
        if options and table is None:
            raise TypeError(f"{name} has no options")
        code = schema.enum_numbers("BuiltinOperator")[base]
        self._ops.append(
            _Op(
                code=len(self._ops),
                inputs=tuple(inputs),
                outputs=tuple(outputs),
                intermediates=tuple(intermediates),
                version=version,
                table=None if without_options else table,
                options={**({} if options_table else _DEFAULTS.get(base, {})), **options},
                builtin_code=code if builtin_code is None else builtin_code,
                custom_code=custom_code,
            )
        )

    def build(self, inputs: Sequence[int], outputs: Sequence[int], *, subgraphs: int = 1) -> bytes:
        """Return the .tflite; ``inputs`` and ``outputs`` are the model's, by tensor index."""
        w = Tables()
        buffers = [w.table("Buffer", {})] + [self._buffer(w, t) for t in self._tensors]
        tensors = [self._tensor(w, i, t) for i, t in enumerate(self._tensors)]
        codes = [self._operator_code(w, op) for op in self._ops]
        ops = [self._operator(w, op) for op in self._ops]
        graph = w.table(
            "SubGraph",
            {
                "Tensors": w.offsets(tensors),
                "Inputs": w.ints(inputs),
                "Outputs": w.ints(outputs),
                "Operators": w.offsets(ops),
                "Name": w.text("main"),
            },
        )
        model = w.table(
            "Model",
            {
                "Version": schema.SCHEMA_VERSION,
                "OperatorCodes": w.offsets(codes),
                "Subgraphs": w.offsets([graph] * subgraphs),
                "Description": w.text(self.description),
                "Buffers": w.offsets(buffers),
            },
        )
        return w.finish(model)

    def _buffer(self, w: Tables, tensor: _Tensor) -> int:
        return w.table("Buffer", {} if tensor.raw is None else {"Data": w.blob(tensor.raw)})

    def _tensor(self, w: Tables, index: int, tensor: _Tensor) -> int:
        fields: dict[str, Any] = {
            "Shape": w.ints(tensor.shape),
            "Type": schema.enum_numbers("TensorType")[tensor.type],
            "Buffer": index + 1,
            "Name": w.text(tensor.name),
            "IsVariable": tensor.variable,
        }
        if tensor.scale is not None:
            fields["Quantization"] = w.table(
                "QuantizationParameters",
                {
                    "Scale": w.vector(np.asarray(tensor.scale, np.float32)),
                    "ZeroPoint": w.vector(np.asarray(tensor.zero_point, np.int64)),
                    "QuantizedDimension": tensor.axis,
                },
            )
        if tensor.sparse:
            fields["Sparsity"] = _sparsity(w, tensor.sparse)
        if tensor.shape_signature is not None:
            fields["ShapeSignature"] = w.ints(tensor.shape_signature)
        return w.table("Tensor", fields)

    def _operator_code(self, w: Tables, op: _Op) -> int:
        fields: dict[str, Any] = {
            "DeprecatedBuiltinCode": min(op.builtin_code, PLACEHOLDER_FOR_GREATER_CODES),
            "BuiltinCode": op.builtin_code,
            "Version": op.version,
        }
        if op.custom_code:
            fields["CustomCode"] = w.text(op.custom_code)
        return w.table("OperatorCode", fields)

    def _operator(self, w: Tables, op: _Op) -> int:
        fields: dict[str, Any] = {
            "OpcodeIndex": op.code,
            "Inputs": w.ints(op.inputs),
            "Outputs": w.ints(op.outputs),
        }
        if op.intermediates:
            fields["Intermediates"] = w.ints(op.intermediates)
        if op.table is not None:
            fields["BuiltinOptionsType"] = schema.enum_numbers("BuiltinOptions")[op.table]
            fields["BuiltinOptions"] = w.options(op.table, op.options)
        return w.table("Operator", fields)


def _sparsity(w: Tables, sparsity: bool | Sparsity) -> int:
    if isinstance(sparsity, bool):
        return w.table("SparsityParameters", {})
    levels = []
    for level in sparsity.levels:
        fields: dict[str, Any] = {"Format": 0, "DenseSize": level.size}
        if level.segments is not None and level.indices is not None:
            fields = {"Format": 1}
            for name, values in (("Segments", level.segments), ("Indices", level.indices)):
                kind = "Uint8" if values.max(initial=0) < 256 else "Int32"
                vector = w.vector(values.astype(kind.lower()))
                table = w.table(f"{kind}Vector", {"Values": vector})
                number = schema.enum_numbers("SparseIndexVector")[f"{kind}Vector"]
                fields |= {f"Array{name}Type": number, f"Array{name}": table}
        levels.append(w.table("DimensionMetadata", fields))
    fields = {
        "TraversalOrder": w.ints(sparsity.traversal_order),
        "DimMetadata": w.offsets(levels),
    }
    if sparsity.block_map:
        fields["BlockMap"] = w.ints(sparsity.block_map)
    return w.table("SparsityParameters", fields)


def _exact(data: Any, shape: tuple[int, ...], dtype: str) -> np.ndarray[Any, Any]:
    given = np.asarray(data)
    array = given.astype(dtype)
    if array.shape != shape:
        raise ValueError(f"data has shape {array.shape}, the tensor {shape}")
    if np.dtype(dtype).kind in "iub" and not np.array_equal(array, given):
        raise ValueError(f"data does not fit {dtype}")
    return array
