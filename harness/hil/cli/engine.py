"""``hil engine``: adds, lists, checks and removes prebuilt engines, such as TFLM."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from hil.cli import output
from hil.cli.board_options import BoardOptions
from hil.cli.options import JsonOption, TargetOptions, grouped
from hil.errors import exit_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hil.records import RunRecord

app = typer.Typer()

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="The engine's name.")]


@app.command()
def add(
    kind: Annotated[Literal["tflm"], typer.Argument(metavar="KIND", help="Kind of engine: tflm.")],
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="Name of the engine, such as tflm-cmsis."),
    ],
    library: Annotated[
        Path,
        typer.Option(
            "--lib", metavar="FILE", help="libtensorflow-microlite.a, built for the core."
        ),
    ],
    include: Annotated[
        list[Path],
        typer.Option(
            "--include",
            metavar="DIR",
            help="Include folder: TFLM's root, flatbuffers/include, gemmlowp. Give it for each.",
        ),
    ],
    core: Annotated[
        str,
        typer.Option("--core", metavar="NAME", help="The core it was built for, as cortex-m4."),
    ],
    define: Annotated[
        list[str] | None,
        typer.Option(
            "--define",
            metavar="NAME[=VALUE]",
            help="A definition that its headers need; TF_LITE_STATIC_MEMORY is always set.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Add a prebuilt library and its include folders as an engine.

    Nothing is copied. Core, float ABI, schema version and symbols are read from the files, which
    must fit each other. An engine of the same name is replaced.
    """
    from hil.engines.registry import installed_names
    from hil.engines.tflm import installed
    from hil.engines.tflm import library as tflm

    entry = tflm.inspect(name, library, include, core, define or (), taken=installed_names())
    replaced = installed.add(entry)
    if json:
        output.emit_json("hil.engine.add/1", "ok", {**entry.facts(), "replaced": replaced})
        return
    typer.echo(f"{'replaced' if replaced else 'added'} engine {name}")
    _show(entry.facts())
    typer.echo(f"next: hil engine check {name}")


@app.command("list")
def list_engines(json: JsonOption = False) -> None:
    """List the installed and the added engines."""
    from hil.engines.registry import families, installed_names

    added = [family.facts(name) for family in families() for name in family.names()]
    if json:
        data = {"own": installed_names(), "added": added}
        output.emit_json("hil.engine.list/1", "ok", data)
        return
    rows = [[name, "installed", "", "", "", ""] for name in installed_names()]
    for facts in added:
        short = {**facts, "library_sha256": str(facts.get("library_sha256", ""))[:12]}
        keys = ("name", "kind", "core", "kernels", "library_sha256", "library")
        rows.append([str(short.get(key, "")) for key in keys])
    output.print_table(
        ["engine", "kind", "core", "kernels", "sha256", output.Column("library", fold=True)], rows
    )


@app.command()
def show(name: NameArgument, json: JsonOption = False) -> None:
    """Show the facts of an added engine."""
    from hil.engines.registry import family_of

    facts = family_of(name).facts(name)
    if json:
        output.emit_json("hil.engine.show/1", "ok", facts)
        return
    typer.echo(name)
    _show(facts)


@app.command()
@grouped
def check(
    name: NameArgument,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Device to run on (default: the first of the engine's core).",
        ),
    ] = None,
    board: BoardOptions = BoardOptions(),
    tools: TargetOptions = TargetOptions(),
    json: JsonOption = False,
) -> None:
    """Run a model of one op with the engine and compare outputs.

    Exit code 0: it works; 2: library or headers changed; 3: it does not link, run or compute.
    """
    from hil import boards
    from hil import settings as configuration
    from hil.bench.engine_check import check_engine
    from hil.report.output.run_json import run_data, run_errors

    settings = configuration.load(**board.over(tools))
    if board.board is not None:
        profile = profile or boards.load(board.board).profile
    record = check_engine(name, profile, settings.target, board.board, wait_s=board.wait_s)
    if json:
        output.emit_json("hil.engine.check/1", record.status, run_data(record), run_errors(record))
    else:
        _show_check(name, record)
    for problem in record.errors:
        output.error(problem.message, problem.hint)
    if record.errors:
        raise typer.Exit(exit_code(problem.kind for problem in record.errors))


@app.command()
def remove(name: NameArgument, json: JsonOption = False) -> None:
    """Remove an added engine.

    Its library and the stored runs are not touched.
    """
    from hil.engines.registry import family_of

    family = family_of(name)
    facts = family.facts(name)
    family.remove(name)
    if json:
        output.emit_json("hil.engine.remove/1", "ok", facts)
        return
    typer.echo(f"removed engine {name}")


def _show(facts: Mapping[str, Any]) -> None:
    rows = {
        "library": f"{facts['library']} ({output.format_bytes(facts['library_bytes'])})",
        "sha256": facts["library_sha256"],
        "core": f"{facts['core']}, {facts['float_abi']} float ABI",
        "kernels": f"{facts['kernels']}, {facts['functions']} registration functions",
        "schema": f"{facts['schema_version']}, flatbuffers {facts['flatbuffers_version']}",
        "compiler": facts["compiler"] or "not said",
        "include": ", ".join(facts["include_dirs"]),
        "defines": " ".join(facts["defines"]),
        "added": facts["added_at"],
    }
    for title, value in rows.items():
        if value:
            typer.echo(f"  {title:<9} {value}")


def _show_check(name: str, record: RunRecord) -> None:
    if record.status != "passed":
        typer.echo(f"{record.status}: engine {name} on {record.profile_name} [{record.machine}]")
        return
    figures = record.measurements
    assert record.check is not None
    typer.echo(
        f"passed: engine {name} on {record.profile_name} [{record.machine}]: one op linked and "
        f"ran, outputs equal to {record.check.reference}"
    )
    output.print_figures(
        {n: figures[n] for n in ("instructions", "flash_bytes", "arena_bytes") if n in figures}
    )
