"""``hil history``: the runs in the database, newest first."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import output
from hil.cli.options import (
    DbOption,
    EngineFilter,
    JsonOption,
    ModelFilter,
    ProfileFilter,
    SinceFilter,
)

if TYPE_CHECKING:
    from hil.settings import Settings
    from hil.store import RunSummary

_SCHEMA = "hil.history/1"
_AGO = re.compile(r"(\d+)\s*(m|h|d|w)")
_AGO_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_HEX = re.compile(r"[0-9a-fA-F]{6,64}")


def history(
    model: ModelFilter = None,
    profile: ProfileFilter = None,
    engine: EngineFilter = None,
    status: Annotated[
        Literal["passed", "failed", "error", "running", "interrupted"] | None,
        typer.Option("--status", help="Only runs that ended so."),
    ] = None,
    since: SinceFilter = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="At most so many; 0 shows all.")
    ] = 20,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """List stored runs, newest first.

    A run whose process was killed is shown as interrupted.
    """
    from hil import settings as configuration

    earliest = moment(since) if since is not None else None
    runs = _find(
        configuration.load(db=db),
        model,
        profile=profile,
        engine=engine,
        status=status,
        since=earliest,
        limit=limit or None,
    )
    if json:
        output.emit_json(_SCHEMA, "ok", {"runs": runs})
    elif runs:
        _show(runs)
    else:
        output.note("no runs match; `hil run` makes one")


def _find(settings: Settings, model: str | None, **filters: Any) -> list[RunSummary]:
    """Query the store; the default database that no run has made yet simply has no runs."""
    from hil.store import Store
    from hil.store.database import locate

    file = locate(settings.db).file
    if settings.db is None and file is not None and not file.exists():
        return []
    with Store.open(settings.db, read_only=True) as store:
        found = store.find(model_name=model, **filters)
        if not found and model is not None and _HEX.fullmatch(model):
            found = store.find(model_sha256=model, **filters)
        return found


def _show(runs: list[RunSummary]) -> None:
    words = ("run", "when", "status", "profile", "model", "engine", "target")
    columns = [*map(output.Column, words), *output.headline_columns()]
    output.print_table(columns, [_row(run) for run in runs])
    if not all(run.machine_exact for run in runs):
        output.note("* a machine of the same core stands in for the chip")


def _row(run: RunSummary) -> tuple[str, ...]:
    stand_in = "" if run.machine_exact else "*"
    return (
        run.run_id,
        _local_time(run.started_at),
        run.status,
        run.profile_name,
        f"{run.model.name} ({run.model.dtype})" if run.model else "-",
        run.engine,
        f"{run.target} {run.machine}{stand_in}",
        *output.headline_cells(run.measurements),
    )


def _local_time(iso: str) -> str:
    moment = datetime.fromisoformat(iso)
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"


def moment(text: str) -> datetime:
    """Understand ``--since``; a date or time without a zone is local time."""
    from hil.errors import UsageError

    try:
        if ago := _AGO.fullmatch(text.strip()):
            return datetime.now(UTC) - timedelta(**{_AGO_UNITS[ago[2]]: int(ago[1])})
        return datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--since does not understand '{text}'",
            hint="write a date (2026-01-31), a time (2026-01-31T12:00) or how long ago (12h, 7d)",
        ) from error
