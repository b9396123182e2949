"""Shapes and strides: dense strides, broadcasting, and merging of dimensions.

The kernels walk tensors through ``hil_walk`` (``firmware_stubs/engines/aot/hil_walk.h``); here the
walks are made as short as the memory layout allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hil.engines.aot.literals import Value
from hil.engines.aot.lower import refuse
from hil.tflite.graph import Op

MAX_DIMS = 6  # HIL_MAX_DIMS


@dataclass(frozen=True)
class Walk:
    """Dimensions, outermost first, and for each operand the stride along each of them."""

    dims: tuple[int, ...]
    strides: tuple[tuple[int, ...], ...]  # [operand][dimension]

    def split_last(self) -> tuple[Walk, int, tuple[int, ...]]:
        """Take the innermost dimension off: (outer walk, its size, its stride for each operand).

        Of a walk without dimensions the innermost has size 1 and strides 1.
        """
        if not self.dims:
            return self, 1, (1,) * len(self.strides)
        outer = Walk(self.dims[:-1], tuple(s[:-1] for s in self.strides))
        return outer, self.dims[-1], tuple(s[-1] for s in self.strides)

    def literal(self, operand: int = 0) -> dict[str, Value]:
        """The ``hil_walk`` of one operand."""
        return {
            "rank": len(self.dims),
            "dims": self.dims,
            "stride": self.strides[operand],
        }


def dense_strides(shape: Sequence[int]) -> tuple[int, ...]:
    """Strides in elements of a dense row-major tensor."""
    strides = [1] * len(shape)
    for d in range(len(shape) - 2, -1, -1):
        strides[d] = strides[d + 1] * shape[d + 1]
    return tuple(strides)


def merge(dims: Sequence[int], *strides: Sequence[int]) -> Walk:
    """Drop dimensions of size 1 and merge neighbours that every operand sees as one."""
    kept: list[int] = []
    kept_strides: list[list[int]] = [[] for _ in strides]
    for d in range(len(dims)):
        if dims[d] == 1:
            continue
        mergeable = bool(kept) and all(
            steps[-1] == stride[d] * dims[d]
            for steps, stride in zip(kept_strides, strides, strict=True)
        )
        if mergeable:
            kept[-1] *= dims[d]
        else:
            kept.append(dims[d])
        for steps, stride in zip(kept_strides, strides, strict=True):
            if mergeable:
                steps[-1] = stride[d]
            else:
                steps.append(stride[d])
    return Walk(tuple(kept), tuple(tuple(steps) for steps in kept_strides))


def broadcast_strides(shape: Sequence[int], output: Sequence[int]) -> tuple[int, ...] | None:
    """Strides of an operand of ``shape`` along the dimensions of ``output``, 0 where it repeats.

    None where numpy's rules do not allow it.
    """
    if len(shape) > len(output):
        return None
    padded = (1,) * (len(output) - len(shape)) + tuple(shape)
    if any(have not in (1, want) for have, want in zip(padded, output, strict=True)):
        return None
    return tuple(
        0 if have == 1 else stride
        for have, stride in zip(padded, dense_strides(padded), strict=True)
    )


def check_rank(op: Op, rank: int) -> None:
    """Refuse a rank that the kernels' walks cannot hold."""
    if rank > MAX_DIMS:
        refuse(op, f"{rank} dimensions", f"up to {MAX_DIMS} dimensions")


def normalized_axis(op: Op, axis: int, rank: int) -> int:
    """Return the axis counted from the front; refuse one out of range."""
    if not -rank <= axis < rank:
        refuse(op, f"axis {axis} of a tensor with {rank} dimensions", f"axes {-rank} to {rank - 1}")
    return axis % rank
