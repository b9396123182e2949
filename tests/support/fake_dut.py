"""A device that is none: speaks docs/protocol.md over a pty or a socket, and can misbehave.

It keeps state as the firmware does (a command buffer, loaded bytes, tensors), computes what
``tiny_engine`` computes, and damages what goes in or out as :class:`Mischief` says.
"""

from __future__ import annotations

import contextlib
import os
import pty
import select
import socket
import threading
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from tests.support.tiny_engine import tiny_outputs

N = 64
ADDRESS = 0x2000_1000
OUTPUTS = (0x2000_2000, 0x2000_3000)
FAULT_LINE = (
    "e-[fault HardFault pc=0x08000124 lr=0x08000211 sp=0x20001f00 psr=0x61000000 "
    "cfsr=0x00008200 hfsr=0x40000000 mmfar=0x00000000 bfar=0xf0000000]"
)


@dataclass
class Mischief:
    """Counts say how many times it happens; names say at which command."""

    flip_loads: int = 0  # a loaded byte arrives with a flipped bit
    lose_digits: int = 0  # one hex digit of a "db" never arrives
    lose_ends: int = 0  # the "%" of a "db" never arrives
    flip_reads: int = 0  # a byte that a debugger reads has a flipped bit
    flip_outputs: int = 0  # a hex digit of a "hil-out" line arrives as another one
    noise_outputs: int = 0  # a byte of a "hil-out" line arrives as 0xFE
    lose_ready: int = 0  # the "m-ready" after "hil-out" never arrives
    garbage: bool = False  # lines that mean nothing, everywhere
    boot_noise: bytes = b""
    init_code: int = 0
    version: int = 1
    unknown: str = ""  # a command that this firmware does not have yet
    silent_at: str = ""
    die_at: str = ""  # closes in the middle of the answer
    fault_at: str = ""
    restart_at: str = ""
    babble_at: str = ""  # answers without end, and never with m-ready


class Dead(Exception):
    """The device is gone; ``last`` are its last bytes."""

    def __init__(self, last: bytes) -> None:
        super().__init__()
        self.last = last


class FakeDut:
    """The device's state. ``feed`` takes what was sent and returns what is answered."""

    def __init__(self, mischief: Mischief | None = None) -> None:
        self.mischief = mischief or Mischief()
        self.heard: list[str] = []
        self._line = bytearray()
        self._hung = False
        self._memory = bytearray(N + 4)
        self._loaded = 0
        self._expected = 0
        self._invocations = 0
        self._outputs = (bytes(N), bytes(12))

    def boot(self) -> bytes:
        """What the device says after reset."""
        code = self.mischief.init_code
        lines = ([f"e-[model-init {code}]"] if code else []) + ["m-init-done", "m-ready"]
        return self.mischief.boot_noise + _text(lines)

    def exchange(
        self, reads: Sequence[tuple[int, int]], writes: Sequence[tuple[int, bytes]]
    ) -> list[bytes]:
        """A debugger reads outputs and writes inputs; both can be damaged."""
        found = []
        for address, size in reads:
            data = self._outputs[OUTPUTS.index(address)][:size]
            found.append(bytes([data[0] ^ 1]) + data[1:] if self._spend("flip_reads") else data)
        for address, data in writes:
            start = address - ADDRESS
            self._memory[start : start + len(data)] = self._damaged(data)
        return found

    def feed(self, data: bytes) -> bytes:
        """Take bytes, carry out the commands among them."""
        answer = bytearray()
        for byte in data:
            if self._hung:
                break
            if byte != ord("%"):
                self._line.append(byte)
            elif not self._end_is_lost():
                command = self._line.decode("ascii", "replace")
                self._line.clear()
                answer += self._carry_out(command)
        return bytes(answer)

    def _end_is_lost(self) -> bool:
        if not self._line.startswith(b"db ") or b"load" in self._line:
            return False
        return self._spend("lose_ends")

    def _spend(self, name: str) -> bool:
        left = getattr(self.mischief, name)
        setattr(self.mischief, name, max(0, left - 1))
        return bool(left)

    def _carry_out(self, command: str) -> bytes:
        self.heard.append(command)
        name = command.split(" ")[0]
        bad = self.mischief
        if name and name == bad.silent_at:
            self._hung = True
            return b""
        if name and name == bad.fault_at:
            self._hung = True
            return _text(["m-infer-st", FAULT_LINE])
        if name and name == bad.restart_at:
            bad.restart_at = ""
            return self.boot()
        if name and name == bad.babble_at:
            self._hung = True
            return _text(["what"] * 1000)
        lines = self._answer(name, command)
        if name and name == bad.die_at:
            whole = _text(lines)
            raise Dead(whole[: len(whole) // 2])
        if bad.garbage:
            lines = ["", "#~ 17", *lines, "\x7f\x01?"]
        ready = [] if name == "hil-out" and self._spend("lose_ready") else ["m-ready"]
        text = _text([*lines, *ready])
        if name == "hil-out" and self._spend("noise_outputs"):
            text = text[:20] + b"\xfe" + text[21:]
        return text

    def _answer(self, name: str, command: str) -> list[str]:
        if len(command) > 80:
            return ["e-[command-too-long]"]
        handlers: dict[str, Callable[[str], list[str]]] = {
            "": lambda _: [],
            "db": self._db,
            "infer": self._infer,
            "hil-info": self._info,
            "hil-direct": self._direct,
            "hil-infer": self._direct_infer,
            "hil-crc": self._crc,
            "hil-out": self._out,
            "hil-mem": lambda _: ["m-hil-mem-[stack=264,stack_size=4096,heap=8,arena=144]"],
            "hil-marks": lambda _: [
                "m-hil-cycles-[600]",
                *("m-hil-op-[0,350]", "m-hil-op-[1,200]", "m-hil-op-[2,40]"),
            ],
        }
        if name not in handlers or (name and name == self.mischief.unknown):
            return [f"e-[unknown-command {name}]"]
        return handlers[name](command[len(name) + 1 :])

    def _info(self, _: str) -> list[str]:
        return [
            f"m-hil-info-[version={self.mischief.version},engine=tiny,model=0123456789abcdef,ops=3,"
            "port=fake,core=cortex-m4f,clock=80000000,counter=1,arena=144]",
            f"m-hil-input-[0,0x{ADDRESS:08x},{N},1]",
            f"m-hil-input-[1,0x{ADDRESS + N:08x},4,4]",
            f"m-hil-output-[0,0x{OUTPUTS[0]:08x},{N},1]",
            f"m-hil-output-[1,0x{OUTPUTS[1]:08x},12,4]",
        ]

    def _db(self, arguments: str) -> list[str]:
        if arguments.startswith("load "):
            self._expected, self._loaded = int(arguments[5:]), 0
            right = self._expected == N + 4
            return [] if right else [f"e-[db-size expected {N + 4}]"]
        if self._spend("lose_digits"):
            arguments = arguments[:5] + arguments[6:]
        try:
            data = self._damaged(bytes.fromhex(arguments))
        except ValueError:
            return ["e-[db-hex]"]
        if self._loaded + len(data) > self._expected:
            return ["e-[db-overflow]"]
        self._memory[self._loaded : self._loaded + len(data)] = data
        self._loaded += len(data)
        return ["m-load-done"] if self._loaded == self._expected else []

    def _damaged(self, data: bytes) -> bytes:
        return bytes([data[0] ^ 0x10]) + data[1:] if self._spend("flip_loads") else data

    def _direct(self, arguments: str) -> list[str]:
        self._loaded = int(arguments)
        return ["m-load-done"]

    def _direct_infer(self, arguments: str) -> list[str]:
        self._loaded = int(arguments)
        inputs = crc32(bytes(self._memory[: self._loaded]))
        self._infer("1 0")
        outputs = crc32(b"".join(self._outputs))
        return [f"m-hil-infer-[{self._loaded},{inputs:08x},{outputs:08x}]"]

    def _crc(self, _: str) -> list[str]:
        data = bytes(self._memory[: self._loaded])
        return [f"m-hil-crc-[{len(data)},{crc32(data):08x}]"]

    def _infer(self, arguments: str) -> list[str]:
        runs, warmups = (int(word) for word in arguments.split())
        data = np.frombuffer(bytes(self._memory[:N]), np.int8)
        add = np.frombuffer(bytes(self._memory[N:]), np.int32)
        self._invocations += runs + warmups
        first, second = tiny_outputs((data, add), self._invocations)
        self._outputs = (first.tobytes(), second.tobytes())
        return [
            f"m-warmup-start-{warmups}",
            "m-warmup-done",
            f"m-infer-start-{runs}",
            "m-lap-us-1000",
            f"m-lap-us-{1000 + 25 * runs}",
            "m-infer-done",
            "m-results-[" + ",".join(f"{value / 2:.3f}" for value in first.reshape(-1)) + "]",
        ]

    def _out(self, arguments: str) -> list[str]:
        index = int(arguments)
        data = self._outputs[index]
        lines = [
            f"m-hil-out-[{index},{at},{data[at : at + 32].hex()}]" for at in range(0, len(data), 32)
        ]
        if self._spend("flip_outputs"):
            digit = "0" if lines[0][-2] != "0" else "1"
            lines[0] = lines[0][:-2] + digit + "]"
        return [*lines, f"m-hil-outcrc-[{index},{len(data)},{crc32(data):08x}]"]


def _text(lines: list[str]) -> bytes:
    return "".join(line + "\r\n" for line in lines).encode("ascii")


@contextmanager
def on_pty(fake: FakeDut) -> Iterator[str]:
    """Serve the device on a pseudo-terminal; yields its path, for a serial port's name."""
    master, slave = pty.openpty()
    tty.setraw(slave)  # before a byte is sent: a terminal would echo it back as a command
    path = os.ttyname(slave)
    fds = [master, slave]

    def close() -> None:
        while fds:
            os.close(fds.pop())

    with _served(fake, master, lambda data: os.write(master, data), close):
        yield path


@contextmanager
def on_socket_pair(fake: FakeDut) -> Iterator[socket.socket]:
    """Serve the device on a connected socket, as an emulator does; no boot byte is lost."""
    ours, theirs = socket.socketpair()
    with ours, _served(fake, theirs.fileno(), theirs.sendall, theirs.close):
        yield ours


@contextmanager
def on_tcp(fake: FakeDut) -> Iterator[str]:
    """Serve the device to one TCP connection; yields a URL for pyserial."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                _loop(fake, connection.fileno(), connection.sendall, connection.close, stop)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"socket://127.0.0.1:{server.getsockname()[1]}"
        stop.set()
        thread.join(5)


@contextmanager
def _served(
    fake: FakeDut, fd: int, send: Callable[[bytes], object], close: Callable[[], None]
) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=_loop, args=(fake, fd, send, close, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(5)
        close()


def _loop(
    fake: FakeDut,
    fd: int,
    send: Callable[[bytes], object],
    close: Callable[[], None],
    stop: threading.Event,
) -> None:
    send(fake.boot())
    with contextlib.suppress(OSError):
        while not stop.is_set():
            if not select.select([fd], [], [], 0.02)[0]:
                continue
            data = os.read(fd, 4096)
            if not data:
                return
            try:
                send(fake.feed(data))
            except Dead as dead:
                send(dead.last)
                close()
                return
