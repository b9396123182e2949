"""Texts of a gate's outcome, shared by all output formats."""

from __future__ import annotations

from collections.abc import Callable

from hil.figures import find, in_order
from hil.gate.comparison import Finding
from hil.gate.decision import Case, Outcome

FormatValue = Callable[[float, str], str]
"""Formats a value with its unit, such as ``12.35 ms``."""

NOTEWORTHY = frozenset({"regression", "unclear", "improved"})
_LATER_WORDS = ("skipped", "own run", "incomparable", "missing", "ambiguous", "no baseline")


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


def title(case: Case) -> str:
    """The case's title, with what was compared where that was not the same model and engine."""
    other = case.baseline_engine
    extra = [f"against {other}"] if other and other != case.engine else []
    extra += ["model changed"] if case.model_changed else []
    return case.title + (f" ({', '.join(extra)})" if extra else "")


def verdict(outcome: Outcome) -> str:
    """One sentence: passed, failed or not compared, and the counts."""
    runs, figures = outcome.runs, outcome.counts
    allowed = ", accepted by --allow-new" if outcome.accepted else ""
    if outcome.origin is None:
        return f"not compared: there is no baseline '{outcome.baseline}'{allowed}"
    rest = [f"{runs[word]} {word}" for word in _LATER_WORDS if runs[word]]
    if outcome.verdict == "not compared":
        rest = [f"{runs['error']} error"] * bool(runs["error"]) + rest
        why = ", ".join(rest) or "there is no run to compare"
        return f"not compared with '{outcome.baseline}': {why}{allowed}"
    parts = [
        _runs_compared(outcome),
        _plural(figures["regression"], "regression"),
        *(f"{runs[word]} {word}" for word in ("failed", "error") if runs[word]),
        *(f"{figures[word]} {word}" for word in ("unclear", "improved") if figures[word]),
        *rest,
    ]
    return f"{outcome.verdict}: " + ", ".join(parts)


def _runs_compared(outcome: Outcome) -> str:
    """``7 of 8 runs compared with 'main' (1 by name: its model has changed)``."""
    compared = [case for case in outcome.cases if case.word == "compared"]
    number, all_runs = len(compared), outcome.candidates
    text = f"{number} of {_plural(all_runs, 'run')}" if number < all_runs else ""
    text = f"{text or _plural(number, 'run')} compared with '{outcome.baseline}'"
    changed = sum(case.model_changed for case in compared)
    if changed:
        whose = "the model has" if changed == 1 else "the models have"
        text += f" ({changed} by name: {whose} changed)"
    return text


def sentence(outcome: Outcome) -> str:
    """What failed, in one sentence that names the cause; the verdict where nothing failed."""
    if outcome.verdict != "failed":
        return verdict(outcome)
    worst = max(outcome.cases, key=_badness)
    others = sum(case.word == "failed" or bool(case.regressions) for case in outcome.cases) - 1
    more = f"; {_plural(others, 'more run')} failed too" if others else ""
    if not worst.regressions:
        return f"{title(worst)}: the run failed ({worst.reason}){more}"
    by_name = {finding.name: finding for finding in worst.regressions}
    first, *rest = in_order(by_name)
    text = f"{title(worst)}: {find(first).title} {_beyond(by_name[first])}"
    if found := cause_text(by_name[first]):
        text += f": {found}"
    if rest:
        text += f"; also {', '.join(f'{find(n).title} {change(by_name[n])}' for n in rest)}"
    return text + _likely(worst) + more


def cause_text(finding: Finding) -> str:
    """The parts that make up a regression: ``op 3 CONV_2D x +58,000 cycles (97 % of it), …``.

    Functions are another view of the same cycles: ``; by function: hil_conv_s8 +57,900 cycles …``.
    """
    parts = [cause.text for cause in finding.causes if cause.part != "function"]
    functions = [cause.text for cause in finding.causes if cause.part == "function"]
    groups = [", ".join(parts)] if parts else []
    return "; ".join(groups + [f"by function: {', '.join(functions)}"] * bool(functions))


def cause_lines(case: Case) -> list[str]:
    """A line for each cause, with the figures that it explains, and what may have caused it."""
    figures: dict[str, list[str]] = {}
    for finding in case.regressions:
        if finding.causes:
            figures.setdefault(cause_text(finding), []).append(finding.name)
    lines = [f"{', '.join(names)}: {text}" for text, names in figures.items()]
    if case.regressions and case.suspects:
        lines.append(f"likely cause: {'; '.join(case.suspects)}")
    return [f"{title(case)}: {line}" for line in lines]


def unclear_lines(outcome: Outcome) -> list[str]:
    """Why figures are unclear: a line for each reason, with the figures and how many there are."""
    names: dict[str, list[str]] = {}
    for case in outcome.cases:
        for finding in case.findings:
            if finding.word == "unclear":
                names.setdefault(finding.reason, []).append(finding.name)
    return [
        f"unclear: {', '.join(in_order(found))} ({_plural(len(found), 'figure')}): {reason}"
        for reason, found in names.items()
    ]


def failures(outcome: Outcome) -> list[str]:
    """What fails the gate: a line for each failed run and each regression, with its causes."""
    failed = [case for case in outcome.cases if case.word == "failed"]
    return [f"{case.title} failed: {case.reason}" for case in failed] + [
        f"{case.title}: {finding.name} {change(finding)}, limit {finding.limit}"
        + (f": {cause_text(finding)}" if finding.causes else "")
        for case in outcome.cases
        for finding in case.regressions
    ]


def hints(outcome: Outcome) -> str:
    """What to do where the gate could not compare."""
    if outcome.origin is None or outcome.is_new:
        return (
            f"make it with `hil baseline set {outcome.baseline}`, or accept runs that are new with "
            "--allow-new"
        )
    if not outcome.candidates:
        return "run the model first; `hil history` lists the runs"
    return "the notes above give the reason for each run"


def shared_notes(outcome: Outcome) -> list[tuple[str, int]]:
    """Changes other than the model's, each once, with the number of runs it applies to."""
    counts: dict[str, int] = {}
    for case in outcome.cases:
        for note in case.notes:
            counts[note] = counts.get(note, 0) + 1
    return sorted(counts.items(), key=lambda item: -item[1])


def _badness(case: Case) -> tuple[bool, float]:
    """Sorts failed runs after regressions, and those by the largest change."""
    changes = [abs(finding.change_pct or 0) for finding in case.regressions]
    return case.word == "failed" or bool(changes), max(changes, default=0)


def _beyond(finding: Finding) -> str:
    return f"{change(finding)} (limit {finding.limit})"


def _likely(case: Case) -> str:
    return f"; likely cause: {'; '.join(case.suspects)}" if case.suspects else ""


def _percent(number: float) -> str:
    digits = 1 if abs(number) >= 0.95 or number == 0 else 3
    return f"{number:+.{digits}f} %" if number else "0 %"


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
