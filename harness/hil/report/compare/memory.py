"""Where the memory goes in several runs: RAM, arena and flash, one bar and one line a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hil.records import Kind, RunRecord
from hil.report.run.arena import occupied_bytes
from hil.report.run.memory import OWNERS, flash_parts, ram_parts
from hil.report.words.format import MISSING, quantity

Part = tuple[str, int, Kind]

ARENA_PARTS = {
    "persistent": ("persistent", "what the engine keeps for itself: structures of ops and tensors"),
    "values": ("values and scratch", "what ops hand on and work in, at the fullest op"),
    "unused": ("the rest", "needed while loading, alignment, gaps"),
}
_ARENA_NOTE = "The part of RAM where values travel from op to op, as large as it must be."


@dataclass(frozen=True)
class Owner:
    """A column of the table and a colour of the bars."""

    key: str
    label: str
    meaning: str
    letter: str
    colour: str


@dataclass(frozen=True)
class Slice:
    """One owner's piece of a bar; ``width`` in per cent of the longest bar."""

    colour: str
    letter: str
    width: float


@dataclass(frozen=True)
class MemoryCell:
    """Bytes of one owner in one run; None where the run does not tell."""

    bytes: int | None
    text: str
    kind: Kind | None


@dataclass(frozen=True)
class MemoryLine:
    """One run: total, bar, the bytes of every owner, and what else the table tells."""

    total: MemoryCell
    slices: tuple[Slice, ...]
    cells: tuple[MemoryCell, ...]
    more: MemoryCell | None = None


@dataclass(frozen=True)
class MemoryTable:
    """One kind of memory across all runs; ``lines`` are in the order of the runs.

    ``more`` heads a last column that is no part of the bars; empty where there is none.
    """

    name: str
    note: str
    more: str
    owners: tuple[Owner, ...]
    lines: tuple[MemoryLine, ...]
    kinds: tuple[Kind, ...]


def memory_tables(runs: Sequence[RunRecord]) -> tuple[MemoryTable, ...]:
    """RAM, arena and flash of all runs; a kind of memory of which no run tells is left out."""
    tables = (
        _table("RAM", "", runs, lambda run: _without_spare(ram_parts(run)), OWNERS),
        _with_scratch(_table("Arena", _ARENA_NOTE, runs, arena_parts, ARENA_PARTS), runs),
        _table("Flash", "", runs, flash_parts, OWNERS),
    )
    return tuple(table for table in tables if table is not None)


def arena_parts(run: RunRecord) -> list[Part]:
    """The arena by purpose as (key, bytes, kind), empty parts left out.

    TFLM tells what is persistent and what is not; of an engine that plans ahead it is what its
    plan has in use at the fullest op.
    """
    arena = run.measurements.get("arena_bytes")
    persistent = run.measurements.get("arena_persistent_bytes")
    changing = run.measurements.get("arena_nonpersistent_bytes")
    if arena is None:
        return []
    if persistent is not None and changing is not None:
        parts: list[Part] = [
            ("persistent", int(persistent.value), persistent.kind),
            ("values", int(changing.value), changing.kind),
        ]
    elif run.plan is not None and run.plan.placements:
        parts = [("values", occupied_bytes(run.plan, run.plan.peak_op), "static")]
    else:
        return []
    rest = int(arena.value) - sum(size for _, size, _ in parts)
    return [part for part in (*parts, ("unused", rest, arena.kind)) if part[1] > 0]


def largest_scratch_bytes(run: RunRecord) -> int | None:
    """The most scratch that one op takes, in bytes; a part of what is not persistent."""
    told = run.measurements.get("arena_scratch_bytes")
    if told is not None:
        return int(told.value)
    if run.plan is None or not run.plan.placements:
        return None
    taken: dict[int, int] = {}
    for placed in run.plan.placements:
        if placed.tensor is None:
            for op in range(placed.first_op, placed.last_op + 1):
                taken[op] = taken.get(op, 0) + placed.size
    return max(taken.values(), default=0)


def _without_spare(parts: list[Part]) -> list[Part]:
    """Without what is set aside and was never touched: it is no engine's need."""
    return [part for part in parts if not part[0].endswith("_spare")]


def _table(
    name: str,
    note: str,
    runs: Sequence[RunRecord],
    parts_of: Callable[[RunRecord], list[Part]],
    words: dict[str, tuple[str, str]],
) -> MemoryTable | None:
    parts = [parts_of(run) for run in runs]
    keys = [key for key in words if any(key == part[0] for found in parts for part in found)]
    keys += sorted({part[0] for found in parts for part in found} - set(keys))
    longest = max((sum(part[1] for part in found) for found in parts), default=0)
    if not longest:
        return None
    owners = tuple(_owner(position, key, words) for position, key in enumerate(keys))
    kinds = dict.fromkeys(part[2] for found in parts for part in found)
    lines = tuple(_line(found, owners, longest) for found in parts)
    return MemoryTable(name, note, "", owners, lines, tuple(kinds))


def _with_scratch(table: MemoryTable | None, runs: Sequence[RunRecord]) -> MemoryTable | None:
    if table is None:
        return None
    cells = (_cell(largest_scratch_bytes(run), None) for run in runs)
    lines = tuple(replace(line, more=cell) for line, cell in zip(table.lines, cells, strict=True))
    return replace(table, lines=lines, more="of it scratch, at most")


def _owner(position: int, key: str, words: dict[str, tuple[str, str]]) -> Owner:
    label, meaning = words.get(key, (key.replace("_", " "), ""))
    colour = key if key in words else "other"
    return Owner(key, label, meaning, chr(ord("A") + position % 26), colour)


def _line(parts: list[Part], owners: Sequence[Owner], longest: int) -> MemoryLine:
    sizes = {key: (size, kind) for key, size, kind in parts}
    total = sum(size for size, _ in sizes.values())
    kinds = list(dict.fromkeys(kind for _, kind in sizes.values()))
    return MemoryLine(
        total=_cell(total if parts else None, kinds[0] if len(kinds) == 1 else None),
        slices=tuple(
            Slice(owner.colour, owner.letter, 100 * sizes[owner.key][0] / longest)
            for owner in owners
            if owner.key in sizes and sizes[owner.key][0]
        ),
        cells=tuple(
            _cell(*sizes[owner.key]) if owner.key in sizes else _cell(0 if parts else None, None)
            for owner in owners
        ),
    )


def _cell(size: int | None, kind: Kind | None) -> MemoryCell:
    return MemoryCell(size, MISSING if size is None else quantity(size, "bytes"), kind)
