"""``hil agree``: fail where targets give different counts for the same firmware."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption, LatestFilter, LatestRunsArgument, grouped
from hil.errors import NotCompared

if TYPE_CHECKING:
    from hil.gate.agreement import Agreement, Pair

SCHEMA = "hil.agree/1"
_LISTED = 5  # pairs that were not compared, and differences of a pair


@grouped
def agree(
    runs: LatestRunsArgument = None,
    filters: LatestFilter = LatestFilter(),
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="A run that could not be compared with another target is an error (exit 5).",
        ),
    ] = False,
    markdown: Annotated[
        Path | None,
        typer.Option("--markdown", metavar="FILE", help="Write a Markdown summary too."),
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Fail where targets disagree about the same firmware.

    Runs of one model, profile and engine on several targets must have the same instruction counts
    and modelled cycles, in total and by op, where firmware and inputs are the same: exit code 1
    otherwise, 5 where there was nothing to compare.
    """
    from hil.gate.agreement import agreement
    from hil.store.latest import latest

    which = filters.filter(runs)
    with stores.opened(db, read_only=True) as store:
        records = [store.get(name) for name in runs] if runs else latest(store, which)
    found = agreement(records)
    if markdown is not None:
        output.write_file(markdown, _markdown(found), "--markdown")
    if json:
        _show_json(found, complete=complete)
    else:
        _show(found)
    if not found.passed:
        raise typer.Exit(1)
    if _lacks(found, complete=complete):
        raise typer.Exit(NotCompared.exit_code)


def _lacks(found: Agreement, *, complete: bool) -> bool:
    """Whether what was asked for could not be compared."""
    return not (found.complete if complete else found.compared)


def _show(found: Agreement) -> None:
    rows = []
    for pair in found.pairs:
        rows += [(pair.title, *cells) for cells in _cells(pair)]
    if rows:
        output.print_table(["runs", "where", "count", ">first", ">second"], rows)
        typer.echo("")
    typer.echo(found.verdict)
    for text in _reasons(found):
        output.note(text)


def _cells(pair: Pair) -> list[tuple[str, str, str, str]]:
    """Where, count and both values of the first differences of a pair."""
    cells = [
        (one.where, one.count, output.format_number(one.first), output.format_number(one.second))
        for one in pair.differences[:_LISTED]
    ]
    more = len(pair.differences) - _LISTED
    return [*cells, (f"{more} more", "", "", "")] if more > 0 else cells


def _reasons(found: Agreement) -> list[str]:
    """A line for each pair that failed on one target, and for the first that were not compared."""
    failed = [pair for pair in found.pairs if pair.word == "different" and pair.reason]
    others = [pair for pair in found.pairs if pair.word == "not compared"]
    lines = [f"{pair.word}: {pair.title}: {pair.reason}" for pair in [*failed, *others[:_LISTED]]]
    more = len(others) - _LISTED
    return [*lines, f"not compared: {more} more; --json lists them"] if more > 0 else lines


def _markdown(found: Agreement) -> str:
    mark = "❌" if not found.passed else "✅" if found.compared else "ℹ️"
    parts = [f"### {mark} Targets: {found.verdict}"]
    rows = [(pair.title, *cells) for pair in found.pairs for cells in _cells(pair)]
    if rows:
        table = ["| runs | where | count | first | second |", "|---|---|---|--:|--:|"]
        table += [
            "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows
        ]
        parts.append("\n".join(table))
    if reasons := _reasons(found):
        parts.append("\n".join(f"- {text}" for text in reasons))
    return "\n\n".join(parts) + "\n"


def _show_json(found: Agreement, *, complete: bool) -> None:
    errors = [
        {"message": f"{pair.title}: {pair.reason or 'different counts'}", "hint": ""}
        for pair in found.pairs
        if pair.word == "different"
    ]
    lacks = _lacks(found, complete=complete)
    status = "failed" if errors else "error" if lacks else "ok"
    if status == "error":
        errors = [{"message": found.verdict, "hint": "run the study on two targets"}]
    data = {
        "passed": found.passed,
        "summary": found.verdict,
        "counts": found.counts,
        "single": found.single,
        "pairs": found.pairs,
    }
    output.emit_json(SCHEMA, status, data, errors)
