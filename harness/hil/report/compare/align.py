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
