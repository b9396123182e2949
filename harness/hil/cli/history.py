"""``hil history``: the runs in the database, newest first."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption, RunFilter, grouped

if TYPE_CHECKING:
    from hil.store import RunSummary

_SCHEMA = "hil.history/1"
_HEX = re.compile(r"[0-9a-fA-F]{6,64}")


@grouped
def history(
    which: RunFilter = RunFilter(),
    status: Annotated[
        Literal["passed", "failed", "error", "running", "interrupted"] | None,
        typer.Option("--status", help="Only runs with this status."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="Number of runs to show; 0 shows all.")
    ] = 20,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """List stored runs, newest first.

    A run whose process was killed is shown as interrupted.
    """
    runs = _find(db, which, status=status, limit=limit or None)
    if json:
        output.emit_json(_SCHEMA, "ok", {"runs": runs})
    elif runs:
        _show(runs)
    else:
        output.note("no runs match; run `hil run` first")


def _find(db: str | None, which: RunFilter, **filters: Any) -> list[RunSummary]:
    """Query the store; a model is a name or, where none has it, the beginning of a SHA-256."""
    filters |= {"profile": which.profile, "engine": which.engine, "since": which.since}
    with stores.reading(db) as store:
        if store is None:
            return []
        found = store.find(model_name=which.model, **filters)
        if not found and which.model is not None and _HEX.fullmatch(which.model):
            found = store.find(model_sha256=which.model, **filters)
        return found


def _show(runs: list[RunSummary]) -> None:
    left = ("run", "when", "status", "profile", "model", "engine", "target")
    columns = [*left, *output.headline_columns()]
    output.print_table(columns, [_row(run) for run in runs])
    if not all(run.machine_exact for run in runs):
        output.note("* a substitute for the chip's own machine")


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
    return f"{datetime.fromisoformat(iso).astimezone():%Y-%m-%d %H:%M}"
