"""Where a board's serial port is: a device, a USB identity, or a place of a board farm."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from hil.boards import Board, Usb
from hil.errors import MissingTool
from hil.targets import labgrid
from hil.targets.board import lock


@dataclass(frozen=True)
class Port:
    """A serial port. ``url`` is a tty's path or a URL of pyserial's; ``usb`` is what is known of
    the USB device behind it, for provenance, '' where there is none.
    """

    url: str
    usb: str = ""

    @property
    def identity(self) -> str:
        """A name of the port that is the same however it was written, for locks."""
        return self.url if "://" in self.url else os.path.realpath(self.url)


@contextmanager
def attached(board: Board, wait_s: float = 0.0) -> Iterator[Port]:
    """Find the board's serial port, and hold it for as long as the block lasts.

    The place of a board farm is acquired, and released on every way out. ``wait_s`` is how long to
    wait for one that somebody else has.

    Raises:
        MissingTool: no attached USB device has the board's identity, or several have; the place is
            somebody else's, or the farm does not answer.
        UsageError: the farm has no such place, or the place has no serial port.
    """
    if board.place is None:
        yield _resolve(board)
        return
    what = f"the place '{board.place}' of the board '{board.name}'"
    with (
        lock.held(what, f"place {board.place}", wait_s),
        labgrid.acquired(board.place, wait_s=wait_s) as url,
    ):
        yield Port(url)


def _resolve(board: Board) -> Port:
    if board.port is not None:
        return Port(board.port, _usb_of(board.port))
    assert board.usb is not None  # a board has exactly one of the three
    return _by_usb(board.name, board.usb)


def _by_usb(name: str, usb: Usb) -> Port:
    from serial.tools import list_ports

    found = [
        port
        for port in list_ports.comports()
        if (port.vid, port.pid) == (usb.vendor, usb.product)
        and usb.serial in ("", port.serial_number)
    ]
    wanted = _described(usb.vendor, usb.product, usb.serial)
    if not found:
        there = ", ".join(p.device for p in list_ports.comports()) or "none"
        raise MissingTool(
            f"the board '{name}' is not attached: no serial port has the USB identity {wanted}",
            hint=f"is it plugged in and switched on? ports here: {there}",
        )
    if len(found) > 1:
        listed = ", ".join(f"{p.device} (serial {p.serial_number or 'none'})" for p in found)
        raise MissingTool(
            f"{len(found)} serial ports have the USB identity {wanted} of the board '{name}'",
            hint=f"add the serial number of the right one to the board's usb: {listed}",
        )
    one = found[0]
    return Port(one.device, _described(usb.vendor, usb.product, one.serial_number or ""))


def _usb_of(device: str) -> str:
    """The USB identity of a tty, '' where it is no USB device."""
    from serial.tools import list_ports

    real = os.path.realpath(device)
    for port in list_ports.comports() if "://" not in device else ():
        if os.path.realpath(port.device) == real and port.vid is not None:
            return _described(port.vid, port.pid or 0, port.serial_number or "")
    return ""


def _described(vendor: int, product: int, serial: str) -> str:
    return f"{vendor:04x}:{product:04x}" + (f" serial {serial}" if serial else "")
