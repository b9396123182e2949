"""Serial ports served over TCP: Debian's ser2net, pyserial's own RFC 2217 server, labgrid.

``python -m tests.support.remote_ports TTY`` serves a tty in three ways until its standard input
ends, for ``benchmarks/boards.py``.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import serial
import serial.rfc2217
from hil import children

from tests.support.processes import Processes, wait_until
from tests.support.tools import unavailable

REPOSITORY = Path(__file__).resolve().parents[2]
LABGRID = REPOSITORY / ".cache" / "labgrid" / "bin"


def free_port() -> int:
    """A TCP port that nobody listens on; another process may take it meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def ser2net_path() -> str:
    """Debian installs it where the PATH of users does not lead."""
    found = shutil.which("ser2net", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        unavailable("ser2net is not installed")
    return found


def ser2net(processes: Processes, tty: str, *, rfc2217: bool, baud: int = 115200) -> str:
    """Serve a tty by ser2net until the test ends; the URL of its port."""
    port = free_port()
    accepter = "telnet(rfc2217,mode=server),tcp" if rfc2217 else "tcp"
    lines = [
        f"connection: &board#  accepter: {accepter},127.0.0.1,{port}",
        f"  connector: serialdev(nouucplock=true),{tty},{baud}n81,local",
    ]
    words = [word for line in lines for word in ("-Y", line)]
    server = processes.start(ser2net_path(), "-d", "-n", *words)
    wait_until(lambda: server.poll() is not None or listens(server.pid, port))
    assert server.poll() is None, "ser2net ended"
    return f"{'rfc2217' if rfc2217 else 'socket'}://127.0.0.1:{port}"


def listens(pid: int, port: int) -> bool:
    """Whether a process listens on a TCP port, without connecting to it (proc(5), net/tcp)."""
    listening = (
        line.split()
        for table in ("tcp", "tcp6")
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]
    )
    return any(row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port for row in listening)


@dataclass
class Rfc2217Server:
    """pyserial's server of a tty, for one client; ``settings`` counts what clients negotiate."""

    url: str
    settings: int = 0


@contextmanager
def rfc2217_server(tty: str) -> Iterator[Rfc2217Server]:
    """Serve a tty with pyserial's PortManager."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        serving = Rfc2217Server(f"rfc2217://127.0.0.1:{server.getsockname()[1]}")
        thread = threading.Thread(target=_serve, args=(server, tty, stop, serving), daemon=True)
        thread.start()
        try:
            yield serving
        finally:
            stop.set()
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            assert not thread.is_alive()


def _serve(server: socket.socket, tty: str, stop: threading.Event, serving: Rfc2217Server) -> None:
    while not stop.is_set():
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, _Pty(tty, timeout=0.02) as port:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):
                _redirect(connection, port, stop, serving)


class _Pty(serial.Serial):  # type: ignore[misc]
    """A pty has no modem lines."""

    def _update_dtr_state(self) -> None:
        pass

    def _update_rts_state(self) -> None:
        pass

    def _update_break_state(self) -> None:
        pass


class _Manager(serial.rfc2217.PortManager):  # type: ignore[misc]
    """Counts the settings that a client negotiates."""

    def __init__(self, port: serial.Serial, sender: _Sender, serving: Rfc2217Server) -> None:
        self._serving = serving
        super().__init__(port, sender)

    def check_modem_lines(self, force_notification: bool = False) -> None:
        """See :class:`_Pty`."""

    def _telnet_process_subnegotiation(self, suboption: bytes) -> None:
        self._serving.settings += 1
        super()._telnet_process_subnegotiation(suboption)


class _Sender:
    """What PortManager writes its answers to."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def write(self, data: bytes) -> None:
        with self._lock:
            self._connection.sendall(data)


def _redirect(
    connection: socket.socket, port: serial.Serial, stop: threading.Event, serving: Rfc2217Server
) -> None:
    """Carry bytes both ways until the client goes or ``stop`` is set."""
    sender = _Sender(connection)
    manager = _Manager(port, sender, serving)
    gone = threading.Event()

    def from_device() -> None:
        with contextlib.suppress(OSError):
            while not gone.is_set():
                data = port.read(max(1, port.in_waiting))
                if data:
                    sender.write(b"".join(manager.escape(data)))

    reader = threading.Thread(target=from_device, daemon=True)
    reader.start()
    connection.settimeout(0.1)
    try:
        while not stop.is_set():
            try:
                data = connection.recv(4096)
            except TimeoutError:
                continue
            if not data:
                break
            port.write(b"".join(manager.filter(data)))
    finally:
        gone.set()
        reader.join(10)


@dataclass(frozen=True)
class Farm:
    """labgrid's coordinator, and an exporter of serial ports, in a folder of their own."""

    processes: Processes
    folder: Path
    coordinator: str
    exporter: str = "here"

    def client(self, *words: str, user: str | None = None) -> str:
        """Output of ``labgrid-client``; the call must succeed."""
        code, text = self.ask(*words, user=user)
        assert code == 0, text
        return text

    def ask(self, *words: str, user: str | None = None) -> tuple[int, str]:
        """Exit code and output of ``labgrid-client``."""
        env = {**os.environ, "LG_COORDINATOR": self.coordinator}
        if user is not None:
            env["LG_USERNAME"] = user
        done = children.run([LABGRID / "labgrid-client", *words], env=env, timeout_s=60)
        return done.returncode, done.stdout + done.stderr

    def export(self, **ttys: str) -> None:
        """Export ttys, each in a group of its own, with a place of that name."""
        file = self.folder / "exporter.yaml"
        groups = (
            f"{group}:\n  RawSerialPort:\n    port: {tty}\n    speed: 115200\n"
            for group, tty in ttys.items()
        )
        file.write_text("".join(groups))
        options = ("-c", self.coordinator, "-n", self.exporter, "--hostname", "127.0.0.1")
        exporter = self._start("labgrid-exporter", *options, file)
        wait_until(lambda: exporter.poll() is not None or self._shows(ttys))
        assert exporter.poll() is None, "labgrid-exporter ended"
        for group in ttys:
            self.client("-p", group, "create")
            self.client("-p", group, "add-match", f"{self.exporter}/{group}/NetworkSerialPort")

    def _shows(self, groups: Iterable[str]) -> bool:
        resources = self.client("resources")
        return all(f"{self.exporter}/{group}/" in resources for group in groups)

    def holder(self, place: str) -> str:
        """``HOST/USER`` of who has a place, ``None`` where nobody has."""
        shown = self.client("-p", place, "show")
        (holder,) = (line for line in shown.splitlines() if line.startswith("  acquired: "))
        return holder.removeprefix("  acquired: ")

    def _start(self, program: str, *words: str | Path) -> subprocess.Popen[str]:
        path = f"{os.environ['PATH']}:/usr/sbin"  # where Debian has ser2net
        with (self.folder / f"{program}.log").open("w") as log:
            return self.processes.start(
                LABGRID / program,
                *words,
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "PATH": path},
            )


def farm(processes: Processes, folder: Path) -> Farm:
    """Start a coordinator; it ends with ``processes``."""
    if not (LABGRID / "labgrid-client").exists():
        unavailable("labgrid is not installed: scripts/setup --test")
    ser2net_path()
    folder.mkdir()
    started = Farm(processes, folder, f"127.0.0.1:{free_port()}")
    started._start("labgrid-coordinator", "-l", started.coordinator)
    wait_until(lambda: started.ask("places")[0] == 0)
    return started


def main(tty: str) -> None:
    """Serve a tty, print a line of name and URL for each way, and wait for the end of stdin."""
    own = Processes(uuid.uuid4().hex)
    try:
        with rfc2217_server(tty) as server:
            print("rfc2217, pyserial", server.url, sep="\t")
            print("socket, ser2net", ser2net(own, tty, rfc2217=False), sep="\t")
            print("rfc2217, ser2net", ser2net(own, tty, rfc2217=True), sep="\t", flush=True)
            sys.stdin.read()
    finally:
        own.end()


if __name__ == "__main__":
    main(sys.argv[1])
