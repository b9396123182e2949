"""A program that speaks like Renode 1.16.1 in its console, with a fake device for a guest.

Texts, line ends and the order of echo, answer and prompt are those of a real one. The guest is
``fake_dut``; the profiler writes records of one block. ``RENODE_STAND_IN`` holds, as JSON, the
fields of :class:`Behaviour` that are not to be as in a real one.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.support.fake_dut import Dead, FakeDut, Mischief

VERSION = "Renode v1.16.1.37969\n  build: d66b0c2a-202611212104\n  build type: Release\n"
BANNER = "Renode, version 1.16.1 (d66b0c2a-202611212104)\n\r\n\r(monitor) "
INSTRUCTIONS = 1234
"""What the profiler counts in every inference."""


@dataclasses.dataclass
class Behaviour:
    """``*_at`` is a part of a monitor's command, or of one to the guest (``infer``)."""

    version: str = VERSION
    early_words: str = ""  # all that is printed, before exit code 1
    refuse_at: str = ""
    refusal: Sequence[str] = ()  # lines
    hang_at: str = ""
    die_at: str = ""
    signal: int = 0  # that it dies by; 0: exit code 0
    flood_at: str = ""
    flood: str = "x" * 99 + "\n"
    flood_bytes: int = 32 * 1024 * 1024
    log_at: str = ""
    log: str = ""
    deaf: bool = False  # opens no socket
    windows_lost: int = 0
    bytes_lost: int = 0  # of each answer with memory
    outlives_its_input: bool = False
    dut: dict[str, Any] = dataclasses.field(default_factory=dict)


class Guest(FakeDut):
    """A device whose inferences are profiled."""

    def __init__(self, renode: StandIn) -> None:
        super().__init__(Mischief(**renode.behaviour.dut))
        self._renode = renode

    def _infer(self, arguments: str) -> list[str]:
        self._renode.inferred()
        return super()._infer(arguments)


class StandIn:
    """The monitor. Commands that a real one would carry out in silence do nothing here."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.guest = Guest(self)
        self.started = threading.Event()
        self.log: Path | None = None
        self.record: Path | None = None
        self.windows = 0
        self.prompt = "monitor"
        self.handlers: dict[str, Callable[[str], None]] = {
            "echo": self.echo,
            "log": self.write_log,
            "logLevel": self.log_level,
            "logFile": self.log_file,
            "include": self.include,
            "mach create": self.create_machine,
            "machine LoadPlatformDescription": self.load_platform,
            "sysbus LoadELF": self.load_elf,
            "emulation CreateServerSocketTerminal": self.create_terminal,
            "emulation SetGlobalAdvanceImmediately": self.advance_immediately,
            "connector Connect": self.connect,
            "start": self.start,
            "sysbus LoadBinary": self.load_binary,
            "sysbus ReadBytes": self.read_bytes,
            "sysbus.cpu HilProfile": self.profile,
        }

    def line(self, text: str) -> None:
        """Carry out a line: commands up to the first that fails, as a real one does."""
        write(text + "\n\r")
        for command in (part.strip() for part in text.split("; ")):
            if command and not self.carry_out(command):
                break
        write(f"({self.prompt}) ")

    def carry_out(self, command: str) -> bool:
        self.misbehave(command)
        if self.behaviour.refuse_at and self.behaviour.refuse_at in command:
            write("".join(f"{line}\r\n" for line in self.behaviour.refusal))
            return False
        name = next((name for name in self.handlers if f"{command} ".startswith(f"{name} ")), None)
        if name is None:
            write(f"No such command or device: {command.split()[0]}\r\n")
            return False
        try:
            self.handlers[name](command[len(name) + 1 :])
        except (OSError, ValueError) as error:
            write(f"There was an error executing command '{command}'\r\n{error}\r\n")
            return False
        return True

    def misbehave(self, where: str) -> None:
        told = self.behaviour
        if told.log_at and told.log_at in where and self.log is not None:
            with self.log.open("a") as log:
                log.write(f"{told.log}\n")
        if told.flood_at and told.flood_at in where:
            for _ in range(told.flood_bytes // len(told.flood)):
                write(told.flood)
        if told.die_at and told.die_at in where:
            if told.signal:
                os.kill(os.getpid(), told.signal)
                forever()
            os._exit(0)
        if told.hang_at and told.hang_at in where:
            signal.pause() if threading.current_thread() is threading.main_thread() else forever()

    # --- commands ---

    def echo(self, text: str) -> None:
        write(text.strip('"') + "\r\r\n")

    def log_level(self, level: str) -> None:
        int(level)

    def write_log(self, text: str) -> None:
        message, _, level = text.rpartition(" ")
        assert int(level) == 3
        assert self.log is not None
        with self.log.open("a") as log:
            log.write("21:14:27.2892 [ERROR] Script: " + message.strip('"') + "\n")

    def log_file(self, text: str) -> None:
        self.log = path(text.removesuffix(" true"))
        self.log.write_text("")

    def include(self, names: str) -> None:
        for name in re.split(r"(?<!\\) ", names):
            if not path(name).is_file():
                raise ValueError(f"File does not exist: {name}")
        cache = Path(os.environ["XDG_CONFIG_HOME"], "renode", "compiler-cache")
        cache.mkdir(parents=True, exist_ok=True)
        (cache / ".lock").touch()
        (cache / "423471E8").write_bytes(b"compiled")

    def create_machine(self, name: str) -> None:
        self.prompt = name.strip('"')

    def load_platform(self, name: str) -> None:
        if not path(name).is_file():
            raise ValueError(f"Could not find file '{path(name)}'.")

    def load_elf(self, name: str) -> None:
        if path(name).read_bytes()[:4] != b"\x7fELF":
            raise ValueError(f"Error while loading ELF: Could not load ELF from path: {path(name)}")

    def create_terminal(self, arguments: str) -> None:
        port = int(arguments.split()[0])
        if self.behaviour.deaf:
            return
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("", port))
        except OSError:
            raise ValueError(
                f"Unable to create '0.0.0.0:{port}' socket:[AddressAlreadyInUse] "
                "Address already in use"
            ) from None
        server.listen(1)
        threading.Thread(target=self.serve, args=(server,), daemon=True).start()

    def advance_immediately(self, value: str) -> None:
        assert value == "true"

    def connect(self, arguments: str) -> None:
        assert arguments.startswith("sysbus.uart ")

    def start(self, _: str) -> None:
        write("Starting emulation...\r\n")
        self.started.set()

    def load_binary(self, arguments: str) -> None:
        name, _, address = arguments.rpartition(" ")
        self.guest.exchange((), [(int(address, 16), path(name).read_bytes())])

    def read_bytes(self, arguments: str) -> None:
        address, size = (int(word, 0) for word in arguments.split())
        (data,) = self.guest.exchange([(address, size)], ())
        given = [f"0x{byte:02X}, " for byte in data[: len(data) - self.behaviour.bytes_lost]]
        rows = ["".join(given[at : at + 10]) for at in range(0, len(given), 10)]
        write("[\r\n" + "".join(f"{row}\r\n" for row in rows) + "]\r\n")

    def profile(self, arguments: str) -> None:
        found = re.fullmatch(r'"([^"]*)" "([^"]*)"', arguments)
        assert found
        settings = dict(pair.split("=") for pair in found[1].split(","))
        assert all(int(settings[key]) for key in ("begin", "end", "sled", "slots"))
        self.windows = int(settings["windows"]) - self.behaviour.windows_lost
        self.record = Path(found[2])
        self.record.write_bytes(b"HILPROF1")

    # --- the guest ---

    def inferred(self) -> None:
        """Record a window: one block that ran once."""
        if self.record is None or not self.windows:
            return
        self.windows -= 1
        header = struct.pack("<IIIIQ", 0x444E4957, 0, 1, 0, INSTRUCTIONS)
        row = struct.pack("<IIIIQQ", 0x0800_0100, 0x0800_0110, 0, INSTRUCTIONS, 1, 1)
        with self.record.open("ab") as record:
            record.write(header + row)

    def serve(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        self.started.wait()
        connection.sendall(self.guest.boot())
        while data := connection.recv(4096):
            self.misbehave(data.decode("ascii", "replace"))
            try:
                connection.sendall(self.guest.feed(data))
            except Dead as dead:
                connection.sendall(dead.last)
                os._exit(0)


def write(text: str) -> None:
    """Print without waiting for a line end."""
    sys.stdout.write(text)
    sys.stdout.flush()


def path(word: str) -> Path:
    """Read a path of the monitor's."""
    assert word.startswith("@"), word
    return Path(word[1:].replace("\\ ", " "))


def forever() -> None:
    while True:
        time.sleep(3600)


def main(arguments: Sequence[str]) -> None:
    behaviour = Behaviour(**json.loads(os.environ.get("RENODE_STAND_IN") or "{}"))
    if behaviour.early_words:
        write(behaviour.early_words)
        sys.exit(1)
    if "--version" in arguments:
        write(behaviour.version)
        return
    assert {"--disable-xwt", "--plain", "--console", "--hide-log"} < set(arguments)
    renode = StandIn(behaviour)
    renode.misbehave("at the start")
    write(BANNER)
    executed = [word for flag, word in pairwise(arguments) if flag == "-e"]
    renode.line("; ".join(executed))
    for line in sys.stdin:
        renode.line(line.rstrip("\n"))
    if behaviour.outlives_its_input:
        forever()


if __name__ == "__main__":
    main(sys.argv[1:])
