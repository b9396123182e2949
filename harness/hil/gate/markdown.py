"""A gate's outcome as Markdown: the comment of a pull request, and ``$GITHUB_STEP_SUMMARY``.

The first line is a marker by which a workflow finds its comment again; the next line says in one
sentence what happened. GitHub refuses comments of more than 65,536 characters, so long lists end
with how many of their lines are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hil.gate.comparison import Finding
from hil.gate.decision import Case, Outcome
from hil.gate.wording import (
    FormatValue,
    cause_lines,
    change,
    noteworthy,
    sentence,
    shared_notes,
    title,
    value,
    verdict,
)

MARKER = "<!-- hil gate -->"
LIMIT_BYTES = 60_000
_RESERVE = 200  # bytes for the line that says what was left out
_LONGEST = 600  # characters of one text: names and messages come from elsewhere
_MARKS = {"regression": "❌ regression", "improved": "✅ improved", "unclear": "❔ unclear"}
_HEADS = {
    "passed": "✅ **hil gate passed**",
    "failed": "❌ **hil gate failed**",
    "not compared": "⚠️ **hil gate: not compared**",
}
_COLUMNS = ("run", "figure", "baseline", "now", "change", "limit", "kind", "verdict")


def render(outcome: Outcome, format_value: FormatValue) -> str:
    """Return the verdict, noteworthy figures with their causes, and all figures in a fold."""
    head = "ℹ️ **hil gate: not compared**" if outcome.accepted else _HEADS[outcome.verdict]
    first = sentence(outcome)
    rest = f": {first}" if outcome.verdict == "failed" else first.removeprefix(outcome.verdict)
    page = _Page([MARKER, head + _escaped(rest, 4 * _LONGEST)])
    if outcome.verdict == "failed":
        page.add([_escaped(verdict(outcome))])
    rows = [(case, finding) for case in outcome.cases for finding in noteworthy(case)]
    page.add(_rows(rows, format_value), head=_TABLE)
    page.add(f"- {_escaped(line)}" for case in outcome.cases for line in cause_lines(case))
    page.add(
        f"- **{case.word}**: {_escaped(title(case))}: {_escaped(case.reason)}"
        for case in outcome.cases
        if case.word != "compared"
    )
    page.add(
        "- " + _escaped(text) + (f" ({number} runs)" if number > 1 else "")
        for text, number in [*((note, 1) for note in outcome.notes), *shared_notes(outcome)]
    )
    everything = [(case, finding) for case in outcome.cases for finding in case.findings]
    if len(everything) > len(rows):
        fold = f"<details><summary>All {len(everything)} figures</summary>"
        lines = _rows(everything, format_value)
        page.add(lines, head=[fold, "", *_TABLE], tail=["", "</details>"])
    return page.text()


_TABLE = ("| " + " | ".join(_COLUMNS) + " |", "|---|---|--:|--:|--:|--:|---|---|")


class _Page:
    """Blocks of lines, an empty line between two, of no more than ``LIMIT_BYTES``."""

    def __init__(self, head: list[str]) -> None:
        self._blocks = ["\n".join(head)]
        self._left = LIMIT_BYTES - _size(self._blocks[0]) - 2

    def add(
        self, lines: Iterable[str], *, head: Sequence[str] = (), tail: Sequence[str] = ()
    ) -> None:
        """Add a block, shortened where the page would become too long; nothing for no lines."""
        given = list(lines)
        if not given:
            return
        left = self._left - _size("\n".join([*head, *tail])) - _RESERVE
        kept: list[str] = []
        for line in given:
            left -= _size(line)
            if left < 0:
                break
            kept.append(line)
        cut = len(given) - len(kept)
        note = (
            ["", f"{cut} more lines are left out here; `hil gate --json` has all."] if cut else []
        )
        block = "\n".join([*(head if kept else ()), *kept, *(tail if kept else ()), *note]).strip()
        self._blocks.append(block)
        self._left -= _size(block) + 1

    def text(self) -> str:
        """The page, with a line end."""
        return "\n\n".join(self._blocks) + "\n"


def _size(text: str) -> int:
    """Bytes of a line with its end."""
    return len(text.encode()) + 1


def _rows(rows: Iterable[tuple[Case, Finding]], format_value: FormatValue) -> list[str]:
    lines = []
    for case, finding in rows:
        cells = (
            title(case),
            finding.name,
            value(finding.baseline, finding.unit, format_value),
            value(finding.candidate, finding.unit, format_value),
            change(finding),
            finding.limit,
            finding.kind,
            _MARKS.get(finding.word, finding.word)
            + (f": {finding.reason}" if finding.reason else ""),
        )
        lines.append("| " + " | ".join(_escaped(cell) for cell in cells) + " |")
    return lines


def _escaped(text: str, most: int = _LONGEST) -> str:
    """Escape what would end a cell or a line, all mark-up, and mentions of users."""
    text = re.sub(r"\s+", " ", text)
    text = text if len(text) <= most else text[: most - 1] + "…"
    entities = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "@": "&#64;"}
    return "".join(entities.get(c) or ("\\" + c if c in "\\|`_*[]~" else c) for c in text)
