"""``hil report``: stored runs against their baselines, as HTML, Markdown, CSV or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption, ReproducibleOption

if TYPE_CHECKING:
    from hil.records import RunRecord
    from hil.report.compare.choose import Asked
    from hil.report.report_view import ReportView
    from hil.store import Store

SCHEMA = "hil.report/1"
DEFAULT_NAME = "hil-report"
STDOUT = "-"


def report(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Run ids, beginnings of ids, 'latest' or 'latest~N' (N runs before the latest).",
        ),
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", min=1, help="The last so many runs."),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option("--model", metavar="NAME", help="Only runs of this model."),
    ] = None,
    profile: Annotated[
        str | None,
        typer.Option("--profile", "-p", metavar="NAME", help="Only runs on this profile."),
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(
            "--baseline",
            metavar="NAME|RUN",
            help="Compare with this baseline or run; otherwise with TensorFlow Lite Micro where "
            "a run or baseline of the same model and profile exists, else with the first run.",
        ),
    ] = None,
    form: Annotated[
        Literal["html", "md", "csv", "json"] | None,
        typer.Option(
            "--format",
            help="Format of the report (default: by the file name of -o, else html). md is short, "
            "for a pull request; csv and json contain everything that is shown.",
        ),
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write the report (hil-report.FORMAT); '-' is stdout.",
        ),
    ] = None,
    title: Annotated[str | None, typer.Option("--title", help="Title of the report.")] = None,
    open_it: Annotated[
        bool, typer.Option("--open", help="Show the report in the browser.")
    ] = False,
    reproducible: ReproducibleOption = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Report stored runs, compared with a baseline.

    Without RUN and filters it is the latest run. An HTML report is self-contained: it works offline
    and can be mailed. Its path is printed.
    """
    from hil.errors import UsageError
    from hil.report import build_report

    if runs and (last is not None or model is not None or profile is not None):
        raise UsageError(
            "RUN and the filters --last, --model and --profile exclude each other",
            hint="name the runs, or give filters",
        )
    chosen_form = form or _format_of(out)
    _check_stdout(chosen_form, out, open_it=open_it, as_json=json)
    with stores.opened(db, read_only=True) as store:
        records = (
            [store.get(name) for name in runs]
            if runs
            else _select(store, last or 1, model, profile)
        )
        asked = _asked(store, baseline) if baseline is not None else None
        view = build_report(
            records, title=title, store=store, asked=asked, reproducible=reproducible
        )
    path = write(view, chosen_form, out, DEFAULT_NAME)
    if path is None:
        return
    _show(path, records, view, as_json=json)
    if open_it:
        _open(path)


def _format_of(out: str | None) -> str:
    """The format that the file's name ends in, else ``html``."""
    ending = Path(out).suffix.lstrip(".").lower() if out else ""
    return {"markdown": "md", "csv": "csv", "json": "json", "md": "md"}.get(ending, "html")


def _check_stdout(form: str, out: str | None, *, open_it: bool, as_json: bool) -> None:
    from hil.errors import UsageError

    if out == STDOUT and as_json:
        raise UsageError(
            "-o - and --json both write to stdout",
            hint="`--format json -o -` prints the report's data",
        )
    if open_it and (out == STDOUT or form != "html"):
        raise UsageError(
            "--open needs an HTML report in a file", hint="leave out --format and -o -"
        )


def _asked(store: Store, name: str) -> Asked:
    """Return the baseline of that name, else the run."""
    from hil.errors import UsageError
    from hil.report.compare.choose import Asked, find_baseline

    if found := find_baseline(store, name):
        return found
    try:
        return Asked(name, (store.get(name),))
    except UsageError as error:
        raise UsageError(
            f"there is no baseline '{name}', and {error}",
            hint="`hil baseline list` and `hil history` list them",
        ) from error


def write(view: ReportView, form: str, out: str | None, name: str) -> Path | None:
    """Write the report; return its path, or None where it went to stdout."""
    from hil.report import render, write_text

    text = render(view, form)
    if out == STDOUT:
        typer.echo(text, nl=False)
        return None
    return write_text(text, Path(out) if out else Path(f"{name}.{form}"))


def _select(store: Store, last: int, model: str | None, profile: str | None) -> list[RunRecord]:
    """Return the last so many runs that match, the oldest first.

    Raises:
        UsageError: there is none.
    """
    from hil.errors import UsageError

    found = store.find(model_name=model, profile=profile, limit=last)
    if not found:
        asked = [f"of model '{model}'"] * bool(model) + [f"on profile '{profile}'"] * bool(profile)
        what = " ".join(["no run", *asked])
        raise UsageError(
            f"there is {what} in {store.label}",
            hint="`hil history` lists the runs; `hil run MODEL.tflite` adds one",
        )
    return store.load([summary.run_id for summary in reversed(found)])


def _show(path: Path, records: list[RunRecord], view: ReportView, *, as_json: bool) -> None:
    if not as_json:
        typer.echo(path)
        return
    comparisons: list[dict[str, Any]] = [
        {
            "title": case.title,
            "baseline": next((c.run.run_id for c in case.columns if c.is_baseline), None),
            "why": case.why,
            "verdicts": [judged.headline.text for judged in case.verdicts],
        }
        for case in view.comparisons
    ]
    runs = [{"run_id": record.run_id, "status": record.status} for record in records]
    output.emit_json(SCHEMA, "ok", {"path": path, "runs": runs, "comparisons": comparisons})


def _open(path: Path) -> None:
    import webbrowser

    if not webbrowser.open(path.as_uri()):
        output.note(f"no browser could be started; open {path}")
