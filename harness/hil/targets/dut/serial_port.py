"""Serial ports: a tty of this computer, ``socket://HOST:PORT``, and all other URLs of pyserial's.

A tty is opened for this process alone. pyserial sets its speed; bytes go through the descriptor, so
that a time-out costs nothing. Ports behind ``rfc2217://`` negotiate again at each change of a
setting, so theirs never change.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import socket
import threading
import time
import warnings
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, urlsplit

from hil.errors import HilError, MissingTool, UsageError
from hil.targets.dut.link import Link, SocketStream, Stream

_CHUNK = 65536
_POLL_S = 0.02
_CONNECT_S = 5.0
# Servers such as ser2net do not confirm control lines; each setting may take so many seconds.
_RFC2217 = (("ign_set_control", "ign_set_control="), ("timeout", "timeout=15"))
_BUSY = (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK)
_ABSENT = (errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.ENOTDIR)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
GONE_HINT = (
    "was the board unplugged, or did its USB connection reset? check the cable and the power supply"
)


class PortStream(Stream, Protocol):
    """A serial port's transport."""

    def interrupt(self) -> None:
        """Make the present and every later read raise OSError, from any thread."""


class TtyStream:
    """A tty of this computer; see :class:`PortStream`.

    No other process that asks for the same exclusive use (``flock``, ``TIOCEXCL``) gets the port.
    """

    def __init__(self, path: str, baud: int) -> None:
        import fcntl
        import termios

        import serial

        self._port = serial.Serial(path, baudrate=baud, timeout=0, exclusive=True)
        self._descriptor = self._port.fileno()
        self._woken, self._wake = os.pipe()
        self._closing = threading.Lock()
        with contextlib.suppress(OSError):  # a driver that does not know it
            fcntl.ioctl(self._descriptor, termios.TIOCEXCL)

    def read(self, timeout_s: float) -> bytes:
        """See :class:`Stream`."""
        ready = select.select([self._descriptor, self._woken], [], [], max(0.0, timeout_s))[0]
        if self._woken in ready:
            raise ConnectionAbortedError("ended by this program")
        if not ready:
            return b""
        data = os.read(self._descriptor, _CHUNK)
        if not data:
            raise ConnectionResetError("the port is gone")
        return data

    def write(self, data: bytes, timeout_s: float) -> None:
        """See :class:`Stream`."""
        deadline = time.monotonic() + timeout_s
        while data:
            left = max(0.0, deadline - time.monotonic())
            if not select.select([], [self._descriptor], [], left)[1]:
                raise TimeoutError("the port takes nothing")
            with contextlib.suppress(BlockingIOError):
                data = data[os.write(self._descriptor, data) :]

    def interrupt(self) -> None:
        """See :class:`PortStream`."""
        with self._closing:
            if self._port.is_open:
                os.write(self._wake, b"!")

    def close(self) -> None:
        """See :class:`Stream`."""
        import fcntl
        import termios

        with self._closing:
            if not self._port.is_open:
                return
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._descriptor, termios.TIOCNXCL)
            self._port.close()
            os.close(self._woken)
            os.close(self._wake)


class UrlStream:
    """A port that pyserial opened by its URL; see :class:`PortStream`."""

    def __init__(self, url: str, baud: int) -> None:
        import serial

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # pyserial's setDaemon
            self._port = serial.serial_for_url(url, baudrate=baud, timeout=_POLL_S)
        self._interrupted = False

    def read(self, timeout_s: float) -> bytes:
        """See :class:`Stream`."""
        deadline = time.monotonic() + timeout_s
        while not self._interrupted:
            first: bytes = self._port.read(1)
            if first:
                return first + bytes(self._port.read(self._port.in_waiting))
            if time.monotonic() >= deadline:
                return b""
        raise ConnectionAbortedError("ended by this program")

    def write(self, data: bytes, timeout_s: float) -> None:
        """See :class:`Stream`; pyserial's own limit holds, 5 s behind ``rfc2217://``."""
        self._port.write(data)

    def interrupt(self) -> None:
        """See :class:`PortStream`."""
        self._interrupted = True

    def close(self) -> None:
        """See :class:`Stream`."""
        self._port.close()


def open_link(url: str, *, baud: int = 115200) -> Link:
    """Return a link to a tty or a URL; errors as :func:`open_port`."""
    return Link(open_port(url, baud), name=url, if_closed=GONE_HINT)


def open_port(url: str, baud: int) -> PortStream:
    """Open a tty or a URL.

    Raises:
        MissingTool: the port is not there, is in use, may not be opened by this user, or nothing
            answers at the URL.
        UsageError: pyserial does not know such a URL.
    """
    try:
        return _opened(url, baud)
    except ValueError as error:
        raise UsageError(
            f"invalid serial port '{url}': {error}",
            hint="write a device such as /dev/ttyACM0, socket://HOST:PORT or rfc2217://HOST:PORT",
        ) from error
    except OSError as error:
        raise _not_opened(url, error) from error


def _opened(url: str, baud: int) -> PortStream:
    if "://" not in url:
        return TtyStream(url, baud)
    parts = urlsplit(url)
    if parts.scheme == "socket" and not parts.query:
        if not parts.hostname or parts.port is None:
            raise ValueError("a socket has a host and a port")
        connected = socket.create_connection((parts.hostname, parts.port), _CONNECT_S)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return SocketStream(connected)
    if parts.scheme == "rfc2217":
        given = parse_qs(parts.query, keep_blank_values=True)
        more = "&".join(option for name, option in _RFC2217 if name not in given)
        url += ("&" if parts.query else "?") + more
    return UrlStream(url, baud)


def _not_opened(url: str, error: OSError) -> HilError:
    """The error to raise for a port that could not be opened."""
    code = error.errno
    if code in _ABSENT and "://" not in url:
        found = ", ".join(_ports()) or "none"
        return MissingTool(
            f"there is no serial port {url}",
            hint=f"is the board plugged in and switched on? ports here: {found}",
        )
    if code in _FORBIDDEN:
        return MissingTool(
            f"the serial port {url} may not be opened by this user (permission denied)",
            hint="on Debian and Ubuntu: `sudo adduser $USER dialout`, then log in again; or a udev "
            'rule for the board\'s USB identity with TAG+="uaccess" (docs/boards.md)',
        )
    if code in _BUSY:
        users = "".join(f" ({user})" for user in users_of(url))
        return MissingTool(
            f"the serial port {url} is in use by another program{users}",
            hint="end that program, such as a terminal or another hil, and run again",
        )
    return MissingTool(
        f"cannot open {url}: {error.strerror or error}",
        hint="check the address, and that the server of the port runs and has no other client"
        if "://" in url
        else "check that it is a serial port",
    )


def _ports() -> list[str]:
    from serial.tools import list_ports

    return sorted(port.device for port in list_ports.comports())


def users_of(path: str) -> list[str]:
    """Processes that have a device open, as far as this user may see them (Linux)."""
    device = os.path.realpath(path)
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(os.readlink(entry) == device for entry in (folder / "fd").iterdir()):
                words = (folder / "cmdline").read_bytes().split(b"\0")
                command = b" ".join(words).decode(errors="replace").strip()[:80]
                found.append(f"process {folder.name}: {command}")
    return found
