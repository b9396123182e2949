"""``hil baseline``: named sets of runs that others are compared with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output, stores
from hil.cli.options import DbOption, JsonOption, LatestFilter, grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hil.records import RunRecord
    from hil.store import Store
    from hil.store.baselines import MemberHead

app = typer.Typer()

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the baseline.")]
ReplaceOption = Annotated[
    bool,
    typer.Option("--replace", help="Remove the runs that the baseline has now."),
]


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
    replace: ReplaceOption = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Add runs to the baseline NAME, which need not exist yet.

    A baseline has at most one run of a kind (model, profile, target, engine): a run replaces the
    one of its kind. A baseline contains copies: deleting a run does not change it.
    """
    from hil.gate import baselines, exchange

    which = filters.filter(runs, "passed")
    exchange.check_name(name)
    with stores.opened(db) as store:
        chosen = baselines.chosen(store, runs or (), which)
        _put(store, "set", name, chosen, replace=replace, as_json=json)


@app.command("list")
def list_baselines(db: DbOption = None, json: JsonOption = False) -> None:
    """List the stored baselines and those that ship with hil."""
    from hil.gate import baselines

    with stores.reading(db) as store:
        found = baselines.summaries(store)
    if json:
        output.emit_json("hil.baseline.list/1", "ok", {"baselines": found})
        return
    columns = ("name", "origin", ">runs", "models", "profiles", "engines")
    output.print_table(
        columns,
        [
            (
                *(one.name, one.origin, str(one.runs)),
                *(", ".join(texts) for texts in (one.models, one.profiles, one.engines)),
            )
            for one in found
        ],
    )


@app.command("show")
def show(name: NameArgument, db: DbOption = None, json: JsonOption = False) -> None:
    """Show the runs of a baseline."""
    from hil.gate import baselines
    from hil.report.output.run_json import run_data

    with stores.reading(db) as store:
        found = baselines.find(store, name)
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
            help="Where to write (default: NAME.json); '-' is stdout.",
        ),
    ] = None,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Write a baseline as a file that `hil baseline import` reads.

    It contains its runs completely, except the folders of this host, one measurement a line. A file
    that holds the same runs already stays as it is.
    """
    from hil.errors import UsageError
    from hil.gate import baselines, exchange

    path = out or Path(f"{name}.json")
    if json and str(path) == "-":
        raise UsageError("--output - and --json both write to stdout", hint="leave one of them out")
    with stores.reading(db) as store:
        runs = [one.run for one in baselines.find(store, name)]
    if str(path) == "-":
        sys.stdout.write(exchange.dumps(name, runs))
        return
    text = exchange.dumps(name, runs, exchange.text_of(path))
    output.write_file(path, text, "--output")
    if json:
        output.emit_json("hil.baseline.export/1", "ok", {"name": name, "path": path})
    else:
        typer.echo(path)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An exported baseline.")],
    name: Annotated[
        str | None,
        typer.Option(
            "--name", metavar="NAME", help="Name of the baseline instead of the one in the file."
        ),
    ] = None,
    replace: ReplaceOption = False,
    db: DbOption = None,
    json: JsonOption = False,
) -> None:
    """Read an exported baseline into the database.

    If a baseline of this name exists, a run replaces the one of its kind. A file that was changed,
    or that a newer version wrote, is rejected.
    """
    from hil.gate import exchange

    own_name, runs = exchange.read(file)
    called = exchange.check_name(name or own_name)
    with stores.opened(db, create=True) as store:
        _put(store, "import", called, runs, replace=replace, as_json=json)


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
    from hil.gate import baselines

    with stores.opened(db) as store:
        removed, before = baselines.remove(store, name, runs or ())
    if json:
        output.emit_json("hil.baseline.remove/1", "ok", {"name": name, "removed": removed})
    else:
        typer.echo(f"removed {removed} of {before} runs of '{name}'")


def _put(
    store: Store,
    command: str,
    name: str,
    runs: list[RunRecord],
    *,
    replace: bool,
    as_json: bool,
) -> None:
    """Store the runs and show what became of the baseline."""
    before = len(store.baselines.heads(name=name))
    replaced = store.baselines.put(name, runs, only=replace)
    heads = store.baselines.heads(name=name)
    for text in _models_of_one_name(heads):
        output.note(f"note: {text}")
    if as_json:
        data = {"name": name, "runs": [run.run_id for run in runs], "replaced": replaced}
        output.emit_json(f"hil.baseline.{command}/1", "ok", data)
        return
    _show_runs(runs)
    if replace:
        others = f", {before} removed" * bool(before)
        added = len(runs)
    else:
        kept = len(heads) - len(runs)
        others = f", {replaced} replaced" * bool(replaced) + f", {kept} kept" * bool(kept)
        added = len(runs) - replaced
    typer.echo(f"baseline '{name}': {added} run{'s' * (added != 1)} added{others}")


def _models_of_one_name(heads: Sequence[MemberHead]) -> list[str]:
    """Say which names are ambiguous: the gate cannot find the predecessor of a new model."""
    places: dict[tuple[str, str, str, str], list[str]] = {}
    for head in heads:
        slot = head.slot
        place = head.model_name, slot.profile_name, slot.target, slot.engine
        places.setdefault(place, []).append(slot.model_sha256[:12])
    return [
        f"the baseline has {len(hashes)} models named '{model}' on {profile}, {engine} "
        f"({', '.join(sorted(hashes))}); `hil baseline remove` or --replace removes old ones"
        for (model, profile, _, engine), hashes in places.items()
        if len(hashes) > 1
    ]


def _show_runs(runs: Sequence[RunRecord]) -> None:
    output.print_table(
        ["run", "model", "profile", "target", "engine", *output.headline_columns()],
        [
            (
                run.run_id,
                run.model.name if run.model else "-",
                run.profile_name,
                f"{run.target} {run.machine}",
                run.engine,
                *output.headline_cells(run.measurements),
            )
            for run in runs
        ],
    )
