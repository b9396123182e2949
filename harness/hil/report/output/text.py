"""The rows of a comparison's tables in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from hil.figures import find
from hil.report.compare.accuracy import AccuracyLine
from hil.report.compare.case_view import CaseView, Cell
from hil.report.compare.model_error import ModelError, band_text, inside_text, signed
from hil.report.compare.ops import OpCell
from hil.report.words.accuracy import estimate_text, interval_text
from hil.report.words.figures import value_text
from hil.report.words.format import band, count
from hil.report.words.judge import ratio_text

_MISSING = "-"


def figure_rows(case: CaseView) -> list[list[str]]:
    """Label, kind and the first run's value, then value and judgement of every other run."""
    rows = []
    for row in case.figures:
        kinds = dict.fromkeys(cell.figure.kind for cell in row.cells if cell.figure)
        rows.append(
            [find(row.name).label, "/".join(kinds), *_flat([_figure(c) for c in row.cells])]
        )
    for line in case.accuracy:
        cells = [_accuracy(line, place) for place in range(len(line.cells))]
        rows.append([f"{line.label}, {line.data}", line.where, *_flat(cells)])
    return rows


def op_rows(case: CaseView) -> list[list[str]]:
    """Index, op and the first run's cycles, then cycles and ratio of every other run."""
    return [
        [str(line.index), line.op, *_flat([_cycles(cell) for cell in line.cells])]
        for line in case.ops
    ]


def error_figure_rows(error: ModelError) -> list[list[str]]:
    """Label, the model's and the board's value with their kinds, error, and whether inside."""
    return [
        [
            find(one.name).label,
            f"{value_text(one.modelled)} {one.modelled.kind}",
            f"{value_text(one.board)} {one.board.kind}",
            signed(one.error_pct),
            band_text(one),
        ]
        for one in error.figures
    ]


def error_op_rows(error: ModelError) -> list[list[str]]:
    """Index, op, cycles of both, error, its part of the whole, and whether inside."""
    return [
        [
            "" if op.index is None else str(op.index),
            op.op,
            f"{op.modelled:,}",
            f"{op.board:,}",
            signed(op.error_pct),
            signed(op.share_pct),
            inside_text(op.inside),
        ]
        for op in error.ops
    ]


def _flat(cells: Sequence[tuple[str, str]]) -> list[str]:
    """Both texts of every cell; the first run has nothing to be judged against."""
    return [cells[0][0], *(text for cell in cells[1:] for text in cell)]


def _figure(cell: Cell) -> tuple[str, str]:
    if cell.figure is None:
        return _MISSING, ""
    value = f"{value_text(cell.figure)} {band(cell.figure.uncertainty_pct)}"
    judged = cell.judgement
    return value, f"{judged.ratio_text} {judged.words}".strip() if judged else ""


def _accuracy(line: AccuracyLine, place: int) -> tuple[str, str]:
    cell = line.cells[place]
    if cell is None:
        return _MISSING, line.missing[place]
    value = f"{estimate_text(cell.main)} ({interval_text(cell.main)})"
    return value, cell.difference.words if cell.difference else ""


def _cycles(cell: OpCell) -> tuple[str, str]:
    return "–" if cell.cycles is None else count(cell.cycles), ratio_text(cell.ratio)
