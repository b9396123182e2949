"""A guest's memory through QEMU's gdbstub: the part of gdb's remote protocol that it takes.

https://sourceware.org/gdb/current/onlinedocs/gdb.html/Remote-Protocol.html. Any byte from a
debugger stops a running guest; between two translation blocks, so that what is executed and in
which order stays the same.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Sequence

from hil.errors import LinkError
from hil.targets.dut.link import LinkClosed

_INTERRUPT = b"\x03"
_ANSWER_S = 10.0
_BYTES_A_PACKET = 2000  # QEMU's packets hold 4096 characters, two a byte (PacketSize=1000)


class GdbStub:
    """A debugger at QEMU's gdbstub. The guest runs except during a method."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._socket.settimeout(_ANSWER_S)
        self._received = b""

    def exchange(
        self, reads: Sequence[tuple[int, int]], writes: Sequence[tuple[int, bytes]]
    ) -> list[bytes]:
        """Stop the guest once: read all (address, size), write all (address, data), let it run on.

        Returns what was read, in the order of ``reads``, as it was before any of the writes.

        Raises:
            LinkError: the stub does not answer, or there is no memory at an address.
            LinkClosed: QEMU is gone.
        """
        self._send(_INTERRUPT)
        self._stopped()
        found = [self._read(address, size) for address, size in reads]
        for address, data in writes:
            self._write(address, data)
        self._send(_packet("c"))
        return found

    def _write(self, address: int, data: bytes) -> None:
        for start in range(0, len(data), _BYTES_A_PACKET):
            part = data[start : start + _BYTES_A_PACKET]
            answer = self._ask(f"M{address + start:x},{len(part):x}:{part.hex()}")
            if answer != "OK":
                raise LinkError(
                    f"the emulator cannot write {len(part)} bytes at 0x{address + start:08X} "
                    f"({answer})",
                    hint="the firmware's inputs lie outside the machine's RAM; --load protocol "
                    "sends them through the UART",
                )

    def _read(self, address: int, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = min(_BYTES_A_PACKET, size - len(data))
            answer = self._ask(f"m{address + len(data):x},{part:x}")
            try:
                got = bytes.fromhex(answer)
            except ValueError:
                got = b""
            if len(got) != part:
                raise LinkError(
                    f"the emulator cannot read {part} bytes at 0x{address + len(data):08X} "
                    f"({answer[:40]})",
                    hint="the firmware's outputs lie outside the machine's RAM; --load protocol "
                    "reads them through the UART",
                )
            data += got
        return data

    def close(self) -> None:
        """Let go of the stub."""
        self._socket.close()

    def _stopped(self) -> None:
        """Wait for the stop reply (``T02``); what else is under way is an old acknowledgement."""
        while not self._reply().startswith(("T", "S")):
            pass

    def _ask(self, command: str) -> str:
        self._send(_packet(command))
        return self._reply()

    def _reply(self) -> str:
        """Return the next packet's contents and acknowledge it."""
        deadline = time.monotonic() + _ANSWER_S
        while (end := self._received.find(b"#")) < 0 or len(self._received) < end + 3:
            self._receive(deadline)
        packet, self._received = self._received[:end], self._received[end + 3 :]
        self._send(b"+")
        return packet[packet.find(b"$") + 1 :].decode("ascii", "replace")

    def _receive(self, deadline: float) -> None:
        ready, _, _ = select.select([self._socket], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            raise LinkError(
                f"the emulator's debug port did not answer within {_ANSWER_S:g} s",
                hint="try --load protocol, which does without it",
            )
        try:
            data = self._socket.recv(65536)
        except OSError as error:
            raise _gone(error) from error
        if not data:
            raise _gone(ConnectionResetError("closed by the other end"))
        self._received += data

    def _send(self, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise _gone(error) from error


def _packet(command: str) -> bytes:
    body = command.encode("ascii")
    return b"$" + body + f"#{sum(body) % 256:02x}".encode()


def _gone(error: OSError) -> LinkClosed:
    return LinkClosed(
        f"the emulator's debug port closed ({error})",
        hint="the emulator went away in mid-run",
    )
