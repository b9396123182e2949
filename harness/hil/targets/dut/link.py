"""The transport to a DUT: bytes and lines with deadlines, and a transcript of both directions.

Knows nothing of the protocol's commands. :mod:`hil.targets.dut.serial_port` opens links by name; an
emulator hands in the socket that it was started with.
"""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import deque
from typing import Protocol

from hil.errors import LinkError

_CHUNK = 65536
_CLOSED_HINT = "the device or its emulator ended in mid-run; the transcript has all it said"
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

    def interrupt(self) -> None:
        """Make the present and every later read raise OSError, from any thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """See :class:`Stream`."""
        self._socket.close()


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
    """Lines out of a stream. Not for use by several threads.

    ``name`` is what messages call the other end, ``if_closed`` the hint where it closes the link.
    """

    def __init__(
        self, stream: Stream, *, name: str = "the device", if_closed: str = _CLOSED_HINT
    ) -> None:
        self._stream = stream
        self._if_closed = if_closed
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

    @property
    def unfinished(self) -> bytes:
        """What has arrived of a line that has no end yet."""
        return bytes(self._buffer)

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
            hint=self._if_closed,
        )
