"""``hil report``: one HTML file out of stored runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.cli import output
from harness.cli.options import DbOption, JsonOption

if TYPE_CHECKING:
    from harness.records import RunRecord
    from harness.store import Store

SCHEMA = "hil.report/1"
DEFAULT_FILE = "hil-report.html"


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Run ids, beginnings of ids, 'latest' or 'latest~N' (N runs before the latest).",
            show_default=False,
        ),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", min=1, help="The last so many runs.", show_default=False),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="Only runs of this model."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", "-p", metavar="NAME", help="Only runs on this profile."),
    ] = None,
    out: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write the report.")
    ] = Path(DEFAULT_FILE),
    title: Annotated[
        str | None, typer.Option("--title", help="Title of the report.", show_default=False)
    ] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help="Show the report in the browser.")
    ] = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Write an HTML report of stored runs (the latest, unless told otherwise).

    The file is complete in itself: it works offline and can be mailed. Its path is printed.
    """
    from harness import settings as configuration
    from harness.errors import UsageError
    from harness.report import write_report
    from harness.store import Store

    if runs and (last is not None or model is not None or profile is not None):
        raise UsageError(
            "RUN and the filters --last, --model and --profile exclude each other",
            hint="name the runs, or let the filters choose",
        )
    with Store.open(configuration.load(db=db).db, create=False) as store:
        records = (
            [find_run(store, name) for name in runs]
            if runs
            else select_runs(store, last or 1, model, profile)
        )
        evaluations = store.evaluations.matching(records)
    path = write_report(records, out, title, evaluations=evaluations)
    _show(path, records, as_json=json)
    if open_it:
        _open(path)


def find_run(store: Store, name: str) -> RunRecord:
    """Return the run called ``name``; besides the store's names there is ``latest~N``.

    Raises:
        UsageError: there is no such run, or several.
    """
    from harness.errors import UsageError

    word, tilde, steps = name.partition("~")
    if word != "latest" or not tilde:
        return store.get(name)
    if not steps.isdecimal():
        raise UsageError(f"'{name}' names no run", hint="write latest~1 for the run before last")
    found = store.find(limit=int(steps) + 1)
    if len(found) <= int(steps):
        raise UsageError(
            f"there is no run '{name}': {store.label} holds {len(found)}",
            hint="`hil history` lists the runs",
        )
    return store.get(found[-1].run_id)


def select_runs(store: Store, last: int, model: str | None, profile: str | None) -> list[RunRecord]:
    """Return the last so many runs that match, the oldest first.

    Raises:
        UsageError: there is none.
    """
    from harness.errors import UsageError

    found = store.find(model_name=model, profile=profile, limit=last)
    if not found:
        asked = [f"of model '{model}'"] * bool(model) + [f"on profile '{profile}'"] * bool(profile)
        what = " ".join(["no run", *asked])
        raise UsageError(
            f"there is {what} in {store.label}",
            hint="`hil run MODEL.tflite` makes one; `hil history` lists those there are",
        )
    return [store.get(summary.run_id) for summary in reversed(found)]


def _show(path: Path, records: list[RunRecord], *, as_json: bool) -> None:
    if as_json:
        runs = [{"run_id": record.run_id, "status": record.status} for record in records]
        output.emit_json(SCHEMA, "ok", {"path": path, "runs": runs})
    else:
        typer.echo(path)


def _open(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.as_uri()):
        output.note(f"no browser could be started; open {path} yourself")
