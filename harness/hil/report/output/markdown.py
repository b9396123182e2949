"""A report or a study as GitHub-flavoured Markdown, short enough for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from hil.figures import find
from hil.records import Kind
from hil.report.compare.accuracy import AccuracyCell, AccuracyLine
from hil.report.compare.case_view import CaseView, Cell, ColumnView
from hil.report.compare.model_error import ModelError
from hil.report.compare.ops import OpCell
from hil.report.output.text import error_figure_rows, error_op_rows
from hil.report.report_view import ReportView
from hil.report.study.study_view import StudyCell, StudyView
from hil.report.words.accuracy import counted_text, estimate_text, interval_text
from hil.report.words.figures import value_text
from hil.report.words.format import MISSING, band, count
from hil.report.words.judge import ratio_text
from hil.report.words.sentence import Sentence

_KINDS: Mapping[Kind, str] = {
    "measured": "on silicon",
    "modelled": "computed from an emulated run by a model of the chip",
    "static": "read from the program",
    "published": "someone else's figure",
}
_SIGNS = {"better": "▼", "worse": "▲", "same": "=", "unclear": "≈"}
_ACCURACY_SIGNS = {**_SIGNS, "better": "▲", "worse": "▼"}
_SPECIAL = re.compile(r"([\\`*_\[\]|#~])")


def render_markdown(view: ReportView) -> str:
    """Render verdicts, main figures against the baseline, and, folded, the cycles by op."""
    return "\n\n".join(_blocks(view)) + "\n"


def _blocks(view: ReportView) -> Iterator[str]:
    yield f"### {escape(view.title)}"
    for verdict in view.verdicts:
        yield sentence(verdict)
    cases = view.comparisons
    if not cases:
        yield from _runs_alone(view)
    for case in cases:
        yield from _case(case, alone=len(cases) == 1)
    meanings = "; ".join(f"{kind}: {_KINDS[kind]}" for kind, _ in view.kinds)
    made = f" on {escape(view.generated)}" if view.generated else ""
    yield f"<sub>Made by hil{made}. {meanings}.</sub>"


def _runs_alone(view: ReportView) -> Iterator[str]:
    """Runs with nothing to compare them with: their first paragraphs."""
    for run in view.runs:
        name = f"**{escape(run.title)}**, {escape(run.engine)}, {run.status_word}: "
        yield name + sentence(run.headline)
        yield from (f"> {escape(error.message)}" for error in run.record.errors)


def _case(case: CaseView, alone: bool) -> Iterator[str]:
    if not alone:
        yield f"#### {escape(case.title)}"
        if len(case.verdicts) != 1 or not case.is_comparison:
            yield from (sentence(judged.headline) for judged in case.verdicts)
    if case.is_comparison:
        yield f"_{escape(case.why)}_"
        yield from (f"> {escape(warning)}" for warning in case.warnings)
        yield _figures(case)
    yield from (_error(error) for error in case.model_errors)
    if case.published and case.published.summary:
        yield escape(f"Published (MLPerf Tiny): {case.published.summary} {case.published.quality}")
    if alone and case.ops:
        yield f"<details><summary>Cycles by op</summary>\n\n{_ops(case)}\n\n</details>"


def _figures(case: CaseView) -> str:
    rows = [
        [escape(find(row.name).label), *(_figure_cell(cell) for cell in row.cells)]
        for row in case.figures
        if find(row.name).level in ("headline", "main")
    ]
    rows.append(["Outputs", *(escape(text) for text in case.outputs)])
    rows += [_accuracy_row(line) for line in case.accuracy]
    if case.agreement:
        rows.append([case.agreement.label, *(escape(text) for text in case.agreement.texts)])
    return table(["Figure", *(_head(column) for column in case.columns)], rows)


def _error(error: ModelError) -> str:
    """The error of a model against a board, by figure; the ops folded."""
    heads = f"{error.modelled_place}: modelled", f"{error.board_place}: {error.board_word}"
    figures = table(
        ["Figure", *map(escape, heads), "Error", "Band"],
        [map(escape, row) for row in error_figure_rows(error)],
    )
    parts = [f"**Error of the model** against {escape(error.board_place)}", figures]
    if error.ops:
        ops = table(
            ["#", "Op", *map(escape, heads), "Error", "Of all cycles", "Band"],
            [map(escape, row) for row in error_op_rows(error)],
            2,
        )
        parts.append(f"<details><summary>Error by op</summary>\n\n{ops}\n\n</details>")
    return "\n\n".join([*parts, *(f"> {escape(note)}" for note in error.notes)])


def _head(column: ColumnView) -> str:
    notes = ["baseline"] if column.is_baseline and not column.origin.startswith("base") else []
    notes += [column.origin] if column.origin else []
    return escape(column.name + (f" ({', '.join(notes)})" if notes else ""))


def _figure_cell(cell: Cell) -> str:
    if cell.figure is None:
        return MISSING
    uncertainty = band(cell.figure.uncertainty_pct)
    text = f"{value_text(cell.figure)} <sub>{uncertainty}, {cell.figure.kind}</sub>"
    if cell.judgement is None:
        return text
    judged = cell.judgement
    sign = _SIGNS.get(judged.verdict, "")
    words = " ".join(filter(None, (judged.ratio_text, sign, judged.words)))
    return f"{text}<br>{f'**{words}**' if judged.verdict in ('better', 'worse') else words}"


def _accuracy_row(line: AccuracyLine) -> list[str]:
    cells = [
        _accuracy_cell(cell) if cell else escape(missing)
        for cell, missing in zip(line.cells, line.missing, strict=True)
    ]
    return [f"{escape(line.label)} <sub>{escape(line.data)}, {line.where}</sub>", *cells]


def _accuracy_cell(cell: AccuracyCell) -> str:
    status = cell.evaluation.status
    failed = "" if status == "passed" else f", {status}"
    counted = f"{interval_text(cell.main)}, {counted_text(cell.main)}{failed}"
    text = f"{estimate_text(cell.main)} <sub>{counted}</sub>"
    if cell.difference is None:
        return text
    words = f"{_ACCURACY_SIGNS.get(cell.difference.verdict, '')} {cell.difference.words}".strip()
    strong = cell.difference.verdict in ("better", "worse")
    return f"{text}<br>{f'**{words}**' if strong else words}"


def _ops(case: CaseView) -> str:
    rows = [
        [
            str(line.index),
            escape(line.op),
            *(_op_cell(cell) for cell in line.cells),
        ]
        for line in case.ops
    ]
    return table(["#", "Op", *(escape(column.name) for column in case.columns)], rows, 2)


def render_study_markdown(view: StudyView) -> str:
    """The whole study as GitHub-flavoured Markdown."""
    text = view.text
    lines = [f"# {escape(text.title)}", ""]
    lines += [escape(text.description), ""] if text.description else []
    lines += [escape(view.summary), ""]
    if text.baseline:
        lines += [f"Ratios are against {escape(text.baseline)} on the same board.", ""]
    if view.problems:
        lines += ["## What did not pass", ""]
        lines += [f"- {escape(name)}: {escape(error.message)}" for name, error in view.problems]
        lines += [""]
    for panel in view.panels:
        lines += [f"## {escape(panel.title)}", "", escape(panel.facts), ""]
        for chart in panel.charts:
            kinds = ", ".join(chart.kinds) or "no figures"
            heads = ["model", text.x_noun, *(line.label for line in panel.series)]
            rows = [
                [row.model, f"{row.size:,}", *(_study_cell(cell) for cell in row.cells)]
                for row in chart.rows
            ]
            lines += [f"### {escape(find(chart.name).label)} ({kinds})", ""]
            lines += [table(map(escape, heads), [map(escape, row) for row in rows]), ""]
    lines += ["## Where the numbers come from", ""]
    lines += [f"- **{kind}**: {escape(meaning)}" for kind, meaning in view.kinds]
    return "\n".join(lines) + "\n"


def _study_cell(cell: StudyCell) -> str:
    if cell.figure is None:
        return f"({cell.missing})"
    uncertainty = band(cell.figure.uncertainty_pct)
    return f"{value_text(cell.figure)} {uncertainty} {ratio_text(cell.ratio)}".rstrip()


def _op_cell(cell: OpCell) -> str:
    cycles = MISSING if cell.cycles is None else count(cell.cycles)
    return f"{cycles} {ratio_text(cell.ratio)}".rstrip()


def table(heads: Iterable[str], rows: Iterable[Iterable[str]], words: int = 1) -> str:
    """A table whose first ``words`` columns are text, the others numbers."""
    heads = list(heads)
    marks = ["---"] * words + ["---:"] * (len(heads) - words)
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, marks, *rows))


def sentence(headline: Sentence) -> str:
    """A verdict, its figures and names in bold."""
    return "".join(
        f"**{escape(piece.text)}**" if piece.strong else escape(piece.text)
        for piece in headline.pieces
    )


def escape(text: str) -> str:
    """Any text as text: no mark-up, no HTML, one line."""
    flat = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _SPECIAL.sub(r"\\\1", " ".join(flat.splitlines()))
