"""A study as Markdown: the page's tables, for a README or a pull request."""

from __future__ import annotations

from hil.report.output.markdown import escape, table
from hil.report.study.study_view import Panel, StudyCell, StudyView


def study_markdown(view: StudyView) -> str:
    """The whole study as GitHub-flavoured Markdown."""
    lines = [f"# {escape(view.title)}", ""]
    lines += [escape(view.description), ""] if view.description else []
    lines += [escape(view.summary), ""]
    if view.baseline:
        lines += [f"Ratios are against {escape(view.baseline)} on the same board.", ""]
    if view.problems:
        lines += ["## What did not pass", ""]
        lines += [f"- {escape(p.label)}: {escape(p.message)}" for p in view.problems] + [""]
    for panel in view.panels:
        lines += _panel(view, panel)
    lines += ["## Where the numbers come from", ""]
    lines += [f"- **{kind}**: {escape(meaning)}" for kind, meaning in view.kinds]
    return "\n".join(lines) + "\n"


def _panel(view: StudyView, panel: Panel) -> list[str]:
    lines = [f"## {escape(panel.title)}", "", escape(panel.facts), ""]
    for chart in panel.charts:
        kinds = ", ".join(chart.kinds) or "no figures"
        lines += [f"### {escape(chart.title)} ({kinds})", ""]
        heads = ["model", view.x_noun, *(s.label for s in panel.series)]
        rows = [[row.model, row.size, *(_cell(cell) for cell in row.cells)] for row in chart.rows]
        lines.append(table([escape(h) for h in heads], [[escape(c) for c in row] for row in rows]))
        lines.append("")
    return lines


def _cell(cell: StudyCell) -> str:
    if cell.missing:
        return f"({cell.missing})"
    return " ".join(part for part in (cell.text, cell.band, cell.ratio) if part)
