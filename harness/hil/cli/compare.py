"""``hil compare``: runs side by side, in the terminal and as HTML."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output
from hil.cli.options import DbOption, JsonOption
from hil.cli.report import find_run

if TYPE_CHECKING:
    from hil.report.compare.accuracy import AccuracyLine
    from hil.report.compare.case_view import CaseView, Cell
    from hil.report.report_view import ReportView

SCHEMA = "hil.compare/1"


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN",
            help="Run ids, the baseline first: ids, beginnings of ids, 'latest' or 'latest~N' "
            "(N runs before the latest).",
            show_default=False,
        ),
    ],
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write the comparison as HTML too.", show_default=False
        ),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Title of the HTML page.", show_default=False)
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Put two or more stored runs side by side; the first is the baseline.

    A difference is called better or worse only where the uncertainty bands do not overlap.
    """
    from hil import settings as configuration
    from hil.errors import UsageError
    from hil.report import build_compare, render, write_text
    from hil.store import Store

    if len(runs) < 2:
        raise UsageError(
            "a comparison needs at least two runs",
            hint="for example `hil compare latest~1 latest`; `hil history` lists the runs",
        )
    with Store.open(configuration.load(db=db).db, create=False) as store:
        records = [find_run(store, name) for name in runs]
        view = build_compare(records, title=title, store=store)
    path = write_text(render(view, "html"), html) if html is not None else None
    if json:
        output.emit_json(SCHEMA, "ok", _data(view, path))
        return
    _show(view.cases[0])
    if path is not None:
        typer.echo(f"\nreport: {path}")


def _show(view: CaseView) -> None:
    letters = [_letter(position) for position in range(len(view.columns))]
    for letter, run in zip(letters, view.columns, strict=True):
        base = " (baseline)" if run.is_baseline else ""
        typer.echo(f"{letter}{base}: {run.run_id}  {run.title}, {run.engine}, {run.status}")
    typer.echo("")
    for judged in view.verdicts:
        typer.echo(judged.headline.text)
    typer.echo("")
    _show_figures(view, letters)
    typer.echo("")
    _show_ops(view, letters)
    for label, values in _differences(view):
        typer.echo(f"differs: {label}: {' | '.join(values)}")
    for warning in view.warnings:
        output.note(f"note: {warning}")


def _show_figures(view: CaseView, letters: list[str]) -> None:
    columns: list[output.Column | str] = ["Figure", "Kind", output.Column("A", right=True)]
    for letter in letters[1:]:
        columns += [output.Column(letter, right=True), output.Column("against A", fold=True)]
    rows = []
    for row in view.figures:
        first, *others = row.cells
        cells = [text for cell in others for text in _texts(cell)]
        rows.append([row.label, _kinds(row.cells), _texts(first)[0], *cells])
    for line in view.accuracy:
        first_text, *texts = (_accuracy(line, place) for place in range(len(line.cells)))
        cells = [text for pair in texts for text in pair]
        rows.append([f"{line.label}, {line.data}", line.where, first_text[0], *cells])
    output.print_table(columns, rows)


def _texts(cell: Cell) -> tuple[str, str]:
    if cell.figure is None:
        return "-", ""
    value = f"{cell.figure.text} {cell.figure.band}"
    if cell.judgement is None:
        return value, ""
    return value, f"{cell.judgement.ratio_text} {cell.judgement.words}".strip()


def _accuracy(line: AccuracyLine, place: int) -> tuple[str, str]:
    cell = line.cells[place]
    if cell is None:
        return "-", line.missing[place] if place else ""
    return f"{cell.text} ({cell.interval})", cell.difference.words if cell.difference else ""


def _kinds(cells: tuple[Cell, ...]) -> str:
    return "/".join(dict.fromkeys(cell.figure.kind for cell in cells if cell.figure))


def _show_ops(view: CaseView, letters: list[str]) -> None:
    if view.ops_note:
        typer.echo(view.ops_note)
    if not view.ops:
        return
    columns: list[output.Column | str] = [output.Column("#", right=True), "Op"]
    columns.append(output.Column("A cycles", right=True))
    for letter in letters[1:]:
        columns.append(output.Column(f"{letter} cycles", right=True))
        columns.append(output.Column(f"{letter}/A", right=True))
    rows = []
    for line in view.ops:
        first, *others = line.cells
        cells = [text for cell in others for text in (cell.text, cell.ratio)]
        rows.append([str(line.index), line.op, first.text, *cells])
    output.print_table(columns, rows)
    typer.echo("")


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
    records = {record.run_id: record for record in view.records}
    data = case_data(case)
    return {
        "baseline": data["baseline"],
        "runs": [
            {
                "run_id": column.run_id,
                "status": column.status,
                "model": record.model.name if record.model else None,
                "profile": record.profile_name,
                "engine": record.engine,
            }
            for column in case.columns
            for record in [records[column.run_id]]
        ],
        "verdicts": data["verdicts"],
        "figures": data["figures"],
        "accuracy": data["accuracy"],
        "notes": data["notes"],
        "path": path,
    }
