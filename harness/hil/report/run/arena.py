"""The arena over time: a box for each buffer, from the op that makes it to the last that reads it.

All positions and lengths are per cent of the drawing's width or height, so that the drawing follows
the page's width while its text keeps its size.
"""

from __future__ import annotations

from dataclasses import dataclass

from hil.records import MemoryPlan, OpMeasurement, Placement
from hil.report.words.axes import Tick
from hil.report.words.format import capacity, plural, quantity, tensor_name

_MAX_TICKS = 28
_LABEL_MIN_WIDTH, _LABEL_MIN_HEIGHT = 2.2, 5.5


@dataclass(frozen=True)
class Box:
    """One buffer in the arena chart and in the table beside it.

    ``role`` is ``io``, ``tensor`` or ``scratch``; ``alive`` its first and last op.
    """

    number: int
    name: str
    role: str
    placed: Placement
    alive: str
    x: float
    y: float
    width: float
    height: float
    labelled: bool


@dataclass(frozen=True)
class ArenaView:
    """The arena over time: x is the op, y the offset from the arena's start (0 at the bottom)."""

    bytes: int
    boxes: tuple[Box, ...]
    ticks: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    peak_x: float
    column: float
    peak_text: str
    summary: str
    has_scratch: bool


def arena_view(
    plan: MemoryPlan | None, ops: tuple[OpMeasurement, ...], n_ops: int
) -> ArenaView | None:
    """Geometry of the arena over time; None without a plan or with an empty arena.

    Column 0 is "before the first op" (inputs arrive), the last one "after the last op".
    """
    if plan is None or not plan.placements or plan.arena_bytes <= 0:
        return None
    last = max(p.last_op for p in plan.placements)
    n_ops = max(n_ops, len(ops), last, plan.peak_op + 1, 1)
    columns = n_ops + 2
    ordered = sorted(plan.placements, key=lambda p: (p.first_op, p.offset, p.last_op))
    boxes = tuple(_box(i + 1, p, columns, plan.arena_bytes, n_ops) for i, p in enumerate(ordered))
    peak_op = max(0, plan.peak_op)
    name = next((f" ({op.op})" for op in ops if op.index == plan.peak_op), "")
    peak = quantity(occupied_bytes(plan, peak_op), "bytes")
    column = 100 / columns
    return ArenaView(
        bytes=plan.arena_bytes,
        boxes=boxes,
        ticks=_op_ticks(n_ops, columns),
        levels=_levels(plan.arena_bytes),
        peak_x=(plan.peak_op + 1) * column,
        column=column,
        peak_text=f"op {plan.peak_op}{name}, {peak}",
        summary=_summary(plan, len(boxes)),
        has_scratch=any(box.role == "scratch" for box in boxes),
    )


def _summary(plan: MemoryPlan, buffers: int) -> str:
    separate = sum(p.size for p in plan.placements)
    text = f"{plural(buffers, 'buffer')} share {quantity(plan.arena_bytes, 'bytes')}"
    if separate > plan.arena_bytes:
        text += (
            f"; kept apart they would take {quantity(separate, 'bytes')}, "
            f"{separate / plan.arena_bytes:.1f} times as much"
        )
    return text + "."


def _box(number: int, placed: Placement, columns: int, arena: int, n_ops: int) -> Box:
    width = 100 * (placed.last_op - placed.first_op + 1) / columns
    height = 100 * placed.size / arena
    at_edge = placed.first_op < 0 or placed.last_op >= n_ops
    return Box(
        number=number,
        name=tensor_name(placed.name),
        role="scratch" if placed.tensor is None else "io" if at_edge else "tensor",
        placed=placed,
        alive=_alive(placed, n_ops),
        x=100 * (placed.first_op + 1) / columns,
        y=100 - 100 * (placed.offset + placed.size) / arena,
        width=width,
        height=height,
        labelled=width >= _LABEL_MIN_WIDTH and height >= _LABEL_MIN_HEIGHT,
    )


def _alive(placed: Placement, n_ops: int) -> str:
    if placed.first_op < 0 and placed.last_op >= n_ops:
        return "input to end"
    first = "input" if placed.first_op < 0 else f"op {placed.first_op}"
    last = "end (output)" if placed.last_op >= n_ops else f"op {placed.last_op}"
    return first if first == last else f"{first} to {last}"


def occupied_bytes(plan: MemoryPlan, op: int) -> int:
    """Bytes of the arena in use while ``op`` runs; memory that buffers share counts once."""
    alive = sorted(
        (p.offset, p.offset + p.size) for p in plan.placements if p.first_op <= op <= p.last_op
    )
    total = end = 0
    for start, stop in alive:
        total += max(0, stop - max(start, end))
        end = max(end, stop)
    return total


def _op_ticks(n_ops: int, columns: int) -> tuple[Tick, ...]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if n_ops / s <= _MAX_TICKS)
    return tuple(Tick(100 * (op + 1.5) / columns, str(op)) for op in range(0, n_ops, step))


def _levels(arena: int) -> tuple[Tick, ...]:
    """Three to six round marks on the byte axis."""
    step = 1
    while arena / step > 6:
        step *= 2
    return tuple(
        Tick(100 - 100 * level / arena, capacity(level)) for level in range(0, arena, step)
    )
