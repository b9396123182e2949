"""A PostgreSQL cluster for one test session: ``python -m tests.support.postgres_server NAME``.

It answers each client of the abstract Unix socket NAME with one line, the JSON object of
``Server``, and lives as long as one of them keeps its connection: the kernel closes the connection
of a client that is killed. Then the server is stopped and its folder removed. PostgreSQL gets the
parent death signal, so that it does not outlive this process either.

PostgreSQL refuses to run as root; root starts it as the user ``postgres`` or ``nobody``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pwd
import secrets
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

START_LIMIT_S = 60.0
_FIRST_CLIENT_S = 10.0
_PORTS_TRIED = 5
_USERS = ("postgres", "nobody")
# Nothing of a test session needs to survive a power cut.
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "max_wal_size": "256MB",
}


@dataclasses.dataclass(frozen=True)
class Server:
    """A running server: its superuser ``hil`` logs in with the password, over TCP only."""

    port: int
    password: str
    folder: str
    pid: int


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``, the newest of Debian's, or None."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda p: int(p.parent.name))
    if found := shutil.which("initdb"):
        debian.append(Path(found).resolve().parent)
    return next((path for path in reversed(debian) if (path / "postgres").exists()), None)


def main(name: str) -> None:
    """Start the server, then answer clients until the last one has gone."""
    folder = Path(tempfile.mkdtemp(prefix="hil-postgresql-"))
    server = None
    try:
        server, running = _start(folder)
        _serve(name, running)
    finally:
        if server is not None:
            server.send_signal(signal.SIGQUIT)  # at once, without a checkpoint
            server.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], Server]:
    binaries = programs()
    assert binaries is not None
    prefix = _as_user(folder)
    password = secrets.token_hex(16)
    secret = folder / "password"
    secret.write_text(password)
    if os.geteuid() == 0:
        os.chown(secret, *_user())
    data = folder / "data"
    command = [binaries / "initdb", "-D", data, "-U", "hil", "--pwfile", secret]
    command += ["--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"]
    subprocess.run([*prefix, *command], check=True, cwd=folder, stdout=subprocess.DEVNULL)
    options = [f"-c{name}={value}" for name, value in _SETTINGS.items()]
    options.append(f"-cunix_socket_directories={folder}")
    for _ in range(_PORTS_TRIED):
        port = _free_port()
        log = (folder / "log").open("wb")
        server = subprocess.Popen(
            [*prefix, binaries / "postgres", "-D", data, "-p", str(port), *options],
            cwd=folder,
            stdout=log,
            stderr=log,
        )
        log.close()
        if _is_ready(server, data / "postmaster.pid"):
            return server, Server(port, password, str(folder), server.pid)
        server.kill()
        server.wait()
    raise SystemExit((folder / "log").read_text(errors="replace"))


def _as_user(folder: Path) -> list[str]:
    """The words before a command that make it die with this process, and not run as root."""
    prefix = ["setpriv", "--pdeathsig", "QUIT"]
    if os.geteuid() != 0:
        return prefix
    user, group = _user()
    os.chown(folder, user, group)
    return [*prefix, f"--reuid={user}", f"--regid={group}", "--clear-groups"]


def _user() -> tuple[int, int]:
    for name in _USERS:
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return entry.pw_uid, entry.pw_gid
    raise SystemExit(f"there is none of the users {', '.join(_USERS)}")


def _free_port() -> int:
    """A port that was free now; where another process takes it first, the start fails."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _is_ready(server: subprocess.Popen[bytes], status: Path) -> bool:
    """Wait for ``ready`` in the last line of postmaster.pid; false where the server ends."""
    until = time.monotonic() + START_LIMIT_S
    while server.poll() is None and time.monotonic() < until:
        with contextlib.suppress(OSError):
            lines = status.read_text().splitlines()
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return True
        time.sleep(0.02)
    return False


def _serve(name: str, running: Server) -> None:
    line = json.dumps(dataclasses.asdict(running)).encode() + b"\n"
    clients = 0
    with socket.socket(socket.AF_UNIX) as listener, selectors.DefaultSelector() as selector:
        listener.bind(f"\0{name}")
        listener.listen(64)
        print("listening", flush=True)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            # Nobody comes: the process that started this one was killed meanwhile.
            if not (ready := selector.select(None if clients else _FIRST_CLIENT_S)):
                return
            for key, _ in ready:
                if key.fileobj is listener:
                    client, _ = listener.accept()
                    client.sendall(line)
                    selector.register(client, selectors.EVENT_READ)
                    clients += 1
                else:  # clients say nothing: theirs is the end
                    selector.unregister(key.fileobj)
                    key.fileobj.close()  # type: ignore[union-attr]
                    clients -= 1
                    if not clients:
                        return


if __name__ == "__main__":
    # The session's processes may be killed in any way; this one ends by itself.
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    main(sys.argv[1])
