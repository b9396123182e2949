"""``hil site``: the history of all stored runs as static pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import output, stores
from hil.cli.options import BaselineOption, DbOption, JsonOption, ReproducibleOption, SinceOption

if TYPE_CHECKING:
    from hil.report.site.build import Built
    from hil.report.site.series import Event

app = typer.Typer()

SCHEMA = "hil.site.build/1"


@app.callback()
def _site() -> None:
    """Build a site of all stored runs."""


@app.command("build")
def build(
    out: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="DIR", help="Folder of the site."),
    ] = Path("hil-site"),
    since: SinceOption = None,
    baseline: BaselineOption = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Title of the site (default: Benchmarks).")
    ] = None,
    runs: Annotated[
        Literal["all", "steps", "none"],
        typer.Option(
            "--runs",
            help="Which runs get a page of their own: the newest of each series and those beside "
            "its newest steps, all, or none.",
        ),
    ] = "steps",
    url: Annotated[
        str,
        typer.Option(
            "--url",
            metavar="URL",
            help="Where the site will be published, for absolute links in the feed.",
        ),
    ] = "",
    reproducible: ReproducibleOption = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Build static pages of the history of all stored runs, or update them.

    An index with the last values beside the baseline's (without one, those of the first run of
    each series), a page with the history of each model and profile, pages of
    single runs, and a feed of regressions. Everything works offline. Pages that have not changed
    are not made again; files of others in DIR are left alone. The path of the index is printed.
    """
    from hil import settings as configuration
    from hil.report.site.build import DEFAULT_TITLE, Wanted
    from hil.report.site.build import build as build_site

    wanted = Wanted(
        title=title or DEFAULT_TITLE,
        since=since,
        baseline=baseline or configuration.load(db=db).gate.baseline,
        runs=runs,
        url=url,
        reproducible=reproducible,
    )
    with (
        stores.opened(db, read_only=True) as store,
        output.progress("site", quiet=json) as shown,
    ):
        built = build_site(store, out, wanted, lambda done, total: shown.stage("page", done, total))
    _show(built, as_json=json)


def _show(built: Built, *, as_json: bool) -> None:
    done = built.files
    if not as_json:
        output.note(
            f"{built.runs} runs in {built.series} series, {len(built.regressions)} regressions: "
            f"{len(done.written)} pages written, {len(done.unchanged)} unchanged, "
            f"{len(done.removed)} removed"
        )
        typer.echo(built.index)
        return
    data = {
        "path": built.index,
        "runs": built.runs,
        "series": built.series,
        "written": done.written,
        "unchanged": len(done.unchanged),
        "removed": done.removed,
        "regressions": len(built.regressions),
        "events": [_event(event) for event in built.events],
    }
    output.emit_json(SCHEMA, "ok", data)


def _event(event: Event) -> dict[str, Any]:
    """A step or a failure as data."""
    from hil.report.site.names import trend_page
    from hil.report.site.wording import event_text, event_word

    figures = {
        change.figure.name: {
            "before": change.step.old,
            "after": change.step.new,
            "change_pct": None if change.step.change is None else 100 * change.step.change,
            "unit": change.unit,
            "worse": change.worse,
        }
        for change in event.changes
    }
    return {
        **event.kind._asdict(),
        "word": event_word(event),
        "text": event_text(event).replace("\u00a0", " "),
        "before": event.before.run_id,
        "after": event.after.run_id,
        "page": trend_page(event.kind.model, event.kind.profile),
        "figures": figures,
    }
