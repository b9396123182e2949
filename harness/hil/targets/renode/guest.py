"""The guest's UART at a socket, and what Renode logs of the guest."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

from hil.errors import DeviceFault
from hil.targets.dut.link import SocketStream

MARK_COMMAND = 'log "hil: mark" 3'
"""The monitor's command that writes a mark into the log, as an error: those are always logged."""

_MARK = "Script: hil: mark"
_MARK_POLL_S = 0.002
_POLL_S = 0.1
_READ_BYTES = 1024 * 1024
# What Renode 1.16 logs where a chip would fault; its core goes on after most of it.
_FAULTS = re.compile(
    r"CPU abort|from non existing peripheral|to non existing peripheral|PC does not lay in memory"
)
_PROGRAM_COUNTER = re.compile(r"\[cpu: 0x([0-9A-Fa-f]+)\]|PC=0x([0-9A-Fa-f]+)")


class GuestLog:
    """Renode's log file: the first fault of the guest in it.

    Renode models few bus faults: an access where nothing is gets a line in its log, and the program
    goes on with a zero. A chip would have stopped. The log is written a little later than the guest
    runs; what precedes a mark is there when the mark is.
    """

    def __init__(self, file: Path, symbolize: Callable[[int], str | None]) -> None:
        self.file = file
        self._symbolize = symbolize
        self._read = 0
        self._partial = b""
        self._fault = ""
        self._marks = 0

    def fault(self) -> str:
        """Return the line of the first fault so far, '' where there is none."""
        if not self._fault:
            lines = self._new_lines()
            self._marks += sum(_MARK in line for line in lines)
            self._fault = next(filter(_FAULTS.search, lines), "")
        return self._fault

    def wait_for_marks(self, count: int, timeout_s: float) -> None:
        """Wait until so many marks or a fault are in the log, not longer than ``timeout_s``."""
        deadline = time.monotonic() + timeout_s
        while not self.fault() and self._marks < count and time.monotonic() < deadline:
            time.sleep(_MARK_POLL_S)

    def _new_lines(self) -> list[str]:
        try:
            with self.file.open("rb") as log:
                log.seek(self._read)
                data = log.read(_READ_BYTES)
        except OSError:
            return []
        self._read += len(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        return [line.decode("utf-8", "replace").strip() for line in lines]

    def error(self) -> DeviceFault:
        """Return the fault as an error that names the function."""
        found = _PROGRAM_COUNTER.search(self._fault)
        name = self._symbolize(int(found[1] or found[2], 16) & ~1) if found else None
        where = f" in {name}" if name else ""
        return DeviceFault(
            f"the firmware did what the chip answers with a fault{where}; Renode: {self._fault}",
            hint="an access where no memory is, or a jump to where no code is; a stack overflow "
            "looks like this too: try a larger firmware.stack_bytes in the profile",
        )

    def tail(self, count: int) -> list[str]:
        """Return the last lines, without the time at their start."""
        try:
            with self.file.open("rb") as log:
                log.seek(max(0, log.seek(0, 2) - _READ_BYTES))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []
        return [line.partition(" ")[2] for line in lines if _MARK not in line][-count:]


class UartStream(SocketStream):
    """The socket of the guest's UART; a fault that Renode logged breaks it."""

    def __init__(self, connected: socket.socket, log: GuestLog) -> None:
        super().__init__(connected)
        self._log = log

    def read(self, timeout_s: float) -> bytes:
        """See :class:`hil.targets.dut.link.Stream`; the log is looked at with each line, and
        while nothing comes."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            data = super().read(min(left, _POLL_S))
            if (not data or b"\n" in data) and self._log.fault():
                raise ConnectionAbortedError("the firmware faulted")
            if data or left <= 0:
                return data
