"""``hil board scan``: entries of ``boards.toml`` for what is attached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.cli.board_virtual import add_command
from hil.cli.options import JsonOption

if TYPE_CHECKING:
    from hil.targets.board.scan import Found

_MOST_NAMED = 10


def scan(
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Device profile of the boards to propose; without it one is guessed.",
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Propose an entry of boards.toml for each attached board.

    Looked at are the serial ports of this computer, and the places of a labgrid farm where
    labgrid-client is installed. What is printed can be appended to boards.toml; each entry comes
    with the command that adds it instead. Nothing is changed, and no port is opened.
    """
    from hil import boards, settings
    from hil.targets.board import scan as scanning

    settings.load()
    with output.progress() as shown:
        shown.show("looking for boards")
        ports = scanning.attached(profile)
        places, problem = scanning.farm(profile)
    if json:
        data = {
            "file": boards.boards_file(),
            "ports": [_data(one) for one in ports],
            "places": [_data(one) for one in places],
            "labgrid": problem,
        }
        output.emit_json("hil.board.scan/1", "ok", data)
        return
    if problem:
        output.note(f"note: {problem}")
    if not ports and not places:
        typer.echo("# no serial ports")
    for one in [*ports, *places]:
        typer.echo("\n".join(_lines(one)) + "\n")


def _data(found: Found) -> dict[str, object]:
    from hil import boards

    board = found.board
    return {
        "where": found.where,
        "title": found.title,
        "usb": found.usb,
        "kind": found.kind,
        "configured": found.configured,
        "note": found.note,
        "profiles": found.profiles,
        "board": None if board is None else {"name": board.name, **board.model_dump(mode="json")},
        "command": "" if board is None else add_command(board),
        "toml": "" if board is None else boards.to_toml(board),
    }


def _lines(found: Found) -> Sequence[str]:
    """TOML, with everything else as comments."""
    from hil import boards

    usb = f" (USB {found.usb})" if found.usb else ""
    lines = [f"# {found.where}: {found.title}{usb}, {found.kind}"]
    if found.configured:
        lines.append(f"# in boards.toml already: {found.configured}")
    if found.note:
        lines.append(f"# {found.note}")
    if len(found.profiles) > 1:
        named = ", ".join(found.profiles[:_MOST_NAMED])
        lines.append(f"# the profile is a guess; correct it, or scan with --profile: {named}")
    if found.board is not None:
        lines += [f"# {add_command(found.board)}", boards.to_toml(found.board).rstrip()]
    return [line.replace("\n", " ") if line.startswith("#") else line for line in lines]
