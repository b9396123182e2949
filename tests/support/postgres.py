"""PostgreSQL for tests: one cluster for all workers of a session, a database for each test.

The first test that needs the cluster starts it (``tests.support.postgres_server``); it ends with
the last process that uses it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
import psycopg
import pytest
from hil.store import Store

from tests.support.postgres_server import Server, programs
from tests.support.processes import MARK

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = "hil_template"


@dataclass(frozen=True)
class Cluster:
    """A running server; databases are made and dropped through its ``postgres`` database."""

    server: Server

    def url(self, database: str, *, user: str = "hil", password: str | None = None) -> str:
        """The URL of a database, with the password."""
        secret = self.server.password if password is None else password
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.server.port}/{database}"

    @property
    def language(self) -> str:
        """What ``CREATE DATABASE`` needs for text that is sorted by a language, as users have it.

        Before PostgreSQL 15, '': there only the languages of the operating system.
        """
        with psycopg.connect(self.url("postgres")) as connection:
            if connection.info.server_version < 150_000:
                return ""
        return "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'"

    def execute(self, *statements: str, database: str = "postgres") -> None:
        """Carry out statements, each in a transaction of its own, as the superuser."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    @contextlib.contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """A new database, with the store's tables or empty; yields its name, drops it after."""
        name = f"t_{uuid.uuid4().hex}"
        template = f"template0 {self.language}" if empty else TEMPLATE
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield name
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def cluster(shared: Path) -> Iterator[Cluster]:
    """The cluster of all processes with the folder ``shared``; skips where there is none.

    Where CI is set, a missing PostgreSQL is a failure.
    """
    if programs() is None:
        reason = "PostgreSQL is not installed (scripts/setup --test)"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    # The name of a Unix socket has at most 107 characters, which pytest's folders may exceed.
    name = f"hil-tests-{hashlib.sha256(os.fsencode(shared)).hexdigest()}"
    with filelock.FileLock(shared / "postgresql.lock"):
        connection = _connect(name)
        started = connection is None
        if connection is None:
            _launch(name)
            connection = _connect(name)
            assert connection is not None
        found = Cluster(Server(**json.loads(connection.makefile().readline())))
        if started:
            found.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 {found.language}")
            Store.open(found.url(TEMPLATE)).close()
    with connection:
        yield found


def _connect(name: str) -> socket.socket | None:
    client = socket.socket(socket.AF_UNIX)
    try:
        client.connect(f"\0{name}")
        if client.recv(1, socket.MSG_PEEK):
            return client
    except OSError:
        pass
    client.close()
    return None  # none runs, or it is ending


def _launch(name: str) -> None:
    # Without the mark of this worker: the server belongs to all of them.
    environment = {key: value for key, value in os.environ.items() if key != MARK}
    command = (sys.executable, "-m", "tests.support.postgres_server", name)
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"listening\n", "PostgreSQL did not start"
    process.returncode = 0  # it is not waited for: it may end after this process
