"""``hil baseline``: named sets of runs that others are compared with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption, LatestFilter, grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.gate.baselines import BaselineRun, Member
    from hil.records import RunRecord
    from hil.store import Store

app = typer.Typer()

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the baseline.")]


@app.command("set")
@grouped
def set_runs(
    name: NameArgument,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN",
            help="Run ids, beginnings of ids, 'latest' or 'latest~N'. Without any: the latest run "
            "of each kind that passed.",
        ),
    ] = None,
    filters: LatestFilter = LatestFilter(),
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Add runs to the baseline NAME, which need not exist yet.

    A baseline has at most one run of a kind (model, profile, target, engine): a run takes the
    place of the one of its kind. Runs are kept whole, so they stay when they are deleted.
    """
    from hil.gate import exchange

    which = filters.filter(runs, "passed")
    exchange.check_name(name)
    with stores.opened(db) as store:
        chosen = _named(store, runs) if runs else _latest(store, which)
        before = {head.slot for head in store.baselines.heads(name=name)}
        store.baselines.put(name, chosen)
    _show_put("set", name, chosen, before, as_json=json)


@app.command("list")
def list_baselines(db: DbOption = None, json: JsonOption = False) -> None:
    """List the stored baselines and those that ship with hil."""
    from hil.gate import baselines

    with stores.reading(db) as store:
        found = baselines.members(store)
    rows = _summaries(found)
    if json:
        output.emit_json("hil.baseline.list/1", "ok", {"baselines": rows})
        return
    columns = ("name", "origin", output.Column("runs", right=True), "models", "profiles", "engines")
    words = ("models", "profiles", "engines")
    output.print_table(
        columns,
        [
            (row["name"], row["origin"], str(row["runs"]), *(", ".join(row[w]) for w in words))
            for row in rows
        ],
    )


@app.command("show")
def show(name: NameArgument, db: DbOption = None, json: JsonOption = False) -> None:
    """Show the runs of a baseline."""
    from hil.report.output.run_json import run_data

    with stores.reading(db) as store:
        found = _load(store, name)
    if json:
        data = {
            "name": name,
            "origin": found[0].origin,
            "runs": [run_data(one.run) for one in found],
        }
        output.emit_json("hil.baseline.show/1", "ok", data)
        return
    typer.echo(f"{name}: {found[0].origin}, {len(found)} runs")
    _show_runs([one.run for one in found])


@app.command("export")
def export(
    name: NameArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|-",
            help="Where to write; '-' is stdout. NAME.json unless told otherwise.",
        ),
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Write a baseline as a file that `hil baseline import` reads.

    It holds everything of its runs but the folders of this machine.
    """
    from hil.errors import UsageError
    from hil.gate import exchange

    path = out or Path(f"{name}.json")
    if json and str(path) == "-":
        raise UsageError("--output - and --json both want stdout", hint="leave one of them out")
    with stores.reading(db) as store:
        runs = [one.run for one in _load(store, name)]
    text = exchange.dumps(name, runs)
    if str(path) == "-":
        sys.stdout.write(text)
        return
    _write(path, text)
    if json:
        output.emit_json("hil.baseline.export/1", "ok", {"name": name, "path": path})
    else:
        typer.echo(path)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An exported baseline.")],
    name: Annotated[
        str | None,
        typer.Option("--name", metavar="NAME", help="Call it so instead of by its own name."),
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Read an exported baseline into the database.

    Where a baseline of its name is there, runs take the places of those of their kind. A file that
    was changed, or that a newer version wrote, is refused.
    """
    from hil.gate import exchange

    own_name, runs = exchange.read(file)
    called = exchange.check_name(name or own_name)
    with stores.opened(db, create=True) as store:
        before = {head.slot for head in store.baselines.heads(name=called)}
        store.baselines.put(called, runs)
    _show_put("import", called, runs, before, as_json=json)


@app.command("remove")
def remove(
    name: NameArgument,
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN", help="Only these runs, by their ids as `hil baseline show` lists them."
        ),
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Remove a stored baseline, or some of its runs.

    The runs stay in the history.
    """
    from hil.errors import UsageError

    with stores.opened(db) as store:
        there = {head.run_id for head in store.baselines.heads(name=name)}
        if not there:
            raise _no_such(store, name)
        if unknown := sorted(set(runs or ()) - there):
            raise UsageError(
                f"the baseline '{name}' has no run {', '.join(unknown)}",
                hint=f"`hil baseline show {name}` lists its runs",
            )
        removed = store.baselines.take_away(name, runs or None)
    if json:
        output.emit_json("hil.baseline.remove/1", "ok", {"name": name, "removed": removed})
    else:
        typer.echo(f"removed {removed} of {len(there)} runs of '{name}'")


def _named(store: Store, names: Sequence[str]) -> list[RunRecord]:
    """The runs called so, each fit for a baseline, no two of a kind."""
    from hil.cli.report import find_run
    from hil.errors import UsageError
    from hil.gate.exchange import check_run
    from hil.store.baselines import Slot, slot_of

    chosen: dict[Slot, RunRecord] = {}
    for name in names:
        run = check_run(find_run(store, name))
        other = chosen.setdefault(slot_of(run), run)
        if other.run_id != run.run_id:
            raise UsageError(
                f"{other.run_id} and {run.run_id} are of one kind: the same model, profile, target "
                "and engine",
                hint="a baseline has one run of a kind; leave one of them out",
            )
    return list(chosen.values())


def _latest(store: Store, which: Any) -> list[RunRecord]:
    from hil.errors import UsageError
    from hil.gate.exchange import check_run
    from hil.store.latest import latest

    found = latest(store, which)
    if not found:
        raise UsageError(
            f"no run in {store.label} passed that the filters take",
            hint="`hil history --status passed` lists those there are",
        )
    return [check_run(run) for run in found]


def _load(store: Store | None, name: str) -> list[BaselineRun]:
    from hil.gate import baselines

    found = baselines.members(store, name=name)
    if not found:
        raise _no_such(store, name)
    origin = found[0].origin
    runs = baselines.load(store, name, origin)
    return [baselines.BaselineRun(name, runs[member.head.slot], origin) for member in found]


def _no_such(store: Store | None, name: str) -> Any:
    from hil.errors import UsageError, did_you_mean
    from hil.gate import baselines

    found = {member.head.name: member.origin for member in baselines.members(store)}
    if found.get(name) == "shipped":
        return UsageError(
            f"the baseline '{name}' comes with hil and cannot be changed",
            hint=f"a stored one of its name takes its place: `hil baseline set {name} …`",
        )
    guess = did_you_mean(name, found)
    return UsageError(
        f"there is no baseline '{name}'", hint=f"{guess}`hil baseline list` lists all"
    )


def _summaries(found: Sequence[Member]) -> list[dict[str, Any]]:
    by_name: dict[str, list[Member]] = {}
    for member in found:
        by_name.setdefault(member.head.name, []).append(member)
    return [
        {
            "name": name,
            "origin": members[0].origin,
            "runs": len(members),
            "models": sorted({m.head.model_name for m in members}),
            "profiles": sorted({m.head.slot.profile_name for m in members}),
            "engines": sorted({m.head.slot.engine for m in members}),
        }
        for name, members in by_name.items()
    ]


def _show_put(
    command: str, name: str, runs: list[RunRecord], before: Any, *, as_json: bool
) -> None:
    from hil.store.baselines import slot_of

    replaced = sum(slot_of(run) in before for run in runs)
    if as_json:
        data = {"name": name, "runs": [run.run_id for run in runs], "replaced": replaced}
        output.emit_json(f"hil.baseline.{command}/1", "ok", data)
        return
    _show_runs(runs)
    kept = len(before) - replaced
    others = f", {replaced} replaced" * bool(replaced) + f", {kept} kept" * bool(kept)
    added = len(runs) - replaced
    typer.echo(f"baseline '{name}': {added} run{'s' * (added != 1)} added{others}")


def _show_runs(runs: Sequence[RunRecord]) -> None:
    rows = []
    for run in runs:
        rows.append(
            (
                run.run_id,
                run.model.name if run.model else "-",
                run.profile_name,
                f"{run.target} {run.machine}",
                run.engine,
                *output.headline_cells(run.measurements),
            )
        )
    words = map(output.Column, ("run", "model", "profile", "target", "engine"))
    output.print_table([*words, *output.headline_columns()], rows)


def _write(path: Path, text: str) -> None:
    from hil.errors import UsageError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint="name another file with --output"
        ) from error
