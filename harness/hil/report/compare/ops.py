"""Ops of several runs in lines: what one run does in op 3 beside what the others do there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hil.records import OpMeasurement, RunRecord
from hil.report.words.format import MISSING, count, tensor_name
from hil.report.words.judge import ratio_text


@dataclass(frozen=True)
class OpCell:
    """One run's cycles of one op; ``width`` is per cent of the longest bar of all runs."""

    cycles: int | None
    text: str
    width: float
    ratio: str
    ratio_value: float | None


@dataclass(frozen=True)
class OpLine:
    """One op across all runs."""

    index: int
    op: str
    name: str
    short_name: str
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
    """Put the ops of all runs into lines, or say why that makes no sense.

    By index where all runs carry out the same sequence of ops; by the output tensor's name where
    the model is the same but an engine has joined or split ops. Ratios are against the first run.
    """
    with_ops = [run for run in runs if run.ops]
    if not with_ops:
        return (), "No run has figures by op."
    note = "" if len(with_ops) == len(runs) else "Not every run has figures by op. "
    if len({tuple(op.op for op in run.ops) for run in with_ops}) == 1:
        return _lines(runs, [(op.index,) for op in with_ops[0].ops], lambda op: (op.index,)), note
    if len({run.model.sha256 if run.model else "" for run in with_ops}) == 1:
        keys = dict.fromkeys((op.name,) for run in with_ops for op in run.ops)
        note += "The runs carry out different ops; they are matched by the tensor they make."
        return _lines(runs, list(keys), lambda op: (op.name,)), note
    return (), "The models have different ops, so there is nothing to line up op by op."


def _lines(
    runs: Sequence[RunRecord],
    keys: Sequence[tuple[object, ...]],
    key_of: Callable[[OpMeasurement], tuple[object, ...]],
) -> tuple[OpLine, ...]:
    tables = [{key_of(op): op for op in run.ops} for run in runs]
    longest = max(op.cycles for run in runs for op in run.ops) or 1
    lines = []
    for key in keys:
        found = [table.get(key) for table in tables]
        first = next(op for op in found if op is not None)
        cells = tuple(_op_cell(op, found[0], longest) for op in found)
        lines.append(OpLine(first.index, first.op, first.name, tensor_name(first.name), cells))
    return tuple(sorted(lines, key=lambda line: line.index))


def _op_cell(op: OpMeasurement | None, baseline: OpMeasurement | None, longest: int) -> OpCell:
    if op is None:
        return OpCell(None, MISSING, 0.0, "", None)
    ratio = op.cycles / baseline.cycles if baseline is not None and baseline.cycles else None
    ratio = None if op is baseline else ratio
    return OpCell(op.cycles, count(op.cycles), 100 * op.cycles / longest, ratio_text(ratio), ratio)


def op_kinds(runs: Sequence[RunRecord]) -> tuple[KindLine, ...]:
    """Cycles by kind of op, the costliest of the first run first."""
    kinds = dict.fromkeys(op.op for run in runs for op in run.ops)
    tables = [{kind: [op for op in run.ops if op.op == kind] for kind in kinds} for run in runs]
    totals = [sum(op.cycles for op in run.ops) for run in runs]
    longest = max((_cycles(table[kind]) for table in tables for kind in kinds), default=0) or 1
    lines = [_kind_line(kind, [table[kind] for table in tables], totals, longest) for kind in kinds]
    return tuple(sorted(lines, key=lambda line: -max(cell.cycles or 0 for cell in line.cells)))


def _kind_line(
    kind: str, found: Sequence[Sequence[OpMeasurement]], totals: Sequence[int], longest: int
) -> KindLine:
    cycles = [_cycles(ops) for ops in found]
    cells = []
    for position, (ops, spent) in enumerate(zip(found, cycles, strict=True)):
        ratio = spent / cycles[0] if position and found[0] and cycles[0] else None
        shown = OpCell(spent, count(spent), 100 * spent / longest, ratio_text(ratio), ratio)
        cells.append(shown if ops else OpCell(None, MISSING, 0.0, "", None))
    macs = [sum(op.macs for op in ops) for ops in found]
    return KindLine(
        op=kind,
        number=max(len(ops) for ops in found),
        cells=tuple(cells),
        shares=tuple(c / t if t else None for c, t in zip(cycles, totals, strict=True)),
        per_mac=tuple(c / m if m else None for c, m in zip(cycles, macs, strict=True)),
    )


def _cycles(ops: Sequence[OpMeasurement]) -> int:
    return sum(op.cycles for op in ops)
