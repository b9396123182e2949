"""The guest's memory through Renode's monitor, while the guest waits for a command."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from hil.errors import RunFailed
from hil.targets.renode.process import RenodeProcess
from hil.targets.renode.script import path

_BYTES_A_READ = 16 * 1024
_BYTE = re.compile(r"\b0x([0-9A-Fa-f]{2})\b")


class MonitorMemory:
    """See :class:`hil.targets.dut.client.MemoryAccess`; data go in through a file in ``folder``."""

    def __init__(self, process: RenodeProcess, folder: Path) -> None:
        self._process = process
        self._file = folder / "memory.bin"

    def exchange(
        self, reads: Sequence[tuple[int, int]], writes: Sequence[tuple[int, bytes]]
    ) -> list[bytes]:
        """See :class:`MemoryAccess`.

        Raises:
            RunFailed: the monitor refuses, or gives another number of bytes.
            LinkClosed: Renode is gone.
        """
        found = [self._read(address, size) for address, size in reads]
        for address, data in writes:
            self._file.write_bytes(data)
            self._process.ask(f"sysbus LoadBinary {path(self._file)} 0x{address:X}")
        return found

    def _read(self, address: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = min(_BYTES_A_READ, size - len(data))
            lines = self._process.ask(f"sysbus ReadBytes 0x{address + len(data):X} {part}")
            got = bytes(int(byte, 16) for line in lines for byte in _BYTE.findall(line))
            if len(got) != part:
                raise RunFailed(
                    f"Renode gave {len(got)} bytes instead of {part} at 0x{address:08X}",
                    hint="--load protocol reads the outputs through the UART",
                )
            data += got
        return data
