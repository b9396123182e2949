"""``hil gate``: fail where runs got worse than a baseline."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hil.cli import output
from hil.cli.options import (
    BaselineOption,
    DbOption,
    JsonOption,
    LatestFilter,
    LatestRunsArgument,
    grouped,
)
from hil.errors import GateFailed, NotCompared, UsageError

if TYPE_CHECKING:
    from hil.gate.decision import Outcome

SCHEMA = "hil.gate/1"
_LISTED = 5  # runs of one word that are listed on stderr


@grouped
def gate(
    runs: LatestRunsArgument = None,
    baseline: BaselineOption = None,
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
    match: Annotated[
        Literal["auto", "sha256", "name"] | None,
        typer.Option(
            "--match",
            help="How a model is found in the baseline: 'auto' by its SHA-256, else by its name "
            "(a model that was trained again); 'sha256' or 'name' only by that.",
        ),
    ] = None,
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
            help="A baseline that is missing, or that has nothing for a run, is an error (exit 5).",
        ),
    ] = False,
    allow_new: Annotated[
        bool,
        typer.Option(
            "--allow-new",
            help="Accept it (exit 0) that nothing was compared because the baseline does not exist "
            "yet or has nothing for the runs.",
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
    badge: Annotated[
        Path | None,
        typer.Option("--badge", metavar="FILE", help="Write a badge too, an SVG image."),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help="Show every figure, not only the noteworthy ones.")
    ] = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Fail where stored runs are worse than a baseline.

    A run is worse if a figure is beyond its limit, or if it failed and the baseline's run passed:
    exit code 1. Where nothing could be compared the exit code is 5. Emulated figures and sizes are
    compared exactly, observations on a board by their medians and two tests.
    """
    from hil import settings as configuration
    from hil.gate import limits
    from hil.gate.decision import gate as decide
    from hil.store import Store

    _check(json=json, markdown=markdown, require_baseline=require_baseline, allow_new=allow_new)
    settings = configuration.load(db=db)
    defaults = settings.gate
    name = baseline or defaults.baseline
    if not name:
        raise UsageError(
            "no baseline given", hint="add --baseline NAME; `hil baseline list` shows them"
        )
    which = filters.filter(runs)
    allowed = limits.chosen(max_regression, limit or [], defaults.max_regression, defaults.limits)
    with Store.open(settings.db, create=False, read_only=True) as store:
        outcome = decide(
            store,
            name,
            allowed,
            which=which,
            runs=[store.get(run) for run in runs] if runs else None,
            any_engine=any_engine,
            match=match or defaults.match,
        )
    outcome = dataclasses.replace(
        outcome,
        # A flag wins over the other key of the file.
        allow_new=allow_new or (defaults.allow_new and not require_baseline),
        require_baseline=require_baseline or (defaults.require_baseline and not allow_new),
    )
    _write_files(outcome, junit, markdown, badge)
    _show(outcome, as_json=json, markdown=markdown == "-", show_all=show_all)
    if outcome.verdict == "failed":
        raise typer.Exit(GateFailed.exit_code)
    if outcome.incomplete:
        raise typer.Exit(NotCompared.exit_code)


def _check(*, json: bool, markdown: str | None, require_baseline: bool, allow_new: bool) -> None:
    if json and markdown == "-":
        raise UsageError(
            "--markdown - and --json both write to stdout", hint="write the Markdown to a file"
        )
    if require_baseline and allow_new:
        raise UsageError(
            "--require-baseline and --allow-new exclude each other", hint="leave one of them out"
        )


def _write_files(
    outcome: Outcome, junit: Path | None, markdown: str | None, badge: Path | None
) -> None:
    if badge is not None:
        from hil.gate import badge as badges

        output.write_file(badge, badges.render(outcome), "--badge")
    if junit is not None:
        from hil.gate import junit as junit_xml

        text = junit_xml.render(outcome, output.format_value)
        output.write_file(junit, text, "--junit")
    if markdown not in (None, "-"):
        from hil.gate import markdown as summary

        path = Path(str(markdown))
        text = summary.render(outcome, output.format_value)
        # A step of GitHub Actions adds to its summary, which other steps may have begun.
        append = str(path) == os.environ.get("GITHUB_STEP_SUMMARY")
        output.write_file(path, text, "--markdown", append=append)


def _show(outcome: Outcome, *, as_json: bool, markdown: bool, show_all: bool) -> None:
    from hil.gate.wording import hints, shared_notes, verdict

    if as_json:
        _show_json(outcome)
    elif markdown:
        from hil.gate import markdown as summary

        sys.stdout.write(summary.render(outcome, output.format_value))
    else:
        _show_table(outcome, show_all=show_all)
        typer.echo(verdict(outcome))
    for note in outcome.notes if outcome.origin or not outcome.incomplete else ():
        output.note(f"note: {note}")
    _list_others(outcome)
    for text, number in shared_notes(outcome):
        output.note(f"note: {text}" + (f" ({number} runs)" if number > 1 else ""))
    if outcome.verdict != "failed" and outcome.incomplete:
        output.error(outcome.incomplete, hints(outcome))


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
    from hil.gate.wording import cause_lines, change, noteworthy, title, unclear_lines, value

    rows = []
    for case in outcome.cases:
        for finding in case.findings if show_all else noteworthy(case):
            rows.append(
                (
                    title(case),
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
    lines = [line for case in outcome.cases for line in cause_lines(case)]
    lines += unclear_lines(outcome)
    for line in lines:
        typer.echo(line)
    if lines:
        typer.echo("")


def _show_json(outcome: Outcome) -> None:
    """``failed`` where the gate failed, ``error`` where it could not compare what it should."""
    from hil.gate.wording import failures, hints, sentence, verdict

    errors = [{"message": text, "hint": ""} for text in failures(outcome)]
    if outcome.incomplete:
        errors.append({"message": outcome.incomplete, "hint": hints(outcome)})
    failed = outcome.verdict == "failed"
    status = "failed" if failed else "error" if outcome.incomplete else "ok"
    data = {
        "baseline": outcome.baseline,
        "origin": outcome.origin,
        "match": outcome.match,
        "verdict": outcome.verdict,
        "passed": outcome.passed,
        "summary": verdict(outcome),
        "sentence": sentence(outcome),
        "runs": outcome.runs,
        "figures": outcome.counts,
        "cases": outcome.cases,
        "notes": outcome.notes,
        "outdated": [
            {"run_id": one.run.run_id, "newer_run_id": one.newer.run_id} for one in outcome.outdated
        ],
    }
    output.emit_json(SCHEMA, status, data, errors)
