"""Texts of a gate's outcome, shared by all output formats."""

from __future__ import annotations

from collections.abc import Callable

from hil.gate.comparison import Finding
from hil.gate.decision import Case, Outcome

FormatValue = Callable[[float, str], str]
"""Formats a value with its unit, such as ``12.35 ms``."""

NOTEWORTHY = frozenset({"regression", "unclear", "improved"})


def change(finding: Finding) -> str:
    """``+3.0 %``, with the interval where observations were compared, or a dash."""
    if finding.change_pct is None:
        return "-"
    text = _percent(finding.change_pct)
    if finding.interval_pct is None:
        return text
    low, high = finding.interval_pct
    return f"{text} ({_percent(low)} to {_percent(high)})"


def value(number: float | None, unit: str, format_value: FormatValue) -> str:
    """A value with its unit, or a dash."""
    return "-" if number is None else format_value(number, unit)


def noteworthy(case: Case) -> tuple[Finding, ...]:
    """The findings that every output shows."""
    return tuple(finding for finding in case.findings if finding.word in NOTEWORTHY)


def against(case: Case) -> str:
    """The baseline's engine if it differs from the run's."""
    other = case.baseline_engine
    return f" (against {other})" if other and other != case.engine else ""


def verdict(outcome: Outcome) -> str:
    """One sentence: passed or failed, and the counts."""
    runs, figures = outcome.runs, outcome.counts
    if outcome.origin is None:
        return f"no baseline '{outcome.baseline}': nothing was compared"
    parts = [f"{_plural(runs['compared'], 'run')} compared with '{outcome.baseline}'"]
    parts += [
        _plural(figures["regression"], "regression"),
        *(f"{runs[word]} {word}" for word in ("failed", "error") if runs[word]),
        *(f"{figures[word]} {word}" for word in ("unclear", "improved") if figures[word]),
        *(f"{runs[word]} {word}" for word in ("skipped", "missing", "no baseline") if runs[word]),
    ]
    if not (runs["compared"] or runs["failed"]):
        rest = [part for part in parts[2:] if part]
        return f"nothing was compared with '{outcome.baseline}'" + (": " + ", ".join(rest)) * bool(
            rest
        )
    return f"{'passed' if outcome.passed else 'failed'}: " + ", ".join(parts)


def failures(outcome: Outcome) -> list[str]:
    """What fails the gate: a line for each failed run and each regression."""
    failed = [case for case in outcome.cases if case.word == "failed"]
    return [f"{case.title} failed: {case.reason}" for case in failed] + [
        f"{case.title}: {finding.name} {change(finding)}, limit {finding.limit}"
        for case in outcome.cases
        for finding in case.findings
        if finding.word == "regression"
    ]


def shared_notes(outcome: Outcome) -> list[tuple[str, int]]:
    """Changes other than the model's, each once, with the number of runs it applies to."""
    counts: dict[str, int] = {}
    for case in outcome.cases:
        for note in case.notes:
            counts[note] = counts.get(note, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])


def _percent(number: float) -> str:
    digits = 1 if abs(number) >= 0.95 or number == 0 else 3
    return f"{number:+.{digits}f} %" if number else "0 %"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
