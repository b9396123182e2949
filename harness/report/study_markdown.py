"""A study as Markdown: the page's tables, for a README or a pull request."""

from __future__ import annotations

from harness.report.study_view import Panel, StudyCell, StudyView


def study_markdown(view: StudyView) -> str:
    """The whole study as GitHub-flavoured Markdown."""
    lines = [f"# {_text(view.title)}", ""]
    lines += [_text(view.description), ""] if view.description else []
    lines += [_text(view.summary), ""]
    if view.baseline:
        lines += [f"Ratios (×) are against {_text(view.baseline)} on the same board.", ""]
    if view.problems:
        lines += ["## What did not pass", ""]
        lines += [f"- {_text(p.label)}: {_text(p.message)}" for p in view.problems] + [""]
    for panel in view.panels:
        lines += _panel(view, panel)
    lines += ["## Where the numbers come from", ""]
    lines += [f"- **{kind}**: {_text(meaning)}" for kind, meaning in view.kinds]
    return "\n".join(lines) + "\n"


def _panel(view: StudyView, panel: Panel) -> list[str]:
    lines = [f"## {_text(panel.title)}", "", _text(panel.facts), ""]
    for chart in panel.charts:
        kinds = ", ".join(chart.kinds) or "no figures"
        lines += [f"### {_text(chart.title)} ({kinds})", ""]
        heads = ["model", view.x_noun, *(s.label for s in panel.series)]
        lines.append("| " + " | ".join(_text(head) for head in heads) + " |")
        lines.append("|---|" + "---:|" * (len(heads) - 1))
        for row in chart.rows:
            cells = [row.model, row.size, *(_cell(cell) for cell in row.cells)]
            lines.append("| " + " | ".join(_text(cell) for cell in cells) + " |")
        lines.append("")
    return lines


def _cell(cell: StudyCell) -> str:
    if cell.missing:
        return f"({cell.missing})"
    return " ".join(part for part in (cell.text, cell.band, cell.ratio) if part)


def _text(text: str) -> str:
    """Text that Markdown does not take for its own signs."""
    folded = " ".join(text.split(" ")).replace("\n", " ").replace("\u00a0", " ")
    for sign in ("\\", "|", "`", "*", "_", "<", "[", "#"):
        folded = folded.replace(sign, f"\\{sign}")
    return folded
