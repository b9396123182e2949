"""Where the memory goes in several runs: RAM, arena and flash, one bar and one line a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from hil.records import Kind, RunRecord
from hil.report.run.arena import occupied_bytes
from hil.report.run.memory import OWNERS, Owner, Part, flash_parts, owners, ram_parts

ARENA_PARTS = {
    "persistent": ("persistent", "what the engine keeps for itself: structures of ops and tensors"),
    "values": ("values and scratch", "what ops hand on and work in, at the fullest op"),
    "unused": ("the rest", "needed while loading, alignment, gaps"),
}
_ARENA_NOTE = "The part of RAM where values travel from op to op, as large as it must be."


@dataclass(frozen=True)
class MemoryCell:
    """Bytes of one owner in one run; None where they are not known."""

    bytes: int | None
    kind: Kind | None = None


@dataclass(frozen=True)
class MemoryLine:
    """One run: total, bar, the bytes of every owner, and what else the table has.

    The bar's slices are owners with their widths in per cent of the longest bar.
    """

    total: MemoryCell
    slices: tuple[tuple[Owner, float], ...]
    cells: tuple[MemoryCell, ...]
    more: MemoryCell | None = None


@dataclass(frozen=True)
class MemoryTable:
    """One kind of memory across all runs; ``lines`` are in the order of the runs.

    ``more`` heads a last column that is not part of the bars; empty where there is none.
    """

    name: str
    note: str
    more: str
    owners: tuple[Owner, ...]
    lines: tuple[MemoryLine, ...]
    kinds: tuple[Kind, ...]


def memory_tables(runs: Sequence[RunRecord]) -> tuple[MemoryTable, ...]:
    """RAM, arena and flash of all runs; a kind of memory that no run has is left out."""
    tables = (
        _table("RAM", "", runs, lambda run: _without_spare(ram_parts(run)), OWNERS),
        _with_scratch(_table("Arena", _ARENA_NOTE, runs, arena_parts, ARENA_PARTS), runs),
        _table("Flash", "", runs, flash_parts, OWNERS),
    )
    return tuple(table for table in tables if table is not None)


def arena_parts(run: RunRecord) -> list[Part]:
    """The arena by purpose, empty parts left out.

    An interpreter reports what is persistent and what is not; of an engine that plans ahead it is
    what its plan has in use at the fullest op.
    """
    arena = run.measurements.get("arena_bytes")
    persistent = run.measurements.get("arena_persistent_bytes")
    changing = run.measurements.get("arena_nonpersistent_bytes")
    if arena is None:
        return []
    if persistent is not None and changing is not None:
        parts = [
            Part("persistent", int(persistent.value), persistent.kind),
            Part("values", int(changing.value), changing.kind),
        ]
    elif run.plan is not None and run.plan.placements:
        parts = [Part("values", occupied_bytes(run.plan, run.plan.peak_op), "static")]
    else:
        return []
    rest = int(arena.value) - sum(part.bytes for part in parts)
    return [part for part in (*parts, Part("unused", rest, arena.kind)) if part.bytes > 0]


def largest_scratch_bytes(run: RunRecord) -> int | None:
    """The most scratch that one op takes, in bytes; a part of what is not persistent."""
    reported = run.measurements.get("arena_scratch_bytes")
    if reported is not None:
        return int(reported.value)
    if run.plan is None or not run.plan.placements:
        return None
    taken: dict[int, int] = {}
    for placed in run.plan.placements:
        if placed.tensor is None:
            for op in range(placed.first_op, placed.last_op + 1):
                taken[op] = taken.get(op, 0) + placed.size
    return max(taken.values(), default=0)


def _without_spare(parts: list[Part]) -> list[Part]:
    """Without what is set aside and was never touched: no engine needs it."""
    return [part for part in parts if not part.key.endswith("_spare")]


def _table(
    name: str,
    note: str,
    runs: Sequence[RunRecord],
    parts_of: Callable[[RunRecord], list[Part]],
    known: Mapping[str, tuple[str, str]],
) -> MemoryTable | None:
    parts = [parts_of(run) for run in runs]
    found = {part.key for own in parts for part in own}
    longest = max((sum(part.bytes for part in own) for own in parts), default=0)
    if not longest:
        return None
    columns = owners([*filter(found.__contains__, known), *sorted(found - set(known))], known)
    kinds = dict.fromkeys(part.kind for own in parts for part in own)
    lines = tuple(_line(own, columns, longest) for own in parts)
    return MemoryTable(name, note, "", columns, lines, tuple(kinds))


def _with_scratch(table: MemoryTable | None, runs: Sequence[RunRecord]) -> MemoryTable | None:
    if table is None:
        return None
    lines = tuple(
        replace(line, more=MemoryCell(largest_scratch_bytes(run)))
        for line, run in zip(table.lines, runs, strict=True)
    )
    return replace(table, lines=lines, more="of it scratch, at most")


def _line(parts: list[Part], columns: Sequence[Owner], longest: int) -> MemoryLine:
    own = {part.key: part for part in parts}
    kinds = {part.kind for part in parts}
    total = sum(part.bytes for part in parts) if parts else None
    absent = MemoryCell(0 if parts else None)
    return MemoryLine(
        total=MemoryCell(total, kinds.pop() if len(kinds) == 1 else None),
        slices=tuple(
            (owner, 100 * own[owner.key].bytes / longest)
            for owner in columns
            if owner.key in own and own[owner.key].bytes
        ),
        cells=tuple(
            MemoryCell(own[owner.key].bytes, own[owner.key].kind) if owner.key in own else absent
            for owner in columns
        ),
    )
