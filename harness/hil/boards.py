"""What is plugged in on this machine: the boards of ``boards.toml``, by name.

A profile describes a kind of device; a board is one that is attached here, with its port, its probe
and its meter. The file is ``boards.toml`` in the user's configuration folder, or ``HIL_BOARDS``.
:func:`save` and :func:`remove` change one entry and leave the rest of the file, comments included,
as the user wrote it.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from hil import files
from hil.errors import MissingTool, UsageError, did_you_mean
from hil.forms import read_toml, validated

if TYPE_CHECKING:
    from tomlkit import TOMLDocument

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
_WHAT_NAMES_TAKE = "a letter or digit, then up to 63 letters, digits and . _ + -"
_USB = re.compile(r"(?:0x)?([0-9a-fA-F]{1,4}):(?:0x)?([0-9a-fA-F]{1,4})(?::(.+))?")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Usb(_Strict):
    """A serial port by its USB identity; ``serial`` may be left out where only one matches."""

    vendor: int = Field(ge=0, le=0xFFFF)
    product: int = Field(ge=0, le=0xFFFF)
    serial: str = ""

    def __str__(self) -> str:
        """``VENDOR:PRODUCT[:SERIAL]``, the form of ``hil board add --usb``."""
        return f"{self.vendor:04x}:{self.product:04x}" + (f":{self.serial}" if self.serial else "")


class FlasherSetup(_Strict):
    """How firmware gets onto the board; what is None is the profile's or the flasher's default.

    ``probe`` is the debug probe's serial number. ``options`` belong to the flasher, such as
    ``server`` of gdb or ``flash`` of the command template.
    """

    name: str | None = None
    probe: str | None = None
    options: Mapping[str, str] = Field(default_factory=dict)


class MeterSetup(_Strict):
    """The energy meter; ``volts`` is the supply, needed by meters that do not measure it."""

    name: str
    volts: float | None = Field(default=None, gt=0, le=24)
    options: Mapping[str, str] = Field(default_factory=dict)


class Board(_Strict):
    """One board. Exactly one of ``port`` (a tty or a URL of pyserial's), ``usb`` and ``place`` (of
    a labgrid coordinator) says where its serial port is.

    ``baud`` None is the profile's. A ``virtual`` board is emulated: its figures are never measured;
    ``machine`` is the emulator's, None its default one for the profile.
    """

    name: SkipJsonSchema[str] = ""
    profile: str
    port: str | None = None
    usb: Usb | None = None
    place: str | None = None
    baud: int | None = Field(default=None, ge=1200, le=12_000_000)
    flasher: FlasherSetup = FlasherSetup()
    meter: MeterSetup | None = None
    virtual: bool = False
    machine: str | None = None

    @model_validator(mode="after")
    def _only_emulated(self) -> Self:
        if self.machine is not None and not self.virtual:
            raise ValueError("machine is for virtual boards only")
        return self

    @model_validator(mode="after")
    def _one_port(self) -> Self:
        if sum(given is not None for given in (self.port, self.usb, self.place)) != 1:
            raise ValueError("give exactly one of port, usb and place")
        return self


def _valid_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"the name of a board is {_WHAT_NAMES_TAKE}")
    return name


class _File(_Strict):
    boards: Mapping[Annotated[str, AfterValidator(_valid_name)], Board] = Field(
        default_factory=dict
    )


def boards_file() -> Path:
    """Return the path of ``boards.toml``; the file need not exist."""
    if override := os.environ.get("HIL_BOARDS"):
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_config_dir("hil", appauthor=False)) / "boards.toml"


def check_name(name: str) -> str:
    """Return ``name`` if it is a valid name of a board.

    Raises:
        UsageError: it is not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is an invalid board name", hint=f"use {_WHAT_NAMES_TAKE}")
    return name


def parse_usb(text: str) -> Usb:
    """Return what ``VENDOR:PRODUCT`` or ``VENDOR:PRODUCT:SERIAL`` means; both numbers are hex.

    Raises:
        UsageError: it has another form.
    """
    found = _USB.fullmatch(text)
    if found is None:
        raise UsageError(
            f"invalid USB identity '{text}'",
            hint="write VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL as `lsusb` shows them, such as "
            "0483:374b; `hil board scan` lists the attached ones",
        )
    return Usb(vendor=int(found[1], 16), product=int(found[2], 16), serial=found[3] or "")


def where(board: Board) -> str:
    """Return where the board's serial port is, for tables and messages."""
    if board.place is not None:
        return f"place {board.place}"
    return board.port or f"usb {board.usb}"


def load_all() -> dict[str, Board]:
    """Return all boards by name; none where there is no file.

    A profile that is a relative path is relative to the file.

    Raises:
        UsageError: the file cannot be read or is invalid.
    """
    path = boards_file()
    return _boards_of(read_toml(path, "the boards"), path) if path.exists() else {}


def _boards_of(tables: Mapping[str, Any], path: Path) -> dict[str, Board]:
    what, hint = f"the boards {path}", "docs/boards.md describes every key"
    found = validated(_File, tables, what, hint=hint)
    return {
        name: board.model_copy(update={"name": name, "profile": _beside(path, board.profile)})
        for name, board in found.boards.items()
    }


def _beside(path: Path, profile: str) -> str:
    """Resolve the path of a profile of the user's own; names stay as they are."""
    if "/" not in profile and not profile.endswith(".toml"):
        return profile
    return str(path.absolute().parent / Path(profile).expanduser())


def load(name: str) -> Board:
    """Return the board called ``name``.

    Raises:
        UsageError: there is none of that name, or the file is invalid.
    """
    return _find(name, load_all())


def _find(name: str, found: Mapping[str, Board]) -> Board:
    if name not in found:
        known = ", ".join(found) or "none"
        raise UsageError(
            f"there is no board '{name}' in {boards_file()}",
            hint=f"{did_you_mean(name, found)}boards: {known}; `hil board add` adds one",
        )
    return found[name]


def save(board: Board, *, replace: bool = False) -> bool:
    """Write ``board`` into ``boards.toml``; return whether the file was changed.

    A board that is there already with the same values is left as it is. With ``replace`` the values
    of an entry of that name are changed; keys that stay keep their place and comments.

    Raises:
        UsageError: the name is invalid; there is another board of that name and ``replace`` is
            False; the file is invalid, or written in a way that cannot be edited.
        MissingTool: the file cannot be written.
    """
    check_name(board.name)
    with _editing() as (path, document, found):
        existing = found.get(board.name)
        if existing == board:
            return False
        if existing is not None and not replace:
            raise UsageError(
                f"there is another board '{board.name}' in {path}",
                hint="choose another name, or change it with --replace",
            )
        with _refusing(path):
            _put(document, board)
        _write(path, document, {**found, board.name: board})
    return True


def remove(name: str) -> Board:
    """Remove the board called ``name`` from ``boards.toml`` and return it.

    Raises:
        UsageError: there is none of that name; the file is invalid, or cannot be edited.
        MissingTool: the file cannot be written.
    """
    with _editing() as (path, document, found):
        removed = _find(name, found)
        with _refusing(path):
            del document["boards"][name]
        _write(path, document, {key: one for key, one in found.items() if key != name})
    return removed


def to_toml(board: Board) -> str:
    """Return the entry of a board as ``boards.toml`` has it."""
    import tomlkit

    document = tomlkit.document()
    _put(document, board)
    return tomlkit.dumps(document)


@contextmanager
def _editing() -> Iterator[tuple[Path, TOMLDocument, dict[str, Board]]]:
    """Lock the file and give its path, its document and its boards."""
    import tomlkit

    path = boards_file().resolve()  # where it is a link, its target is replaced
    try:
        with files.locked(path.with_name(path.name + ".lock")):
            found = load_all()
            text = path.read_bytes().decode() if path.exists() else ""  # line ends stay
            with _refusing(path):
                document = tomlkit.parse(text)
            yield path, document, found
    except OSError as error:
        raise MissingTool(
            f"cannot write {path}: {error.strerror or error}",
            hint="check the permissions of its folder, or set HIL_BOARDS to another file",
        ) from error


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Refuse what tomlkit cannot edit, such as boards = { … } with no place for a table."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _uneditable(path) from error


def _put(document: TOMLDocument, board: Board) -> None:
    """Add the entry of a board to the document, or change the one of its name."""
    import tomlkit

    if "boards" not in document:
        document["boards"] = tomlkit.table(is_super_table=True)
    entries: Any = document["boards"]
    if board.name not in entries:
        entries[board.name] = tomlkit.table()
    values = board.model_dump(mode="json", exclude_defaults=True, exclude={"name"})
    _change(entries[board.name], values)


def _change(table: Any, values: Mapping[str, Any]) -> None:
    """Make a table of the document have these values and no others."""
    import tomlkit

    for key in [key for key in table if key not in values]:
        del table[key]
    for key, value in values.items():
        if key in table and table[key] == value:
            continue
        if isinstance(value, Mapping):
            if key not in table:
                table[key] = tomlkit.inline_table() if key == "usb" else tomlkit.table()
            _change(table[key], value)
        elif key in ("vendor", "product"):
            table[key] = tomlkit.value(f"0x{value:04x}")
        else:
            table[key] = value


def _write(path: Path, document: TOMLDocument, expected: Mapping[str, Board]) -> None:
    """Write the document, if it really has the boards that it should have."""
    import tomlkit

    text = tomlkit.dumps(document)
    try:
        written = _boards_of(tomllib.loads(text), path)
    except (tomllib.TOMLDecodeError, UsageError):
        written = {}
    if written != expected:
        raise _uneditable(path)
    files.write_text(path, text)


def _uneditable(path: Path) -> UsageError:
    return UsageError(
        f"the entry cannot be changed in {path}, because of the way the file is written",
        hint="edit the file by hand, or write every board as a table [boards.NAME]",
    )
