"""Memory for the report: what fits (bars by owner), and the arena over time (boxes).

All positions and lengths are per cent of the drawing's width or height, so that the drawing follows
the page's width while its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from hil.records import Kind, Measurement, MemoryPlan, OpMeasurement, Placement, RunRecord
from hil.report.words.axes import Tick
from hil.report.words.format import capacity as capacity_text
from hil.report.words.format import percent, plural, quantity, tensor_name

OWNERS: dict[str, tuple[str, str]] = {
    "code": ("code", "the model's arithmetic: one routine per kind of layer"),
    "weights": ("weights", "what the model has learned"),
    "tables": ("tables", "constants prepared ahead for the arithmetic"),
    "runtime": ("runtime", "start-up, serial link and the measuring program"),
    "arena": ("arena", "work space for the values between layers"),
    "static": ("static", "fixed variables of the program"),
    "stack": ("stack, used", "highest level seen while running"),
    "heap": ("heap, used", "highest level seen while running"),
    "stack_spare": ("stack, spare", "set aside for the stack, never touched"),
    "stack_reserved": ("stack", "set aside for the stack"),
    "heap_spare": ("heap, spare", "set aside for the heap, never touched"),
    "heap_reserved": ("heap", "set aside for the heap"),
}
_MAX_TICKS = 28
_LABEL_MIN_WIDTH, _LABEL_MIN_HEIGHT = 2.2, 5.5


@dataclass(frozen=True)
class Segment:
    """One owner's piece of a memory bar; ``x`` and ``width`` in per cent of the bar."""

    key: str
    label: str
    meaning: str
    bytes: int
    text: str
    share: str
    x: float
    width: float
    kind: Kind
    letter: str


@dataclass(frozen=True)
class MemoryBar:
    """Flash or RAM against what the chip has. ``limit_x`` is where the chip's memory ends."""

    name: str
    segments: tuple[Segment, ...]
    used_bytes: int
    used_text: str
    capacity_text: str
    share: str
    free_bytes: int
    free_text: str
    free_share: str
    fits: bool
    verdict: str
    limit_x: float


@dataclass(frozen=True)
class Box:
    """One buffer in the arena chart and in the table beside it."""

    number: int
    name: str
    role: str  # "io", "tensor", "scratch"
    bytes: int
    size: str
    offset: int
    alive: str
    first_op: int
    x: float
    y: float
    width: float
    height: float
    labelled: bool


@dataclass(frozen=True)
class Occupancy:
    """Bytes in use while one op runs; ``height`` is per cent of the arena."""

    op: int
    bytes: int
    text: str
    height: float


@dataclass(frozen=True)
class ArenaView:
    """The arena over time: x is the op, y the offset from the arena's start (0 at the bottom)."""

    boxes: tuple[Box, ...]
    ticks: tuple[Tick, ...]
    levels: tuple[Tick, ...]
    occupancy: tuple[Occupancy, ...]
    peak_x: float
    column: float
    peak_op: int
    peak_text: str
    size: str
    summary: str
    has_scratch: bool


def flash_bar(run: RunRecord) -> MemoryBar | None:
    """Flash by owner against the profile's flash; None where neither is known."""
    return _bar("Flash", flash_parts(run), flash_capacity_bytes(run.profile))


def flash_parts(run: RunRecord) -> list[tuple[str, int, Kind]]:
    """Flash by owner as (key, bytes, kind)."""
    order = ("code", "weights", "tables", "runtime")
    return [(key, size, "static") for key, size in _ordered(run.flash_by_owner, order)]


def ram_bar(run: RunRecord) -> MemoryBar | None:
    """RAM by owner against the profile's main RAM; None where neither is known."""
    return _bar("RAM", ram_parts(run), main_ram_bytes(run.profile))


def ram_parts(run: RunRecord) -> list[tuple[str, int, Kind]]:
    """RAM by owner as (key, bytes, kind).

    Stack and heap count with their observed high-water marks; the rest of what is set aside for
    them are parts of their own, so that "free" is what a larger program could really take.
    """
    sizes = dict(run.ram_by_owner)
    reserved = {name: sizes.pop(f"{name}_reserved", 0) for name in ("stack", "heap")}
    parts: list[tuple[str, int, Kind]] = [
        (key, size, "static") for key, size in _ordered(sizes, ("arena", "static"))
    ]
    for name, size in reserved.items():
        parts += _used_and_spare(name, size, run.measurements.get(f"{name}_bytes"))
    return parts


def _used_and_spare(
    name: str, reserved: int, seen: Measurement | None
) -> list[tuple[str, int, Kind]]:
    """Segments of the stack or the heap; empty ones are left out."""
    if seen is None:
        return [(f"{name}_reserved", reserved, "static")] if reserved else []
    used = int(seen.value)
    parts: list[tuple[str, int, Kind]] = [(name, used, seen.kind)] if used else []
    if reserved > used:
        parts.append((f"{name}_spare", reserved - used, "static"))
    return parts


def main_ram_bytes(profile: Mapping[str, Any]) -> int | None:
    """Size of the RAM that holds data, bss and stack, or None where the profile does not say."""
    for ram in profile.get("ram") or ():
        if ram.get("main"):
            return int(ram["size_bytes"])
    return None


def flash_capacity_bytes(profile: Mapping[str, Any]) -> int | None:
    """Size of the profile's flash, or None where the profile does not say."""
    return _get_int(profile, "flash", "size_bytes")


def _get_int(profile: Mapping[str, Any], *path: str) -> int | None:
    value: Any = profile
    for key in path:
        if not isinstance(value, Mapping) or key not in value:
            return None
        value = value[key]
    return int(value)


def _ordered(sizes: Mapping[str, int], order: Iterable[str]) -> list[tuple[str, int]]:
    known = [key for key in order if key in sizes]
    return [(key, int(sizes[key])) for key in (*known, *sorted(set(sizes) - set(known)))]


def _bar(name: str, parts: list[tuple[str, int, Kind]], capacity: int | None) -> MemoryBar | None:
    used = sum(size for key, size, _ in parts if not key.endswith("_spare"))
    taken = sum(size for _, size, _ in parts)
    if not parts or not capacity:
        return None
    scale = max(capacity, taken)
    segments: list[Segment] = []
    start = 0
    for index, (key, size, kind) in enumerate(parts):
        label, meaning = OWNERS.get(key, (key.replace("_", " "), ""))
        segments.append(
            Segment(
                key=key if key in OWNERS else "other",
                label=label,
                meaning=meaning,
                bytes=size,
                text=quantity(size, "bytes"),
                share=percent(size / capacity),
                x=100 * start / scale,
                width=100 * size / scale,
                kind=kind,
                letter=chr(ord("A") + index),
            )
        )
        start += size
    free = capacity - taken
    fits = free >= 0
    return MemoryBar(
        name=name,
        segments=tuple(segments),
        used_bytes=used,
        used_text=quantity(used, "bytes"),
        capacity_text=capacity_text(capacity),
        share=percent(used / capacity),
        free_bytes=max(0, free),
        free_text=quantity(max(0, free), "bytes"),
        free_share=percent(max(0, free) / capacity),
        fits=fits,
        verdict=(
            f"fits, {quantity(free, 'bytes')} to spare"
            if fits
            else f"does not fit: {quantity(-free, 'bytes')} too much"
        ),
        limit_x=100 * capacity / scale,
    )


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
    occupancy = tuple(_occupancy(op, plan) for op in range(n_ops))
    peak = occupancy[plan.peak_op] if 0 <= plan.peak_op < n_ops else occupancy[0]
    name = next((op.op for op in ops if op.index == plan.peak_op), "")
    column = 100 / columns
    return ArenaView(
        boxes=boxes,
        ticks=_op_ticks(n_ops, columns),
        levels=_levels(plan.arena_bytes),
        occupancy=occupancy,
        peak_x=(plan.peak_op + 1) * column,
        column=column,
        peak_op=plan.peak_op,
        peak_text=f"op {plan.peak_op}" + (f" ({name})" if name else "") + f", {peak.text}",
        size=quantity(plan.arena_bytes, "bytes"),
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
    role = "scratch" if placed.tensor is None else "io" if at_edge else "tensor"
    return Box(
        number=number,
        name=tensor_name(placed.name),
        role=role,
        bytes=placed.size,
        size=quantity(placed.size, "bytes"),
        offset=placed.offset,
        alive=_alive(placed, n_ops),
        first_op=placed.first_op,
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


def _occupancy(op: int, plan: MemoryPlan) -> Occupancy:
    size = occupied_bytes(plan, op)
    return Occupancy(op, size, quantity(size, "bytes"), 100 * size / plan.arena_bytes)


def _op_ticks(n_ops: int, columns: int) -> tuple[Tick, ...]:
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 10**9) if n_ops / s <= _MAX_TICKS)
    return tuple(Tick(100 * (op + 1.5) / columns, str(op)) for op in range(0, n_ops, step))


def _levels(arena: int) -> tuple[Tick, ...]:
    """Three to six round marks on the byte axis."""
    step = 1
    while arena / step > 6:
        step *= 2
    return tuple(
        Tick(100 - 100 * level / arena, capacity_text(level)) for level in range(0, arena, step)
    )
