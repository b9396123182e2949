"""Cycles of several runs side by side: op by op, and by kind of op."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.records import OpMeasurement, RunRecord


@dataclass(frozen=True)
class OpCell:
    """One run's cycles; ``width`` is per cent of the longest bar of all runs.

    ``ratio`` is to the first run's cycles, None in its own column.
    """

    cycles: int | None
    width: float = 0.0
    ratio: float | None = None


@dataclass(frozen=True)
class OpLine:
    """One op across all runs."""

    index: int
    op: str
    name: str
    cells: tuple[OpCell, ...]


@dataclass(frozen=True)
class KindLine:
    """All ops of one kind across all runs: cycles, share of the run's cycles, cycles per MAC."""

    op: str
    number: int
    cells: tuple[OpCell, ...]
    shares: tuple[float | None, ...]
    per_mac: tuple[float | None, ...]


def align_ops(runs: Sequence[RunRecord]) -> tuple[tuple[OpLine, ...], str]:
    """Align the ops of all runs; with the reason where that is not possible.

    By index where all runs carry out the same sequence of ops; by the output tensor's name where
    the model is the same but an engine has joined or split ops. Ratios are against the first run.
    """
    with_ops = [run for run in runs if run.ops]
    if not with_ops:
        return (), "No run has figures by op."
    note = "" if len(with_ops) == len(runs) else "Not every run has figures by op. "
    if len({tuple(op.op for op in run.ops) for run in with_ops}) == 1:
        return _lines(runs, lambda op: op.index), note
    if len({run.model.sha256 if run.model else "" for run in with_ops}) == 1:
        note += "The runs carry out different ops; they are matched by the tensor they make."
        return _lines(runs, lambda op: op.name), note
    return (), "The models have different ops, so there is nothing to line up op by op."


def _lines(
    runs: Sequence[RunRecord], key_of: Callable[[OpMeasurement], object]
) -> tuple[OpLine, ...]:
    tables = [{key_of(op): op for op in run.ops} for run in runs]
    longest = max(op.cycles for run in runs for op in run.ops) or 1
    lines = []
    for key in dict.fromkeys(key for table in tables for key in table):
        found = [table.get(key) for table in tables]
        first = next(op for op in found if op is not None)
        cells = _cells([op.cycles if op else None for op in found], longest)
        lines.append(OpLine(first.index, first.op, first.name, cells))
    return tuple(sorted(lines, key=lambda line: line.index))


def _cells(cycles: Sequence[int | None], longest: int) -> tuple[OpCell, ...]:
    return tuple(
        OpCell(None)
        if spent is None
        else OpCell(spent, 100 * spent / longest, spent / cycles[0] if at and cycles[0] else None)
        for at, spent in enumerate(cycles)
    )


def op_kinds(runs: Sequence[RunRecord]) -> tuple[KindLine, ...]:
    """Cycles by kind of op, the costliest first."""
    kinds = dict.fromkeys(op.op for run in runs for op in run.ops)
    tables = [{kind: [op for op in run.ops if op.op == kind] for kind in kinds} for run in runs]
    totals = [_cycles(run.ops) for run in runs]
    longest = max((_cycles(table[kind]) for table in tables for kind in kinds), default=0) or 1
    lines = [_kind_line(kind, [table[kind] for table in tables], totals, longest) for kind in kinds]
    return tuple(sorted(lines, key=lambda line: -max(cell.cycles or 0 for cell in line.cells)))


def _kind_line(
    kind: str, found: Sequence[Sequence[OpMeasurement]], totals: Sequence[int], longest: int
) -> KindLine:
    cycles = [_cycles(ops) for ops in found]
    macs = [sum(op.macs for op in ops) for ops in found]
    return KindLine(
        op=kind,
        number=max(len(ops) for ops in found),
        cells=_cells([_cycles(ops) if ops else None for ops in found], longest),
        shares=tuple(c / t if t else None for c, t in zip(cycles, totals, strict=True)),
        per_mac=tuple(c / m if m else None for c, m in zip(cycles, macs, strict=True)),
    )


def _cycles(ops: Sequence[OpMeasurement]) -> int:
    return sum(op.cycles for op in ops)
