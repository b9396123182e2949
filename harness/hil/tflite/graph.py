"""The model as a graph: tensors, ops and their options, in execution order.

Dtypes are numpy names: ``int8``, ``int16``, ``int32``, ``int64``, ``uint8``, ``float32``, ``bool``.
Shapes are tuples of ints with the batch as written in the file; a dynamic batch (-1) reads as 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


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


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor. ``data`` is set for constants (read-only array of the tensor's shape and dtype)."""

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None
    data: npt.NDArray[Any] | None

    @property
    def elements(self) -> int:
        """Number of elements (1 for a scalar)."""
        return int(np.prod(self.shape, dtype=np.int64)) if self.shape else 1

    @property
    def nbytes(self) -> int:
        """Size in bytes."""
        return self.elements * np.dtype(self.dtype).itemsize

    @property
    def is_constant(self) -> bool:
        """Whether the file holds the tensor's data."""
        return self.data is not None


@dataclass(frozen=True, eq=False)
class Op:
    """One operator. ``inputs`` may hold -1 for an absent optional input (such as a bias).

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


@dataclass(frozen=True, eq=False)
class Graph:
    """A whole model (its one subgraph). ``sha256`` is of the file's bytes."""

    name: str  # file stem
    sha256: str
    size_bytes: int
    tensors: tuple[Tensor, ...]
    ops: tuple[Op, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    description: str

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(op.macs for op in self.ops)

    @property
    def dtype(self) -> str:
        """The arithmetic: ``int8``, ``int16x8``, ``float32`` ..., see :mod:`.classify`."""
        from hil.tflite.classify import arithmetic

        return arithmetic(self)

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
