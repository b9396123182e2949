"""Read sparse tensors of a .tflite into dense arrays.

A sparse tensor of k dimensions, b of them cut into blocks, is a tree of k + b levels. Level i is
dimension ``traversal_order[i]``; numbers from k on are the inner dimensions of the blocks, of which
number k + j lies in dimension ``block_map[j]``. A level is dense (all its positions are stored) or
compressed (``array_segments[n]`` to ``array_segments[n + 1]`` are the places in ``array_indices``
of the children of node n). The leaves are the stored values, in order. Source: the comments of
``SparsityParameters`` in tensorflow/compiler/mlir/lite/schema/schema.fbs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.tflite import schema
from hil.tflite.verify import Malformed

MAX_DENSE_BYTES = 2**28  # a file of some bytes can declare gigabytes of zeros
_Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Level:
    """One level: ``size`` positions where it is dense, else compressed."""

    size: int
    segments: _Indices | None = None
    indices: _Indices | None = None


@dataclass(frozen=True)
class Sparsity:
    """Where the stored values of a sparse tensor belong."""

    traversal_order: tuple[int, ...]
    block_map: tuple[int, ...]
    levels: tuple[Level, ...]


def read_sparsity(raw: Any) -> Sparsity | None:
    """Return the sparsity of a ``Tensor`` table; None where the tensor is dense.

    Raises:
        Malformed: it is of an unknown format.
    """
    stored = raw.Sparsity()
    if stored is None:
        return None
    levels = [_level(stored.DimMetadata(i)) for i in range(stored.DimMetadataLength())]
    return Sparsity(_ints(stored, "TraversalOrder"), _ints(stored, "BlockMap"), tuple(levels))


def _ints(stored: Any, field: str) -> tuple[int, ...]:
    if not getattr(stored, f"{field}Length")():
        return ()
    return tuple(int(value) for value in getattr(stored, f"{field}AsNumpy")())


def _level(stored: Any) -> Level:
    kind = schema.enum_names("DimensionType").get(stored.Format())
    if kind == "DENSE":
        return Level(int(stored.DenseSize()))
    if kind != "SPARSE_CSR":
        raise Malformed(f"a sparse dimension has the unknown format {stored.Format()}")
    segments = schema.index_vector(stored.ArraySegmentsType(), stored.ArraySegments())
    indices = schema.index_vector(stored.ArrayIndicesType(), stored.ArrayIndices())
    if segments is None or indices is None:
        raise Malformed("a sparse dimension has no segments or no indices")
    return Level(0, segments, indices)


def positions(sparsity: Sparsity, shape: tuple[int, ...]) -> _Indices:
    """Return the place of each stored value in the dense tensor, counted row by row.

    Raises:
        Malformed: the levels contradict each other or the shape.
    """
    rank, order = len(shape), sparsity.traversal_order
    blocks = _block_sizes(sparsity, shape)
    parents = np.zeros(1, np.int64)  # the number of each node's parent is its place in the level
    digits: dict[int, _Indices] = {}
    for dimension, level in zip(order, sparsity.levels, strict=True):
        parents, digit = _children(level, parents.size, prod(shape))
        digits = {known: values[parents] for known, values in digits.items()}
        digits[dimension] = digit
    places = np.zeros(parents.size, np.int64)
    for axis, side in enumerate(shape):
        coordinate = digits[axis]
        for number, blocked in enumerate(sparsity.block_map):
            if blocked == axis:
                inner = digits[rank + number]
                coordinate = coordinate * blocks[number] + inner
        if coordinate.size and not 0 <= coordinate.min() <= coordinate.max() < side:
            raise Malformed(f"a sparse value lies outside of the shape {shape}")
        places = places * side + coordinate
    return places


def _block_sizes(sparsity: Sparsity, shape: tuple[int, ...]) -> list[int]:
    """Check the structure; return the sizes of the blocks, which are dense."""
    order, block_map, levels = sparsity.traversal_order, sparsity.block_map, sparsity.levels
    rank, total = len(shape), len(shape) + len(block_map)
    if sorted(order) != list(range(total)) or len(levels) != total:
        raise Malformed(
            f"a sparse tensor of shape {shape} with {len(block_map)} block dimensions has the "
            f"traversal order {order} and {len(levels)} levels"
        )
    if any(not 0 <= axis < rank for axis in block_map):
        raise Malformed(f"a sparse tensor of shape {shape} has blocks in dimensions {block_map}")
    sizes = [levels[order.index(rank + number)] for number in range(len(block_map))]
    if any(level.segments is not None or level.size <= 0 for level in sizes):
        raise Malformed("the blocks of a sparse tensor are not dense")
    return [level.size for level in sizes]


def _children(level: Level, nodes: int, most: int) -> tuple[_Indices, _Indices]:
    """Return the parent of each node of the next level, and its position in the dimension."""
    if level.segments is None or level.indices is None:
        if not 0 <= level.size * nodes <= most:
            raise Malformed("a sparse tensor stores more values than its shape has")
        parents = np.repeat(np.arange(nodes, dtype=np.int64), level.size)
        return parents, np.tile(np.arange(level.size, dtype=np.int64), nodes)
    segments, indices = level.segments, level.indices
    counts = np.diff(segments)
    if segments.size != nodes + 1 or segments[0] != 0 or np.any(counts < 0):
        raise Malformed(f"the segments of a sparse dimension do not divide its {nodes} nodes")
    if segments[-1] != indices.size or indices.size > most:
        raise Malformed("the segments and indices of a sparse dimension differ in number")
    return np.repeat(np.arange(nodes, dtype=np.int64), counts), indices


def dense(values: npt.NDArray[Any], places: _Indices, shape: tuple[int, ...]) -> npt.NDArray[Any]:
    """Return the dense tensor of stored values at their :func:`positions`; all others are zero.

    Raises:
        Malformed: two values have the same place.
    """
    if np.unique(places).size != places.size:
        raise Malformed("two values of a sparse tensor have the same place")
    array = np.zeros(prod(shape), values.dtype)
    array[places] = values
    return array.reshape(shape)
