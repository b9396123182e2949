"""``hil compare``: runs side by side, in the terminal and as HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption

if TYPE_CHECKING:
    from hil.records import RunRecord
    from hil.report.compare.case_view import CaseView
    from hil.report.compare.model_error import ModelError
    from hil.report.report_view import ReportView

SCHEMA = "hil.compare/1"


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Run ids, the baseline first: ids, beginnings of ids, 'latest' or 'latest~N' "
            "(N runs before the latest).",
        ),
    ],
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the comparison as HTML too."),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of the HTML page.")] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Compare stored runs side by side; the first is the baseline.

    A difference is called better or worse only where the uncertainty bands do not overlap.
    """
    from hil.errors import UsageError
    from hil.report import build_compare, render, write_text

    if len(runs) < 2:
        raise UsageError(
            "a comparison needs at least two runs",
            hint="for example `hil compare latest~1 latest`; `hil history` lists the runs",
        )
    with stores.opened(db, read_only=True) as store:
        records = [store.get(name) for name in runs]
        view = build_compare(records, title=title, store=store)
    path = write_text(render(view, "html"), html) if html is not None else None
    if json:
        output.emit_json(SCHEMA, "ok", _data(view, path))
        return
    _show(view.cases[0])
    if path is not None:
        typer.echo(f"\nreport: {path}")


def _show(case: CaseView) -> None:
    from hil.figures import headline
    from hil.report.output import text as rows
    from hil.report.words.naming import engine_title

    letters = [_letter(position) for position in range(len(case.columns))]
    for letter, column in zip(letters, case.columns, strict=True):
        base = " (baseline)" if column.is_baseline else ""
        engine, run = engine_title(column.run), column.run
        where = f", {_where(run)}" if case.model_errors else ""
        typer.echo(f"{letter}{base}: {run.run_id}  {column.title}, {engine}, {run.status}{where}")
    typer.echo("")
    for judged in case.verdicts:
        typer.echo(judged.headline.text)
    typer.echo("")
    columns: list[output.Column | str] = ["Figure", "Kind", ">A"]
    for letter in letters[1:]:
        columns += [output.Column(letter, right=True), output.Column("against A", fold=True)]
    output.print_table(columns, rows.figure_rows(case))
    typer.echo("")
    if case.ops_note:
        typer.echo(case.ops_note)
    if case.ops:
        columns = [">#", "Op", ">A cycles"]
        for letter in letters[1:]:
            heads = (f"{letter} cycles", f"{letter}/A")
            columns += [output.Column(head, right=True) for head in heads]
        output.print_table(columns, rows.op_rows(case))
        typer.echo("")
    for error in case.model_errors:
        _show_error(error)
    for label, values in _differences(case):
        typer.echo(f"differs: {label}: {' | '.join(values)}")
    for warning in case.warnings:
        output.note(f"note: {warning}")
    for letter, column in zip(letters, case.columns, strict=True):
        if not all(figure.name in column.run.measurements for figure in headline()):
            for text in column.run.notes:
                output.note(f"note on {letter}: {text}")


def _where(run: RunRecord) -> str:
    """Such as ``measured on board desk``, or ``modelled on`` a target."""
    from hil.report.compare.model_error import NOT_A_MEASUREMENT
    from hil.report.words.naming import place_name
    from hil.verdict.kinship import is_measured, is_virtual

    if is_virtual(run):
        return f"on {place_name(run)} ({NOT_A_MEASUREMENT})"
    return f"{'measured' if is_measured(run) else 'modelled'} on {place_name(run)}"


def _show_error(error: ModelError) -> None:
    """The error of the model against a board: figures, then ops, the largest part first."""
    from hil.report.output import text as rows

    heads = f"{error.modelled_place}: modelled", f"{error.board_place}: {error.board_word}"
    typer.echo(f"Error of the model: {error.modelled.run_id} against {error.board.run_id}")
    columns = ["Figure", *(f">{head}" for head in heads), ">error", "band"]
    output.print_table(columns, rows.error_figure_rows(error))
    typer.echo("")
    if error.ops:
        columns = [">#", "Op", *(f">{head}" for head in heads), ">error", ">of all", "band"]
        output.print_table(columns, rows.error_op_rows(error))
        typer.echo("")
    for note in error.notes:
        output.note(f"note: {note}")


def _differences(view: CaseView) -> list[tuple[str, tuple[str, ...]]]:
    """Facts that differ, without the ones that always do."""
    return [
        (fact.label, fact.values)
        for fact in view.facts
        if fact.differs and fact.label not in ("Started", "Run")
    ]


def _letter(position: int) -> str:
    return chr(ord("A") + position) if position < 26 else f"run {position + 1}"


def _data(view: ReportView, path: Path | None) -> dict[str, Any]:
    """The comparison as plain data: every figure of every run, and its ratio to the baseline."""
    from hil.report.output.export import case_data

    (case,) = view.cases
    data = case_data(case)
    return {
        "baseline": data["baseline"],
        "runs": [
            {
                "run_id": column.run.run_id,
                "status": column.run.status,
                "model": column.run.model.name if column.run.model else None,
                "profile": column.run.profile_name,
                "engine": column.run.engine,
            }
            for column in case.columns
        ],
        "verdicts": data["verdicts"],
        "figures": data["figures"],
        "model_errors": data["model_errors"],
        "accuracy": data["accuracy"],
        "notes": data["notes"],
        "path": path,
    }
