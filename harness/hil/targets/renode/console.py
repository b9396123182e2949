"""What Renode prints, read all the time by a thread of its own: a full pipe would stop Renode."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import IO

_CHUNK = 65536
_KEPT_CHARACTERS = 4 * 1024 * 1024  # an answer of the monitor with 256 KiB of memory fits
_LONGEST_LINE = 64 * 1024


class Console:
    """The lines of a process's output; the oldest are dropped where there are too many.

    The thread ends with the output: when the process and all that inherited its output have ended.
    """

    def __init__(self, pipe: IO[bytes]) -> None:
        self._descriptor = os.dup(pipe.fileno())  # whoever closes the pipe does not wait for us
        self._lines: list[str] = []
        self._characters = 0
        self._dropped = 0
        self._partial = b""
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, name="renode", daemon=True)
        self._thread.start()

    def wait_for(self, found: Callable[[str], bool], timeout_s: float, since: int = 0) -> bool:
        """Wait for a line; ``since`` is a position of :meth:`position` to begin at.

        False after ``timeout_s``, or when the output has ended without such a line.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while True:
                if any(map(found, self._after(since))):
                    return True
                since = self._position()
                left = deadline - time.monotonic()
                if self._ended or left <= 0:
                    return False
                self._changed.wait(left)

    def position(self) -> int:
        """How many lines came so far."""
        with self._changed:
            return self._position()

    def lines(self, since: int = 0) -> list[str]:
        """Return the lines that came after a position, as far as they were kept."""
        with self._changed:
            return self._after(since)

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        with self._changed:
            return self._ended

    def join(self, timeout_s: float) -> None:
        """Wait until all of the output of a process that has ended was read."""
        self._thread.join(timeout_s)

    def _position(self) -> int:
        return self._dropped + len(self._lines)

    def _after(self, since: int) -> list[str]:
        return self._lines[max(0, since - self._dropped) :]

    def _read(self) -> None:
        while data := os.read(self._descriptor, _CHUNK):
            self._add(data)
        os.close(self._descriptor)
        if self._partial:
            self._add(b"\n")
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _add(self, data: bytes) -> None:
        *whole, self._partial = (self._partial + data).split(b"\n")
        if len(self._partial) > _LONGEST_LINE:
            whole.append(self._partial)
            self._partial = b""
        if not whole:  # Renode writes a few characters at a time
            return
        lines = [part.decode("utf-8", "replace").rstrip("\r") for part in whole]
        with self._changed:
            self._lines += lines
            self._characters += sum(len(line) + 1 for line in lines)
            if self._characters > _KEPT_CHARACTERS:
                self._drop_the_older_half()
            self._changed.notify_all()

    def _drop_the_older_half(self) -> None:
        half = len(self._lines) // 2
        del self._lines[:half]
        self._dropped += half
        self._characters = sum(len(line) + 1 for line in self._lines)
