"""Where the time goes: rows by op and by function, with their bars."""

from __future__ import annotations

from dataclasses import dataclass

from hil.records import OpMeasurement, RunRecord
from hil.report.run.arena import occupied_bytes
from hil.report.words.format import percent

_MAX_FUNCTIONS = 15


@dataclass(frozen=True)
class OpRow:
    """One op in the chart and table of cycles; ``width`` is per cent of the longest bar.

    ``share`` is of the cycles of all ops, from 0 to 1, and ``live_bytes`` the arena in use; None
    where that is not known.
    """

    op: OpMeasurement
    width: float
    share: float | None
    cycles_per_mac: float | None
    live_bytes: int | None


@dataclass(frozen=True)
class FunctionRow:
    """One function, or the rest of them; ``share`` is of the cycles of all, from 0 to 1."""

    name: str
    cycles: int
    instructions: int
    share: float
    width: float
    rest: bool = False


def op_rows(run: RunRecord) -> tuple[OpRow, ...]:
    """Rows in the order of execution, one per op."""
    total = sum(op.cycles for op in run.ops)
    longest = max((op.cycles for op in run.ops), default=0)
    return tuple(
        OpRow(
            op=op,
            width=100 * op.cycles / longest if longest else 0.0,
            share=op.cycles / total if total else None,
            cycles_per_mac=op.cycles / op.macs if op.macs else None,
            live_bytes=occupied_bytes(run.plan, op.index) if run.plan else None,
        )
        for op in run.ops
    )


def op_summary(rows: tuple[OpRow, ...]) -> str:
    """One sentence: how few ops make most of the time, and what a MAC costs overall."""
    cycles = sum(row.op.cycles for row in rows)
    if not cycles:
        return ""
    taken = needed = 0
    for row in sorted(rows, key=lambda row: -row.op.cycles):
        taken, needed = taken + row.op.cycles, needed + 1
        if taken >= 0.8 * cycles:
            break
    ops = "One op takes" if needed == 1 else f"{needed} ops take"
    text = f"{ops} {percent(taken / cycles)} of the cycles of all {len(rows)}."
    if macs := sum(row.op.macs for row in rows):
        text += f" On average a MAC costs {cycles / macs:.2f} cycles."
    return text


def function_rows(run: RunRecord) -> tuple[FunctionRow, ...]:
    """The hottest functions, hottest first, and one row for all the others."""
    ranked = sorted(run.functions, key=lambda f: -f.cycles)
    total = sum(f.cycles for f in ranked)
    if not total:
        return ()
    longest = ranked[0].cycles
    rows = [
        FunctionRow(f.name, f.cycles, f.instructions, f.cycles / total, 100 * f.cycles / longest)
        for f in ranked[:_MAX_FUNCTIONS]
    ]
    if rest := ranked[_MAX_FUNCTIONS:]:
        name, cycles = f"{len(rest)} more functions", sum(f.cycles for f in rest)
        width = min(100.0, 100 * cycles / longest)
        instructions = sum(f.instructions for f in rest)
        rows.append(FunctionRow(name, cycles, instructions, cycles / total, width, rest=True))
    return tuple(rows)
