"""A gate's outcome as Markdown: for a pull request, or ``$GITHUB_STEP_SUMMARY``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hil.gate.comparison import Finding
from hil.gate.decision import Case, Outcome
from hil.gate.wording import (
    FormatValue,
    against,
    change,
    noteworthy,
    shared_notes,
    value,
    verdict,
)

_MARKS = {"regression": "❌ regression", "improved": "✅ improved", "unclear": "❔ unclear"}
_COLUMNS = ("run", "figure", "baseline", "now", "change", "limit", "kind", "verdict")


def render(outcome: Outcome, format_value: FormatValue) -> str:
    """Return the verdict and noteworthy figures, and all figures in a collapsed section."""
    compared = any(case.word == "compared" for case in outcome.cases)
    mark = "❌" if not outcome.passed else "✅" if compared else "ℹ️"
    parts = [f"### {mark} hil gate: {_cell(verdict(outcome))}"]
    rows = [(case, finding) for case in outcome.cases for finding in noteworthy(case)]
    if rows:
        parts.append(_table(rows, format_value))
    parts += _list(
        f"**{case.word}**: {case.title}{against(case)}: {case.reason}"
        for case in outcome.cases
        if case.word != "compared"
    )
    parts += _list(
        f"{text}" + (f" ({number} runs)" if number > 1 else "")
        for text, number in [*((note, 1) for note in outcome.notes), *shared_notes(outcome)]
    )
    everything = [(case, finding) for case in outcome.cases for finding in case.findings]
    if len(everything) > len(rows):
        parts.append(
            f"<details><summary>All {len(everything)} figures</summary>\n\n"
            f"{_table(everything, format_value)}\n\n</details>"
        )
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[tuple[Case, Finding]], format_value: FormatValue) -> str:
    lines = [
        "| " + " | ".join(_COLUMNS) + " |",
        "|---|---|--:|--:|--:|--:|---|---|",
    ]
    for case, finding in rows:
        cells = (
            case.title + against(case),
            finding.name,
            value(finding.baseline, finding.unit, format_value),
            value(finding.candidate, finding.unit, format_value),
            change(finding),
            finding.limit,
            finding.kind,
            _MARKS.get(finding.word, finding.word)
            + (f": {finding.reason}" if finding.reason else ""),
        )
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    return "\n".join(lines)


def _list(items: Iterable[str]) -> list[str]:
    lines = [f"- {_cell(item)}" for item in items]
    return ["\n".join(lines)] if lines else []


def _cell(text: str) -> str:
    """Escape what would end a cell or a line, and all mark-up except ``**``."""
    text = " ".join(text.split())
    for sign in "\\|<>`_":
        text = text.replace(sign, {"<": "&lt;", ">": "&gt;"}.get(sign, "\\" + sign))
    return text
