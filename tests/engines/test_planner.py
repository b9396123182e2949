from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from hil.engines.aot.lower import Lowered
from hil.engines.aot.planner import ALIGNMENT, ArenaLayout, plan
from hil.records import Placement
from hil.tflite.graph import Graph, Op, Tensor
from hypothesis import given, settings
from hypothesis import strategies as st

BOUNDED = settings(max_examples=150)
CALL = "kernel({in0}, {out0})"


def tensor(index: int, size: int) -> Tensor:
    return Tensor(index, f"t{index}", (size,), "int8", None, None)


def graph_of(
    sizes: list[int],
    ops: list[tuple[tuple[int, ...], tuple[int, ...]]],
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
) -> Graph:
    return Graph(
        name="g",
        tensors=tuple(tensor(i, size) for i, size in enumerate(sizes)),
        ops=tuple(Op(i, "ADD", 1, ins, outs, {}, 0) for i, (ins, outs) in enumerate(ops)),
        inputs=inputs,
        outputs=outputs,
        description="",
    )


def verify(graph: Graph, lowered: Sequence[Lowered], layout: ArenaLayout) -> list[str]:
    """Look for faults of a layout, independently of how it was made; empty if it is sound.

    Two placements that are alive at the same op must not overlap, except a view with its source
    and, at one op only, an input with the output that replaces it in place. Also checks bounds
    and alignment.
    """
    views = _view_roots(graph, lowered, layout)
    faults = []
    placements = layout.memory.placements
    for i, a in enumerate(placements):
        if a.offset % ALIGNMENT or a.offset < 0 or a.offset + a.size > layout.memory.arena_bytes:
            faults.append(f"{a.name}: outside the arena or misaligned")
        for b in placements[i + 1 :]:
            if _clash(a, b) and not _intended(a, b, graph, lowered, views):
                faults.append(f"{a.name} and {b.name} overlap while both are alive")
    return faults


def _clash(a: Placement, b: Placement) -> bool:
    alive = a.first_op <= b.last_op and b.first_op <= a.last_op
    return alive and a.offset < b.offset + b.size and b.offset < a.offset + a.size


def _view_roots(graph: Graph, lowered: Sequence[Lowered], layout: ArenaLayout) -> dict[int, int]:
    roots: dict[int, int] = {}
    for op, low in zip(graph.ops, lowered, strict=True):
        if op.index in layout.aliased:
            source = op.inputs[low.in_place[0]]
            roots[op.outputs[0]] = roots.get(source, source)
    return roots


def _intended(
    a: Placement, b: Placement, graph: Graph, lowered: Sequence[Lowered], roots: dict[int, int]
) -> bool:
    if a.tensor is None or b.tensor is None or a.offset != b.offset:
        return False
    if roots.get(a.tensor, a.tensor) == roots.get(b.tensor, b.tensor):
        return True
    early, late = (a, b) if a.first_op <= b.first_op else (b, a)
    if early.last_op != late.first_op or not 0 <= late.first_op < len(graph.ops):
        return False
    op, low = graph.ops[late.first_op], lowered[late.first_op]
    replaced = {op.inputs[p] for p in low.in_place} if low.call else set()
    sources = {roots.get(t, t) for t in replaced}
    assert early.tensor is not None
    return late.tensor in op.outputs and roots.get(early.tensor, early.tensor) in sources


@st.composite
def random_plans(draw: st.DrawFn) -> tuple[Graph, list[Lowered]]:
    """A graph in execution order: views, in-place ops, scratch, dead tensors, several outputs."""
    n_inputs = draw(st.integers(1, 3))
    sizes = [draw(st.integers(1, 300)) for _ in range(n_inputs)]
    ops: list[tuple[tuple[int, ...], tuple[int, ...]]] = []
    lowered = []
    for _ in range(draw(st.integers(0, 14))):
        alive = range(len(sizes))
        sources = tuple(draw(st.lists(st.sampled_from(alive), min_size=1, max_size=3)))
        kind = draw(st.sampled_from(["plain", "plain", "in place", "view", "two outputs"]))
        targets: tuple[int, ...] = (len(sizes),)
        if kind == "view":
            sizes.append(sizes[sources[0]])
            sources = sources[:1]
            low = Lowered((), "", in_place=(0,))
        elif kind == "in place":
            sizes.append(draw(st.sampled_from([sizes[s] for s in sources])))
            low = Lowered((), CALL, in_place=tuple(range(len(sources))))
        else:
            sizes += [draw(st.integers(1, 300)) for _ in range(1 + (kind == "two outputs"))]
            targets = tuple(range(targets[0], len(sizes)))
            low = Lowered((), CALL)
        if kind != "view":
            low = dataclasses.replace(low, scratch_bytes=draw(st.sampled_from([0, 0, 33, 128])))
        ops.append((sources, targets))
        lowered.append(low)
    outputs = tuple(draw(st.lists(st.sampled_from(range(len(sizes))), min_size=1, max_size=3)))
    return graph_of(sizes, ops, tuple(range(n_inputs)), outputs), lowered


@BOUNDED
@given(random_plans())
def test_nothing_that_is_alive_is_overwritten(case: tuple[Graph, list[Lowered]]) -> None:
    graph, lowered = case
    layout = plan(graph, lowered)
    assert verify(graph, lowered, layout) == []
    assert layout.memory.arena_bytes >= layout.lower_bound
    assert _simulate(graph, lowered, layout.offsets, layout.scratch_offsets) == []


def _simulate(
    graph: Graph, lowered: list[Lowered], offsets: dict[int, int], scratch: dict[int, int]
) -> list[str]:
    """Run the graph on tags: each byte holds what wrote it last; every read must find its own.

    This knows nothing of lifetimes or blocks. A view carries its source's tag.
    """
    memory: dict[int, object] = {}
    tags: dict[int, object] = {}
    faults = []

    def write(index: int, tag: object) -> None:
        tags[index] = tag
        start = offsets[index]
        memory.update(dict.fromkeys(range(start, start + graph.tensors[index].nbytes), tag))

    def check(index: int, where: str) -> None:
        start = offsets[index]
        held = {memory.get(b) for b in range(start, start + graph.tensors[index].nbytes)}
        if held != {tags[index]}:
            faults.append(f"tensor {index} is lost at {where}")

    for index in graph.inputs:
        write(index, f"input {index}")
    for op, low in zip(graph.ops, lowered, strict=True):
        for index in op.inputs:
            check(index, f"op {op.index}")
        if not low.call:
            tags[op.outputs[0]] = tags[op.inputs[0]]
            continue
        start = scratch.get(op.index, 0)
        memory.update(dict.fromkeys(range(start, start + low.scratch_bytes), "scratch"))
        for index in op.inputs:  # scratch must not have hit an input
            check(index, f"op {op.index}, after scratch")
        for index in op.outputs:
            write(index, f"op {op.index} output {index}")
        for index in set(op.inputs) - {op.inputs[p] for p in low.in_place}:
            check(index, f"op {op.index}, after the output")
        for index in op.outputs:
            check(index, f"op {op.index}, own output")
    for index in graph.outputs:
        check(index, "the end")
    return faults


def test_the_simulation_notices_an_overlap() -> None:
    graph = graph_of([64, 64, 64], [((0,), (1,)), ((0, 1), (2,))], (0,), (2,))
    lowered = [Lowered((), CALL), Lowered((), CALL)]
    layout = plan(graph, lowered)
    broken = dict.fromkeys(layout.offsets, 0)
    assert _simulate(graph, lowered, broken, {})
    memory = dataclasses.replace(
        layout.memory,
        placements=tuple(dataclasses.replace(p, offset=0) for p in layout.memory.placements),
    )
    assert verify(graph, lowered, dataclasses.replace(layout, memory=memory, offsets=broken))


def test_a_chain_in_place_needs_one_buffer() -> None:
    graph = graph_of([100, 100, 100, 100], [((i,), (i + 1,)) for i in range(3)], (0,), (3,))
    layout = plan(graph, [Lowered((), CALL, in_place=(0,))] * 3)
    assert layout.memory.arena_bytes == 112
    assert {p.offset for p in layout.memory.placements} == {0}


def test_an_input_that_is_still_needed_is_not_overwritten() -> None:
    graph = graph_of([100] * 3, [((0,), (1,)), ((0, 1), (2,))], (0,), (2,))
    layout = plan(graph, [Lowered((), CALL, in_place=(0,)), Lowered((), CALL)])
    assert layout.offsets[0] != layout.offsets[1]


def test_a_larger_output_does_not_go_in_place() -> None:
    graph = graph_of([100, 400], [((0,), (1,))], (0,), (1,))
    layout = plan(graph, [Lowered((), CALL, in_place=(0,))])
    assert layout.offsets[0] != layout.offsets[1]


def test_a_view_keeps_its_source_alive() -> None:
    """t1 is a view of t0; t0 dies first, and yet nothing may be written over it."""
    ops = [((0,), (1,)), ((0,), (2,)), ((1, 2), (3,))]
    graph = graph_of([96, 96, 96, 96], ops, (0,), (3,))
    lowered = [Lowered((), "", in_place=(0,)), Lowered((), CALL, in_place=(0,)), Lowered((), CALL)]
    layout = plan(graph, lowered)
    assert layout.aliased == {0}
    assert layout.offsets[1] == layout.offsets[0] != layout.offsets[2]


def test_a_broadcast_operand_that_is_a_view_forbids_in_place() -> None:
    ops = [((0,), (1,)), ((0, 1), (2,))]
    graph = graph_of([96, 96, 96], ops, (0,), (2,))
    layout = plan(graph, [Lowered((), "", in_place=(0,)), Lowered((), CALL, in_place=(0,))])
    assert layout.offsets[2] != layout.offsets[0]


def test_a_residual_block_meets_the_lower_bound() -> None:
    ops = [((0,), (1,)), ((1,), (2,)), ((2,), (3,)), ((1, 3), (4,))]
    graph = graph_of([3072, 16384, 16384, 16384, 16384], ops, (0,), (4,))
    conv = Lowered((), CALL, scratch_bytes=288)
    layout = plan(graph, [conv, conv, conv, Lowered((), CALL, in_place=(0, 1))])
    assert layout.memory.arena_bytes == layout.lower_bound == 3 * 16384 + 288
    assert layout.memory.peak_op == 2


def test_the_same_graph_gives_the_same_plan() -> None:
    sizes = [(i * 7919) % 500 + 1 for i in range(40)]
    ops = [((i, max(0, i - 5)), (i + 1,)) for i in range(39)]
    graph = graph_of(sizes, ops, (0,), (39,))
    lowered = [Lowered((), CALL)] * 39
    assert plan(graph, lowered).memory == plan(graph, lowered).memory


def test_an_empty_graph() -> None:
    layout = plan(graph_of([10], [], (0,), (0,)), [])
    assert layout.memory.arena_bytes == 16
    assert layout.memory.placements[0].last_op == 0
