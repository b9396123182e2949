"""``hil board``: the boards that are attached to this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli import board_check, board_scan, board_virtual, output
from hil.cli.options import JsonOption
from hil.errors import MissingTool, ProfileError, UsageError

if TYPE_CHECKING:
    from hil.boards import Board

app = typer.Typer()
app.command("scan")(board_scan.scan)
app.command("check")(board_check.check)
app.command("virtual")(board_virtual.virtual)

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="Name of the board.")]


@app.command("list")
def list_boards(json: JsonOption = False) -> None:
    """List the boards of boards.toml."""
    from hil import boards

    _settings()
    found = [(board, _problem(board)) for board in boards.load_all().values()]
    if json:
        data = [{**_data(board), "problem": problem} for board, problem in found]
        output.emit_json("hil.board.list/1", "ok", {"file": boards.boards_file(), "boards": data})
        return
    if not found:
        typer.echo(f"no boards in {boards.boards_file()}; `hil board scan` shows what is attached")
        return
    output.print_table(
        ["board", "profile", "port", "flasher", "meter", output.Column("note", fold=True)],
        [
            (
                board.name,
                board.profile,
                boards.where(board),
                board.flasher.name or "-",
                board.meter.name if board.meter else "-",
                problem or ("virtual" if board.virtual else ""),
            )
            for board, problem in found
        ],
    )


@app.command()
def add(
    name: NameArgument,
    profile: Annotated[
        str,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Device profile of the board. `hil profile list` shows them.",
        ),
    ],
    port: Annotated[
        str | None,
        typer.Option(
            "--port",
            metavar="TTY|URL",
            help="Serial port: /dev/ttyACM0, or a URL: socket://HOST:PORT, rfc2217://HOST:PORT.",
        ),
    ] = None,
    usb: Annotated[
        str | None,
        typer.Option(
            "--usb",
            metavar="VENDOR:PRODUCT[:SERIAL]",
            help="Serial port by its USB identity, whatever its number is.",
        ),
    ] = None,
    place: Annotated[
        str | None,
        typer.Option("--place", metavar="NAME", help="Place of a labgrid coordinator."),
    ] = None,
    baud: Annotated[
        int | None, typer.Option("--baud", help="Baud rate, where it is not the profile's.")
    ] = None,
    flasher: Annotated[
        str | None,
        typer.Option(
            "--flasher", metavar="NAME", help="How firmware is written (default: the profile's)."
        ),
    ] = None,
    probe: Annotated[
        str | None,
        typer.Option("--probe", metavar="SERIAL", help="Serial number of the debug probe."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Option of the flasher. Repeatable."),
    ] = None,
    meter: Annotated[
        str | None, typer.Option("--meter", metavar="NAME", help="Energy meter of the board.")
    ] = None,
    meter_option: Annotated[
        list[str] | None,
        typer.Option(
            "--meter-option", metavar="KEY=VALUE", help="Option of the meter. Repeatable."
        ),
    ] = None,
    volts: Annotated[
        float | None, typer.Option("--volts", help="Supply voltage at the meter.")
    ] = None,
    virtual: Annotated[
        bool,
        typer.Option("--virtual", help="The board is emulated: nothing counts as measured."),
    ] = False,
    machine: Annotated[
        str | None,
        typer.Option("--machine", metavar="NAME", help="The emulator's machine, with --virtual."),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Change the board of that name, if there is one.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Add a board to boards.toml.

    Give exactly one of --port, --usb and --place. Profile, flasher, meter and their options are
    validated; whether the board answers is what `hil board check NAME` finds out.
    """
    from hil import boards

    _settings()
    board = _board(
        name,
        {
            "profile": profile,
            "port": port,
            "usb": boards.parse_usb(usb) if usb else None,
            "place": place,
            "baud": baud,
            "flasher": {
                "name": flasher,
                "probe": probe,
                "options": _pairs(option, "--option"),
            },
            "meter": _meter(meter, volts, _pairs(meter_option, "--meter-option")),
            "virtual": virtual,
            "machine": machine,
        },
    )
    notes = _validate(board)
    changed = boards.save(board, replace=replace)
    file = boards.boards_file()
    if json:
        data = {"file": file, "changed": changed, "board": _data(board), "notes": notes}
        output.emit_json("hil.board.add/1", "ok", data)
        return
    for note in notes:
        output.note(f"note: {note}")
    typer.echo(f"board '{name}' {'written to' if changed else 'is already in'} {file}")
    typer.echo(f"next: hil board check {name} --flash")


@app.command()
def remove(name: NameArgument, json: JsonOption = False) -> None:
    """Remove a board from boards.toml."""
    from hil import boards

    _settings()
    removed = boards.remove(name)
    if json:
        data = {"file": boards.boards_file(), "board": _data(removed)}
        output.emit_json("hil.board.remove/1", "ok", data)
        return
    typer.echo(f"board '{name}' removed from {boards.boards_file()}")


def _settings() -> None:
    from hil import settings

    settings.load()  # the file of the boards, and the folder of calibrations, may be set in a file


def _data(board: Board) -> dict[str, Any]:
    return {"name": board.name, **board.model_dump(mode="json", exclude={"name"})}


def _problem(board: Board) -> str:
    """Why a board of the file cannot be used, '' where nothing is known."""
    from hil import devices

    try:
        devices.load(board.profile)
    except ProfileError as error:
        return error.message
    return ""


def _board(name: str, values: dict[str, Any]) -> Board:
    """Return a valid board of these values."""
    from hil import boards
    from hil.forms import validated

    boards.check_name(name)
    if sum(values[key] is not None for key in ("port", "usb", "place")) != 1:
        raise UsageError(
            "give exactly one of --port, --usb and --place",
            hint="`hil board scan` shows what is attached, with the command for each",
        )
    profile = values["profile"]
    if "/" in profile or profile.endswith(".toml"):
        values["profile"] = str(Path(profile).expanduser().absolute())
    hint = "`hil board add --help` describes every option"
    return validated(boards.Board, {**values, "name": name}, f"the board '{name}'", hint=hint)


def _meter(name: str | None, volts: float | None, options: dict[str, str]) -> dict[str, Any] | None:
    if name is not None:
        return {"name": name, "volts": volts, "options": options}
    if volts is not None or options:
        raise UsageError(
            "--volts and --meter-option need a meter", hint="add --meter NAME, or leave them out"
        )
    return None


def _pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Return the pairs of a repeatable option."""
    pairs: dict[str, str] = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UsageError(
                f"invalid {option} '{text}'", hint=f"write {option} KEY=VALUE, once for each key"
            )
        if key in pairs:
            raise UsageError(f"{option} {key} is given twice", hint="give each key once")
        pairs[key] = value
    return pairs


def _validate(board: Board) -> list[str]:
    """Check what the board names; return notes on what is missing here or left to be given.

    Raises:
        UsageError: the profile, the flasher, the meter or one of their options is invalid.
    """
    from hil import devices
    from hil.targets.board.flashing import flashing
    from hil.targets.meters import registry as meters
    from hil.targets.meters.interface import MeterOptions

    notes = []
    profile = devices.load(board.profile)
    chosen = flashing(board, profile, Path())
    if chosen is None:
        notes.append("it is flashed by hand: neither the board nor its profile names a flasher")
    else:
        try:
            _ = chosen.tool  # refuses invalid options
        except MissingTool as error:
            notes.append(f"{error.message} ({error.hint})")
    if profile.firmware.port is None:
        notes.append(f"there is no port for the silicon of '{profile.name}' yet (docs/porting.md)")
    if board.meter is not None:
        try:
            options = MeterOptions(board.meter.volts, board.meter.options)
            meters.meter(board.meter.name, options)
        except MissingTool as error:
            notes.append(f"{error.message} ({error.hint})")
    return notes
