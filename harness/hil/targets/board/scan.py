"""What is attached: serial ports and places of a labgrid farm, with an entry proposed for each.

A serial port is recognized by its USB identity. The identity of an on-board probe says whose chip
is beside it, not which, so that the profile may be a guess among several. USB identities: the rules
of OpenOCD 0.12 (``contrib/60-openocd.rules``), the drivers of Linux (``drivers/usb/serial``) and
ppk2-api 0.9.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hil import boards, devices
from hil.boards import Board, FlasherSetup, Usb
from hil.devices import Profile
from hil.errors import HilError
from hil.targets import labgrid

_BY_ID = Path("/dev/serial/by-id")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9._+-]+")


@dataclass(frozen=True)
class Kind:
    """A kind of serial port. ``vendors`` are those of the chips beside a probe, none for any chip;
    ``flasher`` is for profiles that name none. ``probe``: its USB serial number is the probe's.
    """

    title: str
    probe: bool = False
    vendors: tuple[str, ...] = ()
    flasher: str | None = None
    meter: str | None = None


_ST_LINK_2 = Kind("ST-LINK/V2-1", True, ("STMicroelectronics",), "openocd")
_ST_LINK_3 = Kind("STLINK-V3", True, ("STMicroelectronics",), "openocd")
_J_LINK = Kind("J-Link", True, ("Nordic Semiconductor", "Ambiq"), "openocd")
_CMSIS_DAP = Kind("CMSIS-DAP", True, (), "pyocd")
_PPK2 = Kind("Nordic PPK2", meter="ppk2")
_KINDS: Mapping[tuple[int, int], Kind] = {
    (0x0483, 0x374B): _ST_LINK_2,
    (0x0483, 0x3752): _ST_LINK_2,
    (0x0483, 0x374E): _ST_LINK_3,
    (0x0483, 0x374F): _ST_LINK_3,
    (0x0483, 0x3753): _ST_LINK_3,
    (0x0483, 0x3754): _ST_LINK_3,
    (0x0D28, 0x0204): _CMSIS_DAP,  # DAPLink
    (0x1915, 0xC00A): _PPK2,
    (0x0403, 0x6001): Kind("FTDI FT232"),
    (0x0403, 0x6010): Kind("FTDI FT2232"),
    (0x0403, 0x6011): Kind("FTDI FT4232"),
    (0x0403, 0x6014): Kind("FTDI FT232H"),
    (0x0403, 0x6015): Kind("FTDI FT-X"),
    (0x10C4, 0xEA60): Kind("Silicon Labs CP210x"),
    (0x1A86, 0x7523): Kind("WCH CH340"),
    (0x067B, 0x2303): Kind("Prolific PL2303"),
}
_SEGGER = 0x1366
_UNKNOWN = Kind("unknown")


class SerialPort(Protocol):
    """What :mod:`serial.tools.list_ports` knows of a port."""

    device: str
    vid: int | None
    pid: int | None
    serial_number: str | None
    manufacturer: str | None
    product: str | None


@dataclass(frozen=True)
class Found:
    """A serial port or a place. ``board`` is the proposed entry; None where it is in boards.toml
    already (``configured`` is its name), or is not a board's. ``profiles`` are those that it may
    have, the proposed one first.
    """

    where: str
    title: str
    usb: str = ""
    kind: str = ""
    configured: str = ""
    board: Board | None = None
    profiles: tuple[str, ...] = ()
    note: str = ""


def attached(profile: str | None = None) -> list[Found]:
    """Return the serial ports of this computer; ``profile`` is that of what is to be added.

    Raises:
        UsageError: boards.toml is invalid.
        ProfileError: there is no such profile.
    """
    from serial.tools import list_ports

    known = [devices.load(name) for name in ([profile] if profile else devices.names())]
    return recognized(sorted(list_ports.comports()), known, boards.load_all())


def recognized(
    ports: Sequence[SerialPort], profiles: Sequence[Profile], existing: Mapping[str, Board]
) -> list[Found]:
    """Return what ports are, with entries for those that are in no entry of ``existing``."""
    taken = set(existing)
    found = []
    for port in ports:
        one = _recognized(port, ports, profiles, existing, taken)
        found.append(one)
        if one.board is not None:
            taken.add(one.board.name)
    return found


def farm(profile: str | None = None) -> tuple[list[Found], str]:
    """Return the places of a labgrid farm, and why there are none, '' where labgrid is not here.

    Raises:
        UsageError: boards.toml is invalid.
    """
    if not labgrid.installed():
        return [], ""
    existing = boards.load_all()
    try:
        places = labgrid.places()
    except HilError as error:
        return [], f"{error.message} ({error.hint})"
    names = [profile] if profile else devices.names()
    return [_place(place, names, existing) for place in places], ""


def _recognized(
    port: SerialPort,
    ports: Sequence[SerialPort],
    profiles: Sequence[Profile],
    existing: Mapping[str, Board],
    taken: set[str],
) -> Found:
    usb, kind = _usb(port), _kind(port)
    title = " ".join(filter(None, (port.manufacturer, port.product))) or "no description"
    about = (port.device, title, str(usb or ""), kind.title)
    if name := _configured(port, existing):
        return Found(*about, configured=name)
    if usb is None:
        return Found(*about, note="no USB identity; if it is a board: `hil board add --port`")
    if kind.meter is not None:
        return Found(*about, note=f"an energy meter: give it to a board with --meter {kind.meter}")
    fitting = [p for p in profiles if not kind.vendors or p.chip.vendor in kind.vendors]
    fitting = fitting or list(profiles)
    entry = {"usb": usb} if _is_only(usb, ports) else {"port": _lasting(port.device)}
    board = Board(
        name=_name(fitting[0].name, taken),
        profile=fitting[0].name,
        flasher=_flasher(kind, fitting[0], usb),
        **entry,
    )
    note = "" if kind.probe else "no probe of its own: name the board's flasher and probe"
    return Found(*about, board=board, profiles=tuple(p.name for p in fitting), note=note)


def _usb(port: SerialPort) -> Usb | None:
    if port.vid is None or port.pid is None:
        return None
    return Usb(vendor=port.vid, product=port.pid, serial=port.serial_number or "")


def _kind(port: SerialPort) -> Kind:
    if port.vid == _SEGGER:
        return _J_LINK
    if "CMSIS-DAP" in (port.product or ""):
        return _CMSIS_DAP
    return _KINDS.get((port.vid or 0, port.pid or 0), _UNKNOWN)


def _configured(port: SerialPort, existing: Mapping[str, Board]) -> str:
    """The name of the board whose entry means this port, '' without one."""
    real = os.path.realpath(port.device)
    for board in existing.values():
        usb = board.usb
        if usb is not None and (usb.vendor, usb.product) == (port.vid, port.pid):
            if usb.serial in ("", port.serial_number):
                return board.name
        elif board.port is not None and os.path.realpath(board.port) == real:
            return board.name
    return ""


def _is_only(usb: Usb, ports: Iterable[SerialPort]) -> bool:
    """Whether a USB identity means one port; a device with two ports has it twice."""
    return sum(_usb(other) == usb for other in ports) == 1


def _lasting(device: str) -> str:
    """The name of a port that stays when others are plugged in, if the system gives it one."""
    for link in sorted(_BY_ID.glob("*")) if _BY_ID.is_dir() else ():
        if os.path.realpath(link) == os.path.realpath(device):
            return str(link)
    return device


def _flasher(kind: Kind, profile: Profile, usb: Usb) -> FlasherSetup:
    if not kind.probe:
        return FlasherSetup()
    default = next(iter(profile.flashing), kind.flasher)
    name = default if kind.vendors else kind.flasher
    serial = usb.serial.lstrip("0") if usb.vendor == _SEGGER else usb.serial
    return FlasherSetup(name=name, probe=serial or None)


def _place(place: labgrid.Place, profiles: Sequence[str], existing: Mapping[str, Board]) -> Found:
    title = place.comment or "a place of the labgrid farm"
    note = f"acquired by {place.acquired}" if place.acquired else ""
    used = [board.name for board in existing.values() if board.place == place.name]
    if used:
        return Found(place.name, title, kind="place", configured=used[0], note=note)
    tag = place.tags.get("profile", "")
    fitting = (tag,) if tag in profiles else tuple(profiles)
    board = Board(name=_name(place.name, set(existing)), profile=fitting[0], place=place.name)
    return Found(place.name, title, kind="place", board=board, profiles=fitting, note=note)


def _name(wanted: str, taken: set[str]) -> str:
    """A valid name that no board has."""
    base = _NOT_IN_NAMES.sub("-", wanted).strip("-._+")[:50] or "board"
    numbered = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in numbered if name not in taken)
