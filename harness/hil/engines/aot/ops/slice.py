"""STRIDED_SLICE with constant begin, end and strides, and the copy that TRANSPOSE shares.

Source of the mask rules: tensorflow/lite/kernels/strided_slice.cc and
kernels/internal/strided_slice_logic.h.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hil.engines.aot.checks import (
    MOVABLE,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Lowered, kernel_call, lowers, refuse
from hil.engines.aot.ops.reshape import view
from hil.engines.aot.shapes import check_rank, dense_strides, merge
from hil.tflite.graph import Graph, Op, Tensor


def strided_copy(
    dims: Sequence[int], strides: Sequence[int], start: int, source: Tensor, dtype: str
) -> Lowered:
    """Lower to hil_copy: the output of ``dims`` read from ``source`` by ``strides`` in elements.

    A copy of everything in order is a view.
    """
    size = np.dtype(dtype).itemsize
    walk = merge(dims, strides)
    if start == 0 and walk.strides[0] in ((), (1,)) and np.prod(dims) == source.elements:
        return view()
    run, count, step = 1, 1, 1
    if walk.strides[0][-1:] == (1,):
        walk, run, _ = walk.split_last()
    if walk.dims:
        walk, count, (step,) = walk.split_last()
    outer: dict[str, Value] = {
        "rank": len(walk.dims),
        "dims": walk.dims,
        "stride": [s * size for s in walk.strides[0]],
    }
    fields: dict[str, Value] = {
        "start": start * size,
        "run_bytes": run * size,
        "count": count,
        "step": step * size,
        "outer": outer,
    }
    return kernel_call("copy", fields, "copy.c", "walk.c")


@dataclass(frozen=True)
class _Axis:
    """What is taken along one axis of the input; ``shape`` is what it adds to the output's."""

    start: int
    step: int
    count: int
    shape: tuple[int, ...]


@lowers("STRIDED_SLICE")
def lower_strided_slice(op: Op, graph: Graph) -> Lowered:
    """Lower to a strided copy."""
    source, output = input_tensor(op, graph), output_tensor(op, graph)
    dtype = same_dtype(op, (source, output), MOVABLE)
    check_rank(op, len(source.shape))
    if op.options.get("offset", False):
        refuse(op, "the offset option", "ends that are positions")
    spec = [
        constant_ints(op, graph, i + 1, what) for i, what in enumerate(("begin", "end", "strides"))
    ]
    if len({len(part) for part in spec}) != 1:
        refuse(op, "begin, end and strides of differing lengths", "one entry each for every axis")
    axes, shape = _take(op, source.shape, list(zip(*spec, strict=True)))
    same_shape(op, output, shape)
    dense = dense_strides(source.shape)
    start = sum(axis.start * stride for axis, stride in zip(axes, dense, strict=True))
    strides = [axis.step * stride for axis, stride in zip(axes, dense, strict=True)]
    return strided_copy([axis.count for axis in axes], strides, start, source, dtype)


def _take(
    op: Op, shape: tuple[int, ...], spec: Sequence[tuple[int, int, int]]
) -> tuple[list[_Axis], tuple[int, ...]]:
    """Apply the entries of the specification in order; returns one _Axis a dimension, and the
    output's shape."""
    ellipsis, new_axis = _mask(op, "ellipsis"), _mask(op, "new_axis")
    if ellipsis & (ellipsis - 1):
        refuse(op, "several ellipses", "one ellipsis")
    consuming = sum(not (ellipsis | new_axis) >> i & 1 for i in range(len(spec)))
    if consuming > len(shape):
        refuse(
            op, f"{consuming} entries for {len(shape)} dimensions", "an entry a dimension at most"
        )
    axes: list[_Axis] = []
    result: list[int] = []
    for i, entry in enumerate(spec):
        if ellipsis >> i & 1:
            later = sum(not new_axis >> j & 1 for j in range(i + 1, len(spec)))
            whole = shape[len(axes) : len(shape) - later]
            if not whole:
                # TFLite's kernel lets it swallow an axis, unlike TensorFlow and numpy.
                refuse(op, "an ellipsis without an axis", "ellipses of one axis or more")
            axes += [_Axis(0, 1, size, (size,)) for size in whole]
            result += whole
        elif new_axis >> i & 1:
            result.append(1)
        else:
            axis = _axis(op, i, entry, shape[len(axes)])
            axes.append(axis)
            result += axis.shape
    rest = shape[len(axes) :]
    return axes + [_Axis(0, 1, size, (size,)) for size in rest], (*result, *rest)


def _axis(op: Op, i: int, entry: tuple[int, int, int], size: int) -> _Axis:
    begin, end, step = entry
    if step == 0:
        refuse(op, "a stride of 0", "strides other than 0")
    if _mask(op, "shrink_axis") >> i & 1:
        start = 0 if _mask(op, "begin") >> i & 1 else begin + (size if begin < 0 else 0)
        if not 0 <= start < size or step < 0:
            refuse(op, f"index {begin} of an axis of {size}", f"indices {-size} to {size - 1}")
        return _Axis(start, 1, 1, ())
    from_start = None if _mask(op, "begin") >> i & 1 else begin
    to_end = None if _mask(op, "end") >> i & 1 else end
    taken = range(*slice(from_start, to_end, step).indices(size))
    if not taken:
        refuse(op, f"nothing is taken along axis {i}", "slices with at least one element")
    return _Axis(taken[0], step, len(taken), (len(taken),))


def _mask(op: Op, name: str) -> int:
    return int(op.options.get(f"{name}_mask", 0))
