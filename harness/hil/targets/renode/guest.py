"""The guest's UART at a socket, and what Renode logs of the guest."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable
from pathlib import Path

from hil.errors import DeviceFault
from hil.targets.dut.link import SocketStream

_POLL_S = 0.1
_READ_BYTES = 1024 * 1024
# What Renode 1.16 logs where a chip would fault; its core goes on after most of it.
_FAULTS = re.compile(
    r"CPU abort|from non existing peripheral|to non existing peripheral|PC does not lay in memory"
)
_PROGRAM_COUNTER = re.compile(r"\[cpu: 0x([0-9A-Fa-f]+)\]|PC=0x([0-9A-Fa-f]+)")


class GuestLog:
    """Renode's log file: the first fault of the guest in it.

    Renode models no bus faults: an access where nothing is gets a line in its log, and the program
    goes on with a zero. A chip would have stopped.
    """

    def __init__(self, file: Path, symbolize: Callable[[int], str | None]) -> None:
        self.file = file
        self._symbolize = symbolize
        self._read = 0
        self._partial = b""
        self._fault = ""

    def fault(self) -> str:
        """Return the line of the first fault so far, '' where there is none."""
        if self._fault:
            return self._fault
        try:
            with self.file.open("rb") as log:
                log.seek(self._read)
                data = log.read(_READ_BYTES)
        except OSError:
            return ""
        self._read += len(data)
        *lines, self._partial = (self._partial + data).split(b"\n")
        texts = (line.decode("utf-8", "replace").strip() for line in lines)
        self._fault = next(filter(_FAULTS.search, texts), "")
        return self._fault

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
        return [line.partition(" ")[2] for line in lines[-count:]]


class UartStream(SocketStream):
    """The socket of the guest's UART; a fault that Renode logged breaks it."""

    def __init__(self, connected: socket.socket, log: GuestLog) -> None:
        super().__init__(connected)
        self._log = log

    def read(self, timeout_s: float) -> bytes:
        """See :class:`hil.targets.dut.link.Stream`; the log is looked at while nothing comes."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            if data := super().read(min(left, _POLL_S)):
                return data
            if self._log.fault():
                raise ConnectionAbortedError("the firmware faulted")
            if left <= 0:
                return b""
