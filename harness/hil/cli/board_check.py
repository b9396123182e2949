"""``hil board check``: what of a board works, link by link."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.cli.board_options import parse_wait
from hil.cli.options import JsonOption
from hil.errors import RunFailed, UsageError

if TYPE_CHECKING:
    from hil.bench.board_check import Checked


def check(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the board.")],
    flash: Annotated[
        bool, typer.Option("--flash", help="Write a small firmware; without it nothing is written.")
    ] = False,
    model: Annotated[
        Path | None,
        typer.Option(
            "--model", metavar="MODEL", help="With --flash: write the firmware of this .tflite."
        ),
    ] = None,
    timeout: Annotated[
        float, typer.Option("--timeout", metavar="SECONDS", min=0.1, help="Limit of one answer.")
    ] = 10.0,
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="SECONDS|forever",
            help="How long to wait for a board in use (default: not at all).",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Try every link from boards.toml to the running firmware.

    Entry, lock, meter, port, permission, flasher, probe, flash (with --flash), answer, firmware,
    clock, cycle counter, memory, window pin: each is ok, failed with what to do, or skipped. Exit
    code 0: none failed; else that of the first failure: 2 configuration, 3 the board, 4 something
    is missing here.
    """
    from hil import settings
    from hil.bench.board_check import check as check_board
    from hil.tflite.model import Model

    if model is not None and not flash:
        raise UsageError("--model needs --flash", hint="add --flash, or leave --model out")
    settings.load()
    loaded = Model.read(model) if model is not None else None
    with output.progress(name) as shown:
        found = check_board(
            name,
            flash=flash,
            model=loaded,
            timeout_s=timeout,
            wait_s=parse_wait(wait) if wait is not None else 0.0,
            report=shown.show,
        )
    _show(name, found, json)
    if found.error is not None:
        raise found.error


def _show(name: str, found: Checked, json: bool) -> None:
    failed = [link for link in found.links if link.state == "failed"]
    if json:
        status = "ok" if not failed else "failed" if isinstance(found.error, RunFailed) else "error"
        errors = [{"message": f"{one.name}: {one.detail}", "hint": one.hint} for one in failed]
        data = {"board": name, "links": found.links}
        output.emit_json("hil.board.check/1", status, data, errors)
        return
    output.print_table(
        ["", "link", output.Column("detail", fold=True)],
        [(link.state, link.name, link.detail) for link in found.links],
    )
    for link in failed[1:]:  # the first is shown as the command's error
        typer.echo(f"\n{link.name}: {link.hint}")
