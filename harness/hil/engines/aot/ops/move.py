"""Ops that put elements elsewhere: all positions are constants, so they become copies.

SLICE, REVERSE_V2, BROADCAST_TO, TILE, SPACE_TO_DEPTH and DEPTH_TO_SPACE read by strides;
MIRROR_PAD, BATCH_TO_SPACE_ND and GATHER with constant indices by a table for each dimension.
Sources: tensorflow/lite/kernels/{slice,reverse,broadcast_to,tile,space_to_depth,depth_to_space,
mirror_pad,space_to_batch_nd,batch_to_space_nd,gather,embedding_lookup}.cc.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from hil.engines.aot.checks import (
    MOVABLE,
    constant_ints,
    input_tensor,
    output_tensor,
    same_dtype,
    same_quantization,
    same_shape,
)
from hil.engines.aot.literals import Value
from hil.engines.aot.lower import Constant, Lowered, kernel_call, lowers, refuse
from hil.engines.aot.ops.slice import strided_copy
from hil.engines.aot.quant import scale_zero_point
from hil.engines.aot.shapes import broadcast_strides, check_rank, dense_strides, normalized_axis
from hil.tflite.graph import Graph, Op, Tensor

_INDICES = ("int16", "int32", "int64")
_QUANTIZED = ("int8", "uint8", "int16")


def _moved(op: Op, graph: Graph, position: int = 0) -> tuple[Tensor, Tensor]:
    """The tensor whose elements move, and the output; of one type, scale and zero point."""
    source, output = input_tensor(op, graph, position), output_tensor(op, graph)
    same_dtype(op, (source, output), MOVABLE)
    if source.dtype in _QUANTIZED and source.quantization is not None:
        same_quantization(op, (source, output))
    check_rank(op, len(output.shape))
    return source, output


@lowers("SLICE")
def lower_slice(op: Op, graph: Graph) -> Lowered:
    """Lower to a strided copy; a size of -1 takes the rest of the axis."""
    source, output = _moved(op, graph)
    begin, size = (constant_ints(op, graph, i, what) for i, what in ((1, "begin"), (2, "size")))
    if len(begin) != len(source.shape) or len(size) != len(source.shape):
        refuse(op, "begin and size of another length than the rank", "one entry for every axis")
    taken = [
        whole - first if count == -1 else count
        for first, count, whole in zip(begin, size, source.shape, strict=True)
    ]
    for first, count, whole in zip(begin, taken, source.shape, strict=True):
        if first < 0 or count < 1 or first + count > whole:
            refuse(op, f"{count} elements from {first} of an axis of {whole}", "parts of the axis")
    same_shape(op, output, tuple(taken))
    strides = dense_strides(source.shape)
    start = sum(first * stride for first, stride in zip(begin, strides, strict=True))
    return strided_copy(taken, strides, start, source, source.dtype)


@lowers("REVERSE_V2")
def lower_reverse(op: Op, graph: Graph) -> Lowered:
    """Lower to a strided copy that runs backwards along the axis."""
    source, output = _moved(op, graph)
    same_shape(op, output, source.shape)
    axes = constant_ints(op, graph, 1, "axes")
    if len(axes) != 1:
        # tflite-runtime 2.14 reverses the first of them only.
        refuse(op, f"{len(axes)} axes", "one axis")
    axis = normalized_axis(op, axes[0], len(source.shape))
    strides = list(dense_strides(source.shape))
    start = (source.shape[axis] - 1) * strides[axis]
    strides[axis] = -strides[axis]
    return strided_copy(source.shape, strides, start, source, source.dtype)


@lowers("BROADCAST_TO")
def lower_broadcast_to(op: Op, graph: Graph) -> Lowered:
    """Lower to a strided copy that stands still along repeated axes."""
    source, output = _moved(op, graph)
    same_shape(op, output, tuple(constant_ints(op, graph, 1, "shape")))
    strides = broadcast_strides(source.shape, output.shape)
    if strides is None:
        refuse(op, f"{list(source.shape)} to {list(output.shape)}", "shapes that broadcast")
    return strided_copy(output.shape, strides, 0, source, source.dtype)


@lowers("TILE")
def lower_tile(op: Op, graph: Graph) -> Lowered:
    """Lower to a strided copy with a repeating dimension before each of the input's."""
    source, output = _moved(op, graph)
    multiples = constant_ints(op, graph, 1, "multiples")
    if len(multiples) != len(source.shape):
        refuse(op, f"{len(multiples)} multiples", "one for each dimension")
    same_shape(op, output, tuple(s * m for s, m in zip(source.shape, multiples, strict=True)))
    dims, steps = [], []
    for size, times, stride in zip(
        source.shape, multiples, dense_strides(source.shape), strict=True
    ):
        dims += [times, size]
        steps += [0, stride]
    return strided_copy(dims, steps, 0, source, source.dtype)


@lowers("SPACE_TO_DEPTH", "DEPTH_TO_SPACE")
def lower_depth(op: Op, graph: Graph) -> Lowered:
    """Lower to a transposition of the dimensions that a block splits."""
    source, output = _moved(op, graph)
    block = int(op.options.get("block_size", 0))
    if len(source.shape) != 4 or block < 1:
        refuse(op, f"{len(source.shape)} dimensions, block {block}", "4 dimensions, a block size")
    n, h, w, c = source.shape
    if op.name == "SPACE_TO_DEPTH":
        if h % block or w % block:
            refuse(op, f"an image of {h}x{w} in blocks of {block}", "whole blocks")
        same_shape(op, output, (n, h // block, w // block, c * block * block))
        inner = (n, h // block, block, w // block, block, c)
        order = (0, 1, 3, 2, 4, 5)
    else:
        if c % (block * block):
            refuse(op, f"{c} channels in blocks of {block}", "whole blocks")
        same_shape(op, output, (n, h * block, w * block, c // (block * block)))
        inner = (n, h, w, block, block, c // (block * block))
        order = (0, 1, 3, 2, 4, 5)
    strides = dense_strides(inner)
    return strided_copy(
        [inner[d] for d in order], [strides[d] for d in order], 0, source, source.dtype
    )


@lowers("MIRROR_PAD")
def lower_mirror_pad(op: Op, graph: Graph) -> Lowered:
    """Lower to tables of positions that run back at the borders."""
    source, output = _moved(op, graph)
    paddings = constant_ints(op, graph, 1, "paddings")
    if len(paddings) != 2 * len(source.shape):
        refuse(op, f"{len(paddings)} paddings", "two paddings a dimension")
    mode = str(op.options.get("mode", "REFLECT"))
    axes = []
    for size, before, after in zip(source.shape, paddings[0::2], paddings[1::2], strict=True):
        most = size - (mode == "REFLECT")
        if not 0 <= before <= most or not 0 <= after <= most:
            refuse(op, f"paddings {before} and {after} of an axis of {size}", f"0 to {most}")
        axes.append([_mirrored(p, size, mode) for p in range(-before, size + after)])
    same_shape(op, output, tuple(len(axis) for axis in axes))
    return _by_tables(axes, source)


def _mirrored(position: int, size: int, mode: str) -> int:
    """The position inside the axis that one outside of it shows; SYMMETRIC repeats the border."""
    repeats = mode != "REFLECT"
    if position < 0:
        return -position - repeats
    return position if position < size else 2 * size - 2 - position + repeats


def _by_tables(axes: Sequence[Sequence[int]], source: Tensor) -> Lowered:
    """Lower to hil_remap; ``axes`` has the source's positions along each of its dimensions."""
    itemsize = np.dtype(source.dtype).itemsize
    strides = [stride * itemsize for stride in dense_strides(source.shape)]
    tables = [[p * s for p in axis] for axis, s in zip(axes, strides, strict=True)]
    run = itemsize
    while tables and tables[-1] == list(range(0, run * source.shape[len(tables) - 1], run)):
        run *= source.shape[len(tables) - 1]
        del tables[-1]
    return _remap(tables, run)


def _remap(tables: Sequence[Sequence[int]], run_bytes: int) -> Lowered:
    flat = np.array([offset for table in tables for offset in table] or [0], dtype=np.int32)
    fields: dict[str, Value] = {
        "rank": len(tables),
        "dims": [len(table) for table in tables],
        "offsets": "{offsets}",
        "run_bytes": run_bytes,
    }
    constants = {"offsets": Constant(flat, owner="tables")}
    return kernel_call("remap", fields, "remap.c", constants=constants)


def _blocks(op: Op, graph: Graph, source: Tensor, what: str) -> tuple[list[int], list[int]]:
    """Block and borders of two spatial dimensions; with one of them the second is of size 1."""
    block, borders = constant_ints(op, graph, 1, "block"), constant_ints(op, graph, 2, what)
    spatial = len(source.shape) - 2
    if spatial not in (1, 2) or len(block) != spatial or len(borders) != 2 * spatial:
        refuse(op, f"{len(source.shape)} dimensions, block {block}", "3 or 4 dimensions")
    if min(block) < 1 or min(borders) < 0:
        refuse(op, f"block {block}, {what} {borders}", "positive blocks, no negative border")
    return (block, borders) if spatial == 2 else ([*block, 1], [*borders, 0, 0])


def _nhwc(shape: Sequence[int]) -> tuple[int, int, int, int]:
    n, h, *w, c = shape
    return n, h, w[0] if w else 1, c


@lowers("BATCH_TO_SPACE_ND")
def lower_batch_to_space(op: Op, graph: Graph) -> Lowered:
    """Lower to tables: a row and a column of the output determine block and position."""
    source, output = _moved(op, graph)
    (block_h, block_w), (top, bottom, left, right) = _blocks(op, graph, source, "crops")
    batches, in_h, in_w, channels = _nhwc(source.shape)
    if batches % (block_h * block_w):
        refuse(op, f"a batch of {batches} in blocks of {block_h}x{block_w}", "whole blocks")
    n = batches // (block_h * block_w)
    out_h, out_w = in_h * block_h - top - bottom, in_w * block_w - left - right
    spatial = (out_h, out_w) if len(source.shape) == 4 else (out_h,)
    same_shape(op, output, (n, *spatial, channels))
    pixel = channels * np.dtype(source.dtype).itemsize
    image = in_h * in_w * pixel
    rows = [
        y % block_h * block_w * n * image + y // block_h * in_w * pixel
        for y in range(top, top + out_h)
    ]
    columns = [x % block_w * n * image + x // block_w * pixel for x in range(left, left + out_w)]
    return _remap([[b * image for b in range(n)], rows, columns], pixel)


@lowers("SPACE_TO_BATCH_ND")
def lower_space_to_batch(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_space_to_batch, padded with the zero point."""
    source, output = _moved(op, graph)
    (block_h, block_w), (top, bottom, left, right) = _blocks(op, graph, source, "paddings")
    batches, in_h, in_w, channels = _nhwc(source.shape)
    high, wide = in_h + top + bottom, in_w + left + right
    if high % block_h or wide % block_w:
        refuse(op, f"a padded image of {high}x{wide}", f"multiples of {block_h} and {block_w}")
    spatial = (high // block_h, wide // block_w)[: len(source.shape) - 2]
    same_shape(op, output, (batches * block_h * block_w, *spatial, channels))
    quantized = source.dtype in _QUANTIZED and source.quantization is not None
    value = np.array(scale_zero_point(op, output)[1] if quantized else 0).astype(source.dtype)
    fields: dict[str, Value] = {
        "batches": batches,
        "in_h": in_h,
        "in_w": in_w,
        "out_h": high // block_h,
        "out_w": wide // block_w,
        "block_h": block_h,
        "block_w": block_w,
        "before_h": top,
        "before_w": left,
        "pixel_bytes": channels * value.itemsize,
        "unit": value.itemsize,
        "value": tuple(value.tobytes()),
    }
    return kernel_call("space_to_batch", fields, "remap.c")


@lowers("GATHER")
def lower_gather(op: Op, graph: Graph) -> Lowered:
    """Lower to tables where the indices are constant, else to hil_gather."""
    source, output = _moved(op, graph)
    indices = input_tensor(op, graph, 1)
    if indices.dtype not in _INDICES:
        refuse(op, f"indices of {indices.dtype}", f"indices of {', '.join(_INDICES)}")
    axis = normalized_axis(op, int(op.options.get("axis", 0)), len(source.shape))
    batch_dims = int(op.options.get("batch_dims", 0))
    batch_dims += len(indices.shape) * (batch_dims < 0)
    if not 0 <= batch_dims <= min(axis, len(indices.shape)):
        refuse(op, f"batch_dims {batch_dims} with axis {axis}", "batch_dims up to the axis")
    before, after = source.shape[:axis], source.shape[axis + 1 :]
    same_shape(op, output, (*before, *indices.shape[batch_dims:], *after))
    size = source.shape[axis]
    if indices.data is not None and batch_dims == 0:
        chosen = [int(v) for v in np.ravel(indices.data)]
        if min(chosen) < 0 or max(chosen) >= size:
            refuse(op, f"an index outside of the axis of {size}", f"indices 0 to {size - 1}")
        return _by_tables(
            [chosen if d == axis else list(range(n)) for d, n in enumerate(source.shape)], source
        )
    return _gather(
        "{in0}, {in1}, {out0}",
        batches=prod(source.shape[:batch_dims]),
        outer=prod(before[batch_dims:]),
        size=size,
        count=prod(indices.shape[batch_dims:]),
        run_bytes=prod(after) * np.dtype(source.dtype).itemsize,
        index_bytes=np.dtype(indices.dtype).itemsize,
    )


@lowers("EMBEDDING_LOOKUP")
def lower_embedding_lookup(op: Op, graph: Graph) -> Lowered:
    """Lower to hil_gather; the first input has the rows' indices, the second the rows."""
    source, output = _moved(op, graph, 1)
    ids = input_tensor(op, graph)
    if ids.dtype != "int32" or len(ids.shape) != 1 or len(source.shape) < 2:
        refuse(op, f"ids {list(ids.shape)} of {ids.dtype}", "a list of int32, rows to choose from")
    same_shape(op, output, (*ids.shape, *source.shape[1:]))
    return _gather(
        "{in1}, {in0}, {out0}",
        batches=1,
        outer=1,
        size=source.shape[0],
        count=ids.elements,
        run_bytes=prod(source.shape[1:]) * np.dtype(source.dtype).itemsize,
        index_bytes=4,
    )


def _gather(operands: str, **fields: Value) -> Lowered:
    return kernel_call("gather", fields, "remap.c", operands=operands)
