"""The model as a graph: tensors, ops and their options, in execution order.

Dtypes are numpy names: ``int8``, ``int16``, ``int32``, ``int64``, ``uint8``, ``float32``, ``bool``.
Types that numpy lacks have TensorFlow Lite's names in lower case, such as ``int4``, ``resource``.
Shapes are tuples of ints with the batch as written in the file; a dynamic batch (-1) reads as 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_ARITHMETIC = {"int8", "uint8", "int16", "float16", "float32", "float64"}
_CONVERSIONS = {"QUANTIZE", "DEQUANTIZE", "DENSIFY", "CAST"}
_BITS = {"int2": 2, "int4": 4, "uint4": 4, "bfloat16": 16, "string": 0, "resource": 0, "variant": 0}
_WEIGHTED = {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}


@dataclass(frozen=True)
class Quantization:
    """Affine quantization: real = scale * (q - zero_point).

    One entry per tensor, or per slice along ``axis`` (per-channel). ``scale`` is float32 as
    stored in the file.
    """

    scale: npt.NDArray[np.float32]
    zero_point: npt.NDArray[np.int64]
    axis: int

    @property
    def per_channel(self) -> bool:
        """Whether there is more than one scale."""
        return self.scale.size > 1


def storage_bytes(dtype: str, elements: int) -> int:
    """Bytes that elements of a dtype take in a file; those of less than a byte are packed."""
    if dtype in _BITS:
        return (elements * _BITS[dtype] + 7) // 8
    return elements * np.dtype(dtype).itemsize


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor. ``data`` is set for constants (read-only array of the tensor's shape and dtype).

    A variable tensor (``is_variable``) keeps its value from one inference to the next; before the
    first all its bytes are 0, of an int8 tensor its zero point.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    data: npt.NDArray[Any] | None
    is_variable: bool = False

    @property
    def elements(self) -> int:
        """Number of elements (1 for a scalar)."""
        return int(np.prod(self.shape, dtype=np.int64)) if self.shape else 1

    @property
    def nbytes(self) -> int:
        """Size in bytes; 0 where the type has no fixed one."""
        return storage_bytes(self.dtype, self.elements)

    @property
    def is_constant(self) -> bool:
        """Whether the file holds the tensor's data."""
        return self.data is not None


@dataclass(frozen=True, eq=False)
class Op:
    """One operator. ``inputs`` may hold -1 for an absent optional input (such as a bias).

    ``intermediates`` are tensors without data that only state the quantization of steps inside.

    ``options`` has the builtin options in snake_case with enums as their schema names, for
    example ``{"padding": "SAME", "stride_h": 2, "stride_w": 2, "dilation_h_factor": 1,
    "dilation_w_factor": 1, "fused_activation_function": "RELU6"}``.
    """

    index: int
    name: str  # "CONV_2D"
    version: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Mapping[str, Any]
    macs: int
    intermediates: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Graph:
    """A model: its first subgraph, which is the one that runs.

    ``subgraphs`` are the others in the file's order: bodies of control flow, or further signatures.
    """

    name: str  # file stem
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str
    subgraphs: tuple[Graph, ...] = ()

    @property
    def input_tensors(self) -> list[Tensor]:
        """The model's inputs, in order."""
        return [self.tensors[index] for index in self.inputs]

    @property
    def output_tensors(self) -> list[Tensor]:
        """The model's outputs, in order."""
        return [self.tensors[index] for index in self.outputs]

    @property
    def state_tensors(self) -> list[Tensor]:
        """The variable tensors: what the model keeps from one inference to the next."""
        return [tensor for tensor in self.tensors if tensor.is_variable]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.macs for op in self.ops)

    @property
    def parameters(self) -> int:
        """Number of weights and biases: constants of real numbers, as floats or quantized."""
        return sum(
            tensor.elements
            for tensor in self.tensors
            if tensor.is_constant
            and (tensor.dtype.startswith("float") or tensor.quantization is not None)
        )

    @property
    def dtype(self) -> str:
        """The arithmetic in one name: ``int8``, ``uint8``, ``int16x8``, ``float32``, ``hybrid`` ...

        Decided by the activations of the ops that compute; conversions at the model's edges do not
        count. ``hybrid`` means float activations with integer weights (dynamic-range quantization),
        also where a DEQUANTIZE unpacks them; ``int16x8`` int16 activations, ``int16`` the same
        with int16 weights. ``mixed`` is everything else, such as int8 and float32 ops in one model.
        """
        if any(self._is_hybrid(op) for op in self.ops):
            return "hybrid"
        computing = [op for op in self.ops if op.name not in _CONVERSIONS] or list(self.ops)
        kinds = {kind for op in computing for kind in self._activations(op)}
        if kinds == {"int16"}:
            return "int16" if any(self.has_int16_weights(op) for op in self.ops) else "int16x8"
        if len(kinds) == 1:
            (kind,) = kinds
            return kind if kind in ("int8", "uint8", "float32") else "mixed"
        return "mixed"

    def has_int16_weights(self, op: Op) -> bool:
        """Whether an op has weights, and they are int16: TFLite has no kernel for it."""
        return op.name in _WEIGHTED and self.tensors[op.inputs[1]].dtype == "int16"

    def lifetime(self, tensor: int) -> tuple[int, int]:
        """Return (first op, last op) between which the tensor must be kept, both inclusive.

        -1 is "before the first op" (graph inputs); ``len(ops)`` is "after the last" (outputs).
        """
        first = -1 if tensor in self.inputs else len(self.ops)
        last = len(self.ops) if tensor in self.outputs else -1
        for op in self.ops:
            if tensor in op.outputs:
                first = min(first, op.index)
                last = max(last, op.index)
            if tensor in op.inputs:
                last = max(last, op.index)
        return first, last

    def _activations(self, op: Op) -> set[str]:
        tensors = [self.tensors[index] for index in (*op.inputs, *op.outputs) if index >= 0]
        return {t.dtype for t in tensors if not t.is_constant} & _ARITHMETIC

    def _is_hybrid(self, op: Op) -> bool:
        inputs = [self.tensors[index] for index in op.inputs if index >= 0]
        if op.name == "DEQUANTIZE":
            return any(t.is_constant and t.dtype != "float16" for t in inputs)
        if op.name in _CONVERSIONS or "float32" not in self._activations(op):
            return False
        return any(t.is_constant and t.dtype in ("int8", "uint8") for t in inputs)
