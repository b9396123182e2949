"""The transport to a DUT: bytes and lines with deadlines, and a transcript of both directions.

Knows nothing of the protocol's commands. ``open_link`` takes everything that pyserial's
``serial_for_url`` does (a tty, ``socket://host:port``, ``loop://``); an emulator hands in the
socket that it was started with.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import deque
from typing import Protocol

from hil.errors import LinkError, MissingTool

_CHUNK = 65536
_SERIAL_POLL_S = 0.02
_MAX_LINE = 16 * 1024 * 1024  # m-results of a large output is one line


class LinkClosed(LinkError):
    """The other end is gone; nothing more will come."""


class Garbage(LinkError):
    """A line that cannot be of the protocol: not ASCII, or without end."""


class Stream(Protocol):
    """What a link needs of a transport. Every method raises OSError when the other end is gone."""

    def read(self, timeout_s: float) -> bytes:
        """Return what is there, waiting for it up to ``timeout_s``; empty after that time."""

    def write(self, data: bytes, timeout_s: float) -> None:
        """Send everything, or raise TimeoutError."""

    def close(self) -> None:
        """Let go of the transport; a second call does nothing."""


class SocketStream:
    """A connected socket."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected

    def read(self, timeout_s: float) -> bytes:
        """See :class:`Stream`."""
        ready, _, _ = select.select([self._socket], [], [], max(0.0, timeout_s))
        if not ready:
            return b""
        data = self._socket.recv(_CHUNK)
        if not data:
            raise ConnectionResetError("closed by the other end")
        return data

    def write(self, data: bytes, timeout_s: float) -> None:
        """See :class:`Stream`."""
        self._socket.settimeout(timeout_s)
        self._socket.sendall(data)

    def close(self) -> None:
        """See :class:`Stream`."""
        self._socket.close()


class SerialStream:
    """A port that pyserial opened."""

    def __init__(self, url: str, baud: int) -> None:
        import serial

        self._port = serial.serial_for_url(url, baudrate=baud, timeout=_SERIAL_POLL_S)

    def read(self, timeout_s: float) -> bytes:
        """See :class:`Stream`."""
        self._port.timeout = max(0.0, timeout_s)
        first: bytes = self._port.read(1)
        if not first:
            return b""
        self._port.timeout = 0
        return first + bytes(self._port.read(max(1, self._port.in_waiting)))

    def write(self, data: bytes, timeout_s: float) -> None:
        """See :class:`Stream`."""
        import serial

        self._port.write_timeout = timeout_s
        try:
            self._port.write(data)
        except serial.SerialTimeoutException as error:
            raise TimeoutError(str(error)) from error

    def close(self) -> None:
        """See :class:`Stream`."""
        self._port.close()


class Transcript:
    """What was said, line by line, with direction; the middle is dropped when it grows too long."""

    def __init__(self, limit_bytes: int = 1024 * 1024) -> None:
        self._half = limit_bytes // 2
        self._head: list[str] = []
        self._head_bytes = 0
        self._tail: deque[str] = deque()
        self._tail_bytes = 0
        self._dropped = 0

    def add(self, direction: str, text: str) -> None:
        """Keep a line; ``direction`` is ``>`` to the device, ``<`` from it."""
        line = f"{direction} {text}"
        if len(line) > self._half:
            line = f"{line[: self._half // 2]}... ({len(line):,} characters)"
        if not self._tail and self._head_bytes + len(line) <= self._half:
            self._head.append(line)
            self._head_bytes += len(line)
            return
        self._tail.append(line)
        self._tail_bytes += len(line)
        while self._tail_bytes > self._half and len(self._tail) > 1:
            self._tail_bytes -= len(self._tail.popleft())
            self._dropped += 1

    def text(self) -> str:
        """Return everything that was kept."""
        gap = [f"... {self._dropped} lines left out ..."] if self._dropped else []
        return "\n".join([*self._head, *gap, *self._tail, ""])

    def last(self, count: int) -> list[str]:
        """Return the last lines, the newest at the end."""
        return [*self._head, *self._tail][-count:]


class Link:
    """Lines out of a stream. Not for use by several threads."""

    def __init__(self, stream: Stream, *, name: str = "the device") -> None:
        self._stream = stream
        self._buffer = bytearray()
        self.name = name
        self.received = 0  # bytes in all
        self.transcript = Transcript()

    def send(self, data: bytes, timeout_s: float = 10.0) -> None:
        """Send bytes as they are.

        Raises:
            LinkError: the other end is gone, or takes nothing for ``timeout_s``.
        """
        self.transcript.add(">", data.decode("ascii", "backslashreplace"))
        try:
            self._stream.write(data, timeout_s)
        except TimeoutError as error:
            raise LinkError(
                f"{self.name} takes no bytes for {timeout_s:g} s",
                hint="check the cable, the baud rate and flow control",
            ) from error
        except OSError as error:
            raise self._closed(error) from error

    def read_line(self, deadline: float) -> str | None:
        """Return the next line without its end, or None at ``deadline`` (of ``time.monotonic``).

        Raises:
            LinkClosed: the other end is gone (lines that had arrived are returned before).
            Garbage: the line is not ASCII or has no end; it is consumed and in the transcript.
        """
        searched = 0  # bytes come one by one from an emulator: look at each only once
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > _MAX_LINE:
                return self._decode(self._take(searched), endless=True)
            left = deadline - time.monotonic()
            data = self._read(max(0.0, left))
            self._buffer += data
            if left <= 0 and b"\n" not in data:  # also where bytes never cease to come
                return None
        return self._decode(self._take(end + 1))

    def drain(self, quiet_s: float, limit_s: float = 2.0) -> None:
        """Read and forget (the transcript does not) until nothing came for ``quiet_s``."""
        limit = time.monotonic() + limit_s
        while time.monotonic() < limit:
            with contextlib.suppress(Garbage):
                if self.read_line(time.monotonic() + quiet_s) is None:
                    break
        if self._buffer:
            self.transcript.add("<", self._take(len(self._buffer)).decode("ascii", "replace"))

    def close(self) -> None:
        """Close the transport."""
        self._stream.close()

    def _read(self, timeout_s: float) -> bytes:
        try:
            data = self._stream.read(timeout_s)
        except OSError as error:
            raise self._closed(error) from error
        self.received += len(data)
        return data

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _decode(self, raw: bytes, *, endless: bool = False) -> str:
        line = raw.rstrip(b"\r\n")
        self.transcript.add("<", line.decode("ascii", "backslashreplace"))
        if endless:
            raise Garbage(
                f"{self.name} sent {len(raw)} bytes without a line end",
                hint="check the baud rate of the profile",
            )
        try:
            return line.decode("ascii")
        except UnicodeDecodeError as error:
            raise Garbage(
                f"{self.name} sent bytes that are not ASCII: {line[:40]!r}",
                hint="check the baud rate of the profile, and the cable",
            ) from error

    def _closed(self, error: OSError) -> LinkClosed:
        if self._buffer:
            self.transcript.add("<", self._take(len(self._buffer)).decode("ascii", "replace"))
        heard = "; ".join(self.transcript.last(3)) or "nothing"
        return LinkClosed(
            f"the link to {self.name} closed ({error}); last heard: {heard}",
            hint="the device or its emulator went away in mid-run; the transcript has all it said",
        )


def open_link(url: str, *, baud: int = 115200) -> Link:
    """Open a tty or any URL that pyserial knows.

    Raises:
        MissingTool: the port is not there, is busy, or may not be opened by this user.
    """
    try:
        return Link(SerialStream(url, baud), name=url)
    except (OSError, ValueError) as error:
        raise MissingTool(
            f"cannot open {url}: {error}",
            hint="check that the board is plugged in, that no other program has the port open and "
            "that you may use it (on Debian: `sudo adduser $USER dialout`, then log in again)",
        ) from error
