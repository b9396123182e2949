"""Arena layout ahead of time: which buffers share memory, and the offset of each.

Two steps. *Blocks*: tensors that may have the same place (views, in-place results) are joined.
*Offsets*: blocks whose lifetimes meet must not overlap; finding the smallest arena is dynamic
storage allocation (NP-hard), done here by first fit over several orders plus a small deterministic
local search that stops at the lower bound.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from hil.engines.aot.lower import Lowered
from hil.records import MemoryPlan, Placement
from hil.tflite.graph import Graph, Op

ALIGNMENT = 16  # bytes; what hil_aot.h promises to kernels
_SEARCH_WORK = 150_000  # block pairs looked at by the local search: about 30 ms
_SEED = 1


@dataclass(frozen=True)
class ArenaLayout:
    """The plan with what code generation needs: offsets in bytes by tensor, and of scratch by op.

    ``aliased`` holds the ops whose output is a view of its input: no code is needed for them.
    """

    memory: MemoryPlan
    offsets: dict[int, int]
    scratch_offsets: dict[int, int]
    aliased: frozenset[int]
    lower_bound: int


@dataclass
class _Block:
    """Tensors (or one op's scratch) with the same place, alive from ``first`` to ``last``."""

    tensors: list[int]
    size: int
    first: int
    last: int
    scratch_of: int | None = None

    def meets(self, other: _Block) -> bool:
        return self.first <= other.last and other.first <= self.last


def plan(graph: Graph, lowered: Sequence[Lowered]) -> ArenaLayout:
    """Lay out the arena for ``graph``, whose ops are computed by ``lowered``, in this order.

    Ops count by their index in the file, which a folded graph does not have all of.
    """
    blocks, aliased = _blocks(graph, lowered)
    bound, peak_op = _lower_bound(blocks, [op.index for op in graph.ops])
    offsets = _best_offsets(blocks, bound)
    arena = max((o + b.size for o, b in zip(offsets, blocks, strict=True)), default=0)
    placed = {t: o for o, b in zip(offsets, blocks, strict=True) for t in b.tensors}
    scratch = {
        b.scratch_of: o for o, b in zip(offsets, blocks, strict=True) if b.scratch_of is not None
    }
    memory = MemoryPlan(arena, _placements(graph, lowered, placed, scratch), peak_op)
    return ArenaLayout(memory, placed, scratch, aliased, bound)


def lifetimes(graph: Graph) -> dict[int, tuple[int, int]]:
    """(first op, last op), both inclusive, of each placed tensor, in one pass over the ops.

    As :meth:`Graph.lifetime`, except that a constant which is a graph output is copied at the
    very end, hence lives only there.
    """
    after = graph.ops[-1].index + 1 if graph.ops else 0
    first = dict.fromkeys(graph.inputs, -1)
    last = dict.fromkeys(graph.inputs, -1)
    for op in graph.ops:
        for t in op.outputs:
            if t >= 0:
                first.setdefault(t, op.index)
                last[t] = max(last.get(t, -1), op.index)
        for t in op.inputs:
            if t in first:
                last[t] = max(last[t], op.index)
    for t in graph.outputs:
        first.setdefault(t, after)
        last[t] = after
    return {t: (first[t], last[t]) for t in first}


def _blocks(graph: Graph, lowered: Sequence[Lowered]) -> tuple[list[_Block], frozenset[int]]:
    """Join tensors into blocks, add the scratch buffers; also the ops that became views."""
    block_of = {
        t: _Block([t], _aligned(graph.tensors[t].nbytes), first, last)
        for t, (first, last) in lifetimes(graph).items()
    }
    aliased = set()
    for op, low in zip(graph.ops, lowered, strict=True):
        host = (
            _view_host(op, low, graph, block_of)
            if not low.call
            else _in_place_host(op, low, graph, block_of)
        )
        if host is None:
            continue
        if not low.call:
            aliased.add(op.index)
        _join(block_of, block_of[host], block_of[op.outputs[0]])
    blocks = list({id(b): b for b in block_of.values()}.values())
    for op, low in zip(graph.ops, lowered, strict=True):
        if low.scratch_bytes:
            size = _aligned(low.scratch_bytes)
            blocks.append(_Block([], size, op.index, op.index, scratch_of=op.index))
    return blocks, frozenset(aliased)


def _view_host(op: Op, low: Lowered, graph: Graph, block_of: dict[int, _Block]) -> int | None:
    """The input that a data-free op's output is a view of; None where it is a constant."""
    source = op.inputs[low.in_place[0]]
    constant = graph.tensors[source].is_constant and source not in graph.inputs
    return source if source in block_of and not constant else None


def _in_place_host(op: Op, low: Lowered, graph: Graph, block_of: dict[int, _Block]) -> int | None:
    """The input that the op may overwrite with its output, if there is one.

    It must die here, views of it included, be large enough, and no other operand may be a view
    of it (a broadcast operand would be read after it was overwritten).
    """
    if len(op.outputs) != 1 or op.outputs[0] in graph.inputs:
        return None
    output = graph.tensors[op.outputs[0]]
    for position in low.in_place:
        candidate = op.inputs[position]
        block = block_of.get(candidate)
        if block is None or block.last > op.index or block is block_of[output.index]:
            continue
        if graph.tensors[candidate].nbytes < output.nbytes:
            continue
        others = (
            t
            for i, t in enumerate(op.inputs)
            if i != position and not (t == candidate and i in low.in_place)
        )
        if not any(block_of.get(t) is block for t in others):
            return candidate
    return None


def _join(block_of: dict[int, _Block], host: _Block, guest: _Block) -> None:
    if host is guest:
        return
    host.tensors += guest.tensors
    host.size = max(host.size, guest.size)
    host.first = min(host.first, guest.first)
    host.last = max(host.last, guest.last)
    for t in guest.tensors:
        block_of[t] = host


def _lower_bound(blocks: Sequence[_Block], ops: Sequence[int]) -> tuple[int, int]:
    """Most bytes alive at once, and the op at which that is."""
    after = ops[-1] + 1 if ops else 0
    live = {op: sum(b.size for b in blocks if b.first <= op <= b.last) for op in (-1, *ops, after)}
    peak_op = max(ops, key=lambda op: live[op], default=0)
    return max(live.values()), peak_op


def _best_offsets(blocks: Sequence[_Block], bound: int) -> list[int]:
    """Offsets of all blocks: the best of a few orders, improved by swapping pairs of the order."""
    meets = [
        [j for j, other in enumerate(blocks) if j != i and block.meets(other)]
        for i, block in enumerate(blocks)
    ]
    best: list[int] = []
    best_size = -1
    order: list[int] = []
    for candidate in _orders(blocks):
        offsets = _first_fit(blocks, meets, candidate)
        size = max((o + b.size for o, b in zip(offsets, blocks, strict=True)), default=0)
        if best_size < 0 or size < best_size:
            best, best_size, order = offsets, size, candidate
        if best_size <= bound:
            return best
    return _improve(blocks, meets, order, best, best_size, bound)


def _orders(blocks: Sequence[_Block]) -> Iterable[list[int]]:
    indices = range(len(blocks))
    duration = [b.last - b.first + 1 for b in blocks]
    yield sorted(indices, key=lambda i: (-blocks[i].size, blocks[i].first))
    yield sorted(indices, key=lambda i: (-blocks[i].size * duration[i], blocks[i].first))
    yield sorted(indices, key=lambda i: (-duration[i], -blocks[i].size))
    yield sorted(indices, key=lambda i: (blocks[i].first, -blocks[i].size))
    yield sorted(indices, key=lambda i: (-blocks[i].last, -blocks[i].size))


def _first_fit(
    blocks: Sequence[_Block], meets: Sequence[Sequence[int]], order: Sequence[int]
) -> list[int]:
    """Place blocks in ``order``, each at the lowest offset that is free of those it meets."""
    offsets = [-1] * len(blocks)
    for i in order:
        taken = sorted((offsets[j], blocks[j].size) for j in meets[i] if offsets[j] >= 0)
        offset = 0
        for start, size in taken:
            if offset + blocks[i].size <= start:
                break
            offset = max(offset, start + size)
        offsets[i] = offset
    return offsets


def _improve(
    blocks: Sequence[_Block],
    meets: Sequence[Sequence[int]],
    order: list[int],
    best: list[int],
    best_size: int,
    bound: int,
) -> list[int]:
    """Hill climbing over the order with a fixed seed and a fixed amount of work."""
    rng = random.Random(_SEED)
    pairs = sum(len(m) for m in meets) + len(blocks)
    for _ in range(min(2000, _SEARCH_WORK // pairs)):
        trial = list(order)
        i, j = rng.randrange(len(trial)), rng.randrange(len(trial))
        trial.insert(j, trial.pop(i))
        offsets = _first_fit(blocks, meets, trial)
        size = max(o + b.size for o, b in zip(offsets, blocks, strict=True))
        if size <= best_size:
            best, best_size, order = offsets, size, trial
        if best_size <= bound:
            break
    return best


def _placements(
    graph: Graph, lowered: Sequence[Lowered], offsets: dict[int, int], scratch: dict[int, int]
) -> tuple[Placement, ...]:
    tensors = [
        Placement(graph.tensors[t].name, t, offsets[t], graph.tensors[t].nbytes, first, last)
        for t, (first, last) in sorted(lifetimes(graph).items())
    ]
    buffers = [
        Placement(
            f"scratch of op {op.index} ({op.name})",
            None,
            scratch[op.index],
            low.scratch_bytes,
            op.index,
            op.index,
        )
        for op, low in zip(graph.ops, lowered, strict=True)
        if op.index in scratch
    ]
    return tuple(tensors + buffers)


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
