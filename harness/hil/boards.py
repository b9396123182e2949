"""What is plugged in on this machine: the boards of ``boards.toml``, by name.

A profile describes a kind of device; a board is one that is attached here, with its port, its probe
and its meter. The file is ``boards.toml`` in the user's configuration folder, or ``HIL_BOARDS``.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from hil.errors import UsageError, did_you_mean
from hil.forms import read_toml, validated


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Usb(_Strict):
    """A serial port by its USB identity; ``serial`` may be left out where only one matches."""

    vendor: int = Field(ge=0, le=0xFFFF)
    product: int = Field(ge=0, le=0xFFFF)
    serial: str = ""


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

    ``baud`` None is the profile's. A ``virtual`` board is emulated: its figures are never measured.
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

    @model_validator(mode="after")
    def _one_port(self) -> Self:
        if sum(given is not None for given in (self.port, self.usb, self.place)) != 1:
            raise ValueError("give exactly one of port, usb and place")
        return self


class _File(_Strict):
    boards: Mapping[str, Board] = Field(default_factory=dict)


def boards_file() -> Path:
    """Return the path of ``boards.toml``; the file need not exist."""
    if override := os.environ.get("HIL_BOARDS"):
        return Path(override)
    import platformdirs

    return Path(platformdirs.user_config_dir("hil", appauthor=False)) / "boards.toml"


def load_all() -> dict[str, Board]:
    """Return all boards by name; none where there is no file.

    Raises:
        UsageError: the file cannot be read or is invalid.
    """
    path = boards_file()
    if not path.exists():
        return {}
    found = validated(
        _File,
        read_toml(path, "the boards"),
        f"the boards {path}",
        hint="docs/boards.md describes every key",
    )
    return {name: board.model_copy(update={"name": name}) for name, board in found.boards.items()}


def load(name: str) -> Board:
    """Return the board called ``name``.

    Raises:
        UsageError: there is none of that name, or the file is invalid.
    """
    found = load_all()
    if name not in found:
        known = ", ".join(found) or "none"
        raise UsageError(
            f"there is no board '{name}' in {boards_file()}",
            hint=f"{did_you_mean(name, found)}boards: {known}; `hil board add` adds one",
        )
    return found[name]
