"""``hil gate``: fail where runs got worse than a baseline."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.cli.options import DbOption, JsonOption, LatestFilter, grouped
from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.gate.decision import Outcome

SCHEMA = "hil.gate/1"
_LISTED = 5  # runs of one word that are listed on stderr


@grouped
def gate(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Runs to compare: ids, beginnings of ids, 'latest' or 'latest~N' (default: the "
            "latest run of each model, profile, target and engine).",
        ),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            "-b",
            metavar="NAME",
            help="The baseline (also: baseline in [gate] of hil.toml).",
        ),
    ] = None,
    max_regression: Annotated[
        str | None,
        typer.Option(
            "--max-regression",
            metavar="PERCENT",
            help="How much worse a figure without a limit of its own may be (default 2%).",
        ),
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            metavar="FIGURE=LIMIT",
            help="Limit of one figure: ram_bytes='1 KiB', latency_us=1%, energy_uj=off.",
        ),
    ] = None,
    filters: LatestFilter = LatestFilter(),
    any_engine: Annotated[
        bool,
        typer.Option(
            "--any-engine",
            help="If the baseline has a run of another engine only, compare with that.",
        ),
    ] = False,
    require_baseline: Annotated[
        bool,
        typer.Option(
            "--require-baseline",
            help="A baseline that is missing, or that has nothing for a run, is an error (exit 2).",
        ),
    ] = False,
    junit: Annotated[
        Path | None,
        typer.Option("--junit", metavar="FILE", help="Write JUnit XML too."),
    ] = None,
    markdown: Annotated[
        str | None,
        typer.Option(
            "--markdown",
            metavar="FILE|-",
            help="Write a Markdown summary too; '-' prints it instead of the table.",
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show every figure, not only the noteworthy ones.")
    ] = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Fail where stored runs are worse than a baseline.

    A run is worse if a figure is beyond its limit, or if it failed and the baseline's run passed:
    exit code 1. Emulated figures and sizes are compared exactly, observations on a board by their
    medians and two tests.
    """
    from hil import settings as configuration
    from hil.gate import limits
    from hil.gate.decision import gate as decide
    from hil.store import Store

    if json and markdown == "-":
        raise UsageError(
            "--markdown - and --json both write to stdout", hint="write the Markdown to a file"
        )
    settings = configuration.load(db=db)
    name = baseline or settings.gate.baseline
    if not name:
        raise UsageError(
            "no baseline given", hint="add --baseline NAME; `hil baseline list` shows them"
        )
    which = filters.filter(runs)
    defaults = settings.gate
    allowed = limits.chosen(max_regression, limit or [], defaults.max_regression, defaults.limits)
    with Store.open(settings.db, create=False, read_only=True) as store:
        named = {run.run_id: run for run in map(store.get, runs)}.values() if runs else None
        outcome = decide(store, name, allowed, which=which, runs=named, any_engine=any_engine)
    _write_files(outcome, junit, markdown)
    required = require_baseline or settings.gate.require_baseline
    absent = outcome.absent if required else ""
    _show(outcome, absent, as_json=json, markdown=markdown == "-", show_all=show_all)
    if not outcome.passed:
        raise typer.Exit(1)
    if absent:
        raise typer.Exit(2)


def _write_files(outcome: Outcome, junit: Path | None, markdown: str | None) -> None:
    from hil.gate import junit as junit_xml
    from hil.gate import markdown as summary

    if junit is not None:
        text = junit_xml.render(outcome, output.format_value)
        output.write_file(junit, text, "--junit")
    if markdown not in (None, "-"):
        path = Path(str(markdown))
        text = summary.render(outcome, output.format_value)
        # A step of GitHub Actions adds to its summary, which other steps may have begun.
        append = str(path) == os.environ.get("GITHUB_STEP_SUMMARY")
        output.write_file(path, text, "--markdown", append=append)


def _show(outcome: Outcome, absent: str, *, as_json: bool, markdown: bool, show_all: bool) -> None:
    from hil.gate import markdown as summary
    from hil.gate.wording import shared_notes, verdict

    if as_json:
        _show_json(outcome, absent)
    elif markdown:
        sys.stdout.write(summary.render(outcome, output.format_value))
    else:
        _show_table(outcome, show_all=show_all)
        typer.echo(verdict(outcome))
    for note in outcome.notes if not absent or outcome.origin else ():
        output.note(f"note: {note}")
    _list_others(outcome)
    for text, number in shared_notes(outcome):
        output.note(f"note: {text}" + (f" ({number} runs)" if number > 1 else ""))
    if absent:
        output.error(absent, "make it with `hil baseline set`, or leave out --require-baseline")


def _list_others(outcome: Outcome) -> None:
    """List the runs that were not compared, of each word the first few."""
    counts: dict[str, int] = {}
    for case in outcome.cases:
        counts[case.word] = counts.get(case.word, 0) + 1
        if case.word != "compared" and counts[case.word] <= _LISTED:
            output.note(f"{case.word}: {case.title}: {case.reason}")
    for word, number in counts.items():
        if word != "compared" and number > _LISTED:
            output.note(f"{word}: {number - _LISTED} more; --json lists them")


def _show_table(outcome: Outcome, *, show_all: bool) -> None:
    from hil.gate.wording import against, change, noteworthy, value

    rows = []
    for case in outcome.cases:
        for finding in case.findings if show_all else noteworthy(case):
            rows.append(
                (
                    case.title + against(case),
                    finding.name,
                    value(finding.baseline, finding.unit, output.format_value),
                    value(finding.candidate, finding.unit, output.format_value),
                    change(finding),
                    finding.limit,
                    finding.kind,
                    finding.word,
                )
            )
    if rows:
        numbers = [">baseline", ">now", ">change", ">limit"]
        output.print_table(["run", "figure", *numbers, "kind", "verdict"], rows)
        typer.echo("")


def _show_json(outcome: Outcome, absent: str) -> None:
    """``failed`` where the gate failed, ``error`` where a required baseline is missing."""
    from hil.gate.wording import failures, verdict

    errors = [{"message": text, "hint": ""} for text in failures(outcome)]
    if absent:
        errors.append({"message": absent, "hint": "make it with `hil baseline set`"})
    status = "failed" if not outcome.passed else "error" if absent else "ok"
    data = {
        "baseline": outcome.baseline,
        "origin": outcome.origin,
        "passed": outcome.passed,
        "summary": verdict(outcome),
        "runs": outcome.runs,
        "figures": outcome.counts,
        "cases": outcome.cases,
        "notes": outcome.notes,
    }
    output.emit_json(SCHEMA, status, data, errors)
