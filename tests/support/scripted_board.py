"""A board that is none: speaks docs/protocol.md on a pty for any model, and misbehaves by a script.

Its flasher passes the ELF's path on through a socket, so that other processes can flash it too.

A script sees each command and returns what is sent instead of the answer: bytes, an endless
iterator of bytes, or None for the answer that is right. It may raise :class:`Unplugged`.
"""

from __future__ import annotations

import os
import pty
import select
import socket
import threading
import tty
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from zlib import crc32

import numpy as np
from hil.errors import FlashFailed, MissingTool
from hil.firmware.elf import build_id
from hil.records import Finding
from hil.targets.flash.interface import FlashJob
from hil.tflite.host_reference import reference_for
from hil.tflite.model import Model

BOOT = b"m-init-done\r\nm-ready\r\n"
CYCLES_OF_AN_OP = 1000
Sent = bytes | Iterable[bytes] | None


class Unplugged(Exception):
    """The board's port goes away."""


def lines(*text: str) -> bytes:
    """An answer's lines, with ``m-ready`` behind them."""
    return "".join(f"{line}\r\n" for line in (*text, "m-ready")).encode("ascii")


@dataclass(eq=False)
class ScriptedBoard:
    """The board's state. ``flash`` is what its flasher does."""

    model: Model
    clock_hz: int
    script: Callable[[ScriptedBoard, str], Sent] = lambda board, command: None
    build: str = ""
    keeps_old: bool = False  # the flasher reports success, and nothing changed
    fails: str = ""  # what the flasher says when it fails
    flashed: int = 0
    heard: list[str] = field(default_factory=list)
    port: str = ""

    def __post_init__(self) -> None:
        graph = self.model.graph
        self._inputs = [(tensor.shape, np.dtype(tensor.dtype)) for tensor in graph.input_tensors]
        self._sizes = [int(np.prod(shape)) * dtype.itemsize for shape, dtype in self._inputs]
        self._outputs: Sequence[bytes] = ()
        self._loaded = bytearray()
        self._reference = reference_for(self.model)
        self._output_sizes = [
            int(np.prod(graph.tensors[at].shape)) * np.dtype(graph.tensors[at].dtype).itemsize
            for at in graph.outputs
        ]
        self.ops = len(graph.ops)

    def flash(self, elf: Path) -> str:
        """Take a firmware and start it, or not; what the flasher says of it, '' where it worked."""
        self.flashed += 1
        if not self.fails and not self.keeps_old:
            self.build = build_id(elf)
        return self.fails

    def count(self, name: str) -> int:
        """How many commands of that name came."""
        return sum(command.split(" ")[0] == name for command in self.heard)

    def answer(self, command: str) -> bytes | Iterable[bytes]:
        """Carry out one command."""
        self.heard.append(command)
        special = self.script(self, command)
        return self.right(command) if special is None else special

    def right(self, command: str) -> bytes:
        """The answer of a board that does what it should."""
        name, _, arguments = command.partition(" ")
        handler = getattr(self, "_" + (name.replace("-", "_") or "nothing"), None)
        if handler is None:
            return lines(f"e-[unknown-command {name}]")
        return lines(*handler(arguments))

    def info(self, **changed: object) -> bytes:
        """The answer to ``hil-info`` with some of its fields changed; None leaves one out."""
        fields: dict[str, object] = {
            "version": 1,
            "engine": "aot",
            "model": self.model.sha256[:16],
            "ops": self.ops,
            "port": "stm32l4",
            "core": "cortex-m4f",
            "clock": self.clock_hz,
            "counter": 1,
            "arena": 1024,
            "build": self.build,
            **changed,
        }
        shown = ",".join(f"{name}={value}" for name, value in fields.items() if value is not None)
        tensors = [f"m-hil-input-[{i},0x20000000,{n},1]" for i, n in enumerate(self._sizes)]
        tensors += [
            f"m-hil-output-[{i},0x20001000,{n},1]" for i, n in enumerate(self._output_sizes)
        ]
        return lines(f"m-hil-info-[{shown}]", *tensors)

    def _nothing(self, _: str) -> list[str]:
        return []

    def _hil_info(self, _: str) -> list[str]:
        return self.info().decode().split("\r\n")[:-2]

    def _db(self, arguments: str) -> list[str]:
        if arguments.startswith("load "):
            self._loaded.clear()
            return []
        self._loaded += bytes.fromhex(arguments)
        return ["m-load-done"] if len(self._loaded) == sum(self._sizes) else []

    def _hil_crc(self, _: str) -> list[str]:
        return [f"m-hil-crc-[{len(self._loaded)},{crc32(self._loaded):08x}]"]

    def _infer(self, arguments: str) -> list[str]:
        at, tensors = 0, []
        for (shape, dtype), size in zip(self._inputs, self._sizes, strict=True):
            data = bytes(self._loaded[at : at + size])
            tensors.append(np.frombuffer(data, dtype).reshape(shape))
            at += size
        self._outputs = [array.tobytes() for array in self._reference.run(tuple(tensors))]
        return [
            *("m-warmup-start-0", "m-warmup-done", "m-infer-start-1"),
            *("m-lap-us-1000", "m-lap-us-2000", "m-infer-done", "m-results-[0.000]"),
        ]

    def _hil_out(self, arguments: str) -> list[str]:
        at = int(arguments)
        data = self._outputs[at]
        parts = [f"m-hil-out-[{at},{i},{data[i : i + 32].hex()}]" for i in range(0, len(data), 32)]
        return [*parts, f"m-hil-outcrc-[{at},{len(data)},{crc32(data):08x}]"]

    def _hil_mem(self, _: str) -> list[str]:
        return ["m-hil-mem-[stack=264,stack_size=4096,heap=0,arena=144]"]

    def _hil_marks(self, _: str) -> list[str]:
        total = CYCLES_OF_AN_OP * self.ops + 10
        each = [f"m-hil-op-[{i},{CYCLES_OF_AN_OP}]" for i in range(self.ops)]
        return [f"m-hil-cycles-[{total}]", *each]


class BenchFlasher:
    """A flasher for scripted boards; the option ``board`` is the path of the board's socket,
    ``missing`` says that its tool is not here.
    """

    name = "bench"
    title = "the test bench"

    def tool(self, job: FlashJob) -> str:
        if "missing" in job.options:
            raise MissingTool("there is no bench", hint="buy one")
        return "bench 1.0"

    def findings(self) -> Sequence[Finding]:
        return ()

    def flash(self, job: FlashJob) -> str:
        self.tool(job)
        with socket.socket(socket.AF_UNIX) as board:
            board.connect(job.options["board"])
            board.sendall(os.fsencode(job.elf))
            board.shutdown(socket.SHUT_WR)
            if said := board.makefile().read():
                raise FlashFailed(said, hint="as the tool says")
        return "done"

    def reset(self, job: FlashJob) -> str:
        return "done"

    def probes(self) -> Sequence[str]:
        return ()


@contextmanager
def plugged_in(board: ScriptedBoard, probe: Path) -> Iterator[ScriptedBoard]:
    """Serve the board until the block is left: on a pty, whose path is ``board.port``, and on the
    socket ``probe`` for its flasher.
    """
    master, slave = pty.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    board.port = os.ttyname(slave)
    wake, waker = os.pipe()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(probe))
        listener.listen()
        served = _Served(board, master, slave, wake, listener)
        thread = threading.Thread(target=served.serve, daemon=True)
        thread.start()
        try:
            yield board
        finally:
            os.write(waker, b"!")
            thread.join()
            os.close(wake)
            os.close(waker)


@dataclass
class _Served:
    """A board in a thread; ``slave`` is held open, as a pty without a user ends its reader."""

    board: ScriptedBoard
    master: int
    slave: int
    wake: int
    listener: socket.socket
    line: bytearray = field(default_factory=bytearray)
    sending: Iterator[bytes] = field(default_factory=lambda: iter(()))
    rest: bytes = b""

    def serve(self) -> None:
        """Answer commands until woken or unplugged; a flasher is served at any time."""
        try:
            while True:
                if not self.rest:
                    self.rest = next(self.sending, b"")
                wanted = [self.master] if self.rest else []
                given = [self.wake, self.listener, *([] if self.rest else [self.master])]
                ready, writable, _ = select.select(given, wanted, [])
                if self.wake in ready:
                    return
                if self.listener in ready:
                    self._flash()
                elif writable:
                    self.rest = self.rest[os.write(self.master, self.rest) :]
                elif self.master in ready:
                    self._hear()
        except Unplugged:
            pass
        finally:
            os.close(self.slave)
            os.close(self.master)

    def _hear(self) -> None:
        for byte in os.read(self.master, 4096):
            if byte != ord("%"):
                self.line.append(byte)
                continue
            command = self.line.decode("ascii", "replace")
            self.line.clear()
            sent = self.board.answer(command)
            self.sending = chain(self.sending, [sent] if isinstance(sent, bytes) else sent)

    def _flash(self) -> None:
        flasher, _ = self.listener.accept()
        with flasher:
            said = self.board.flash(Path(flasher.makefile().read()))
            flasher.sendall(said.encode())
