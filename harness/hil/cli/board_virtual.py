"""``hil board virtual``: an emulated board, in the foreground."""

from __future__ import annotations

import contextlib
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hil.cli import output
from hil.cli.options import JsonOption, ProfileOption, required_profiles
from hil.errors import HilError, UsageError

if TYPE_CHECKING:
    from hil.boards import Board
    from hil.settings import Settings
    from hil.targets.interface import EmulatedBoard

_NAME = "virtual"


def virtual(
    profile: ProfileOption = None,
    machine: Annotated[
        str | None,
        typer.Option(
            "--machine", metavar="NAME", help="The emulator's machine, instead of the default one."
        ),
    ] = None,
    add: Annotated[
        str | None,
        typer.Option(
            "--add", metavar="NAME", help="Add the board to boards.toml until the command ends."
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Emulate a board until Ctrl-C or SIGTERM.

    The board is an emulator's machine with an empty flash, a serial port (a pseudo-terminal) and a
    gdb server that flashes it. It is used as any other board; what is measured on it is never of
    the kind `measured`. With --json one line says where it is.
    """
    from hil import boards, settings
    from hil.targets.registry import board_emulator

    values = settings.load(profile=profile)
    if add is not None:
        boards.check_name(add)
    (chosen,) = required_profiles(values)
    emulator = board_emulator()
    platform = emulator.virtual_platform(chosen, machine)
    try:
        with emulator.virtual_board(platform) as running:
            board = _entry(add or _NAME, values, machine, running)
            with _added(board) if add is not None else contextlib.nullcontext():
                _show(board, running, added=add is not None, as_json=json)
                running.wait()
    except KeyboardInterrupt:  # the way to end it
        output.note("virtual board ended")


def _entry(name: str, values: Settings, machine: str | None, running: EmulatedBoard) -> Board:
    """The board as ``boards.toml`` has it."""
    from hil.boards import Board, FlasherSetup

    profile = values.profile
    assert profile is not None
    if "/" in profile or profile.endswith(".toml"):
        profile = str(Path(profile).absolute())
    flasher = FlasherSetup(name="gdb", options={"server": running.server})
    return Board(
        name=name,
        profile=profile,
        port=running.port,
        flasher=flasher,
        virtual=True,
        machine=machine,
    )


@contextlib.contextmanager
def _added(board: Board) -> Iterator[None]:
    """Have the board in ``boards.toml`` meanwhile; one that an earlier call left is replaced.

    Raises:
        UsageError: there is a board of that name that is not virtual; as :func:`boards.save`.
        MissingTool: as :func:`boards.save`.
    """
    from hil import boards

    existing = boards.load_all().get(board.name)
    if existing is not None and not existing.virtual:
        raise UsageError(
            f"there is another board '{board.name}' in {boards.boards_file()}",
            hint="choose another name; only a virtual board is replaced",
        )
    boards.save(board, replace=True)
    try:
        yield
    finally:
        with contextlib.suppress(HilError):  # removed or changed meanwhile
            if boards.load(board.name) == board:
                boards.remove(board.name)


def _show(board: Board, running: EmulatedBoard, *, added: bool, as_json: bool) -> None:
    """Say where the board is; at once, because others wait for it."""
    from hil import boards

    command = add_command(board)
    platform = running.platform
    if as_json:
        data = {
            "board": {"name": board.name, **board.model_dump(mode="json", exclude={"name"})},
            "added": added,
            "machine": platform.machine,
            "port": running.port,
            "server": running.server,
            "command": command,
        }
        output.emit_json("hil.board.virtual/1", "ok", data, line=True)
    else:
        typer.echo(
            f"virtual board of {board.profile}: {platform.machine} on {running.port}, "
            f"gdb server {running.server}"
        )
        if added:
            typer.echo(f"board '{board.name}' written to {boards.boards_file()} until this ends")
        else:
            typer.echo(f"add it with: {command}")
        typer.echo("Ctrl-C ends it")
    sys.stdout.flush()


def add_command(board: Board) -> str:
    """Return the command that adds the board."""
    words = ["hil", "board", "add", board.name, *(["--virtual"] if board.virtual else [])]
    for option, value in (
        ("--profile", board.profile),
        ("--port", board.port),
        ("--usb", board.usb),
        ("--place", board.place),
        ("--flasher", board.flasher.name),
        ("--probe", board.flasher.probe),
        *(("--option", f"{name}={value}") for name, value in board.flasher.options.items()),
        ("--machine", board.machine),
    ):
        words += [option, str(value)] if value is not None else []
    return shlex.join(words)
