"""Where the time goes: rows by op and by function, with their bars."""

from __future__ import annotations

from dataclasses import dataclass

from hil.records import OpMeasurement, RunRecord
from hil.report.run.arena import occupied_bytes
from hil.report.words.format import MISSING, count, percent, quantity, tensor_name

_MAX_FUNCTIONS = 15


@dataclass(frozen=True)
class OpRow:
    """One op in the chart and table of cycles; ``width`` is per cent of the longest bar."""

    index: int
    op: str
    name: str
    full_name: str
    cycles: int
    cycles_text: str
    width: float
    share: str
    share_value: float
    latency: str
    macs: int
    macs_text: str
    cycles_per_mac: str
    cycles_per_mac_value: float
    instructions: int
    instructions_text: str
    live: str
    live_bytes: int


@dataclass(frozen=True)
class FunctionRow:
    """One function, or the rest of them."""

    name: str
    cycles: int
    cycles_text: str
    instructions: int
    instructions_text: str
    share: str
    width: float
    rest: bool = False


def op_rows(run: RunRecord) -> tuple[OpRow, ...]:
    """Rows in the order of execution, one per op."""
    total = sum(op.cycles for op in run.ops)
    longest = max((op.cycles for op in run.ops), default=0)
    return tuple(_op_row(op, run, total, longest) for op in run.ops)


def _op_row(op: OpMeasurement, run: RunRecord, total: int, longest: int) -> OpRow:
    per_mac = op.cycles / op.macs if op.macs else 0.0
    live = occupied_bytes(run.plan, op.index) if run.plan else 0
    return OpRow(
        index=op.index,
        op=op.op,
        name=tensor_name(op.name),
        full_name=op.name,
        cycles=op.cycles,
        cycles_text=count(op.cycles),
        width=100 * op.cycles / longest if longest else 0.0,
        share=percent(op.cycles / total) if total else MISSING,
        share_value=op.cycles / total if total else 0.0,
        latency=quantity(op.latency_us, "us"),
        macs=op.macs,
        macs_text=count(op.macs) if op.macs else MISSING,
        cycles_per_mac=f"{per_mac:.2f}" if op.macs else MISSING,
        cycles_per_mac_value=per_mac,
        instructions=op.instructions,
        instructions_text=count(op.instructions),
        live=quantity(live, "bytes") if run.plan else MISSING,
        live_bytes=live,
    )


def op_summary(rows: tuple[OpRow, ...]) -> str:
    """One sentence: how few ops make most of the time, and what a MAC costs overall."""
    if not rows or not sum(row.cycles for row in rows):
        return ""
    taken, needed = 0.0, 0
    for row in sorted(rows, key=lambda r: -r.cycles):
        taken, needed = taken + row.share_value, needed + 1
        if taken >= 0.8:
            break
    ops = "One op takes" if needed == 1 else f"{needed} ops take"
    text = f"{ops} {percent(taken)} of the cycles of all {len(rows)}."
    macs = sum(row.macs for row in rows)
    if macs:
        text += f" On average a MAC costs {sum(r.cycles for r in rows) / macs:.2f} cycles."
    return text


def function_rows(run: RunRecord) -> tuple[FunctionRow, ...]:
    """The hottest functions, hottest first, and one row for all the others."""
    ranked = sorted(run.functions, key=lambda f: -f.cycles)
    total = sum(f.cycles for f in ranked)
    if not total:
        return ()
    longest = ranked[0].cycles
    parts = [(f.name, f.cycles, f.instructions, False) for f in ranked[:_MAX_FUNCTIONS]]
    if rest := ranked[_MAX_FUNCTIONS:]:
        cycles, instructions = sum(f.cycles for f in rest), sum(f.instructions for f in rest)
        parts.append((f"{len(rest)} more functions", cycles, instructions, True))
    return tuple(
        FunctionRow(
            name=name,
            cycles=cycles,
            cycles_text=count(cycles),
            instructions=instructions,
            instructions_text=count(instructions),
            share=percent(cycles / total),
            width=min(100.0, 100 * cycles / longest),
            rest=is_rest,
        )
        for name, cycles, instructions, is_rest in parts
    )
