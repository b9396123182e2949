"""Locates the database that ``--db`` names and configures SQLAlchemy's engine for it."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url
from sqlalchemy.pool import StaticPool

from hil.errors import StoreError, UsageError
from hil.resources import state_dir
from hil.settings import without_password
from hil.store import postgresql

DEFAULT_FILE = "hil.db"
_WRITER_WAIT_S = 0.25
_LONGEST_TIMEOUT_S = 1e6  # SQLite counts milliseconds in 31 bits
WRITE = "hil_write"
"""Execution option of an engine whose transactions take SQLite's write lock at their beginning.

A transaction that reads first and writes later fails at once, without waiting, when another
process wrote in between (SQLITE_BUSY_SNAPSHOT).
"""


@dataclass(frozen=True)
class Location:
    """A database. ``file`` is None unless it is an SQLite file; ``label`` hides the password."""

    url: URL
    label: str
    file: Path | None


def locate(url: str | None) -> Location:
    """Parse ``--db``: None is the default file, a text without ``://`` a path.

    Raises:
        UsageError: it contains ``://`` and is not a valid URL.
    """
    if url is None:
        return _at(state_dir() / DEFAULT_FILE)
    if "://" not in url:
        return _at(Path(url).expanduser())
    try:
        parsed = make_url(url)
    except (exc.ArgumentError, ValueError) as error:
        raise UsageError(
            "the database URL is invalid",
            hint="give a file name, or a URL such as sqlite:///results.db",
        ) from error
    if postgresql.is_postgresql(parsed):
        return Location(postgresql.parsed(parsed), without_password(url), None)
    if parsed.get_backend_name() != "sqlite":
        raise UsageError(
            f"hil keeps runs in SQLite or PostgreSQL, not in '{parsed.get_backend_name()}'",
            hint="give a file name, sqlite:///FILE or postgresql://USER@HOST/DATABASE",
        )
    if _is_memory(parsed):
        return Location(parsed, without_password(url), None)
    database = parsed.database or ""
    file = None if database.startswith("file:") else Path(database)
    return Location(parsed, str(file or database), file)


def _at(path: Path) -> Location:
    return Location(URL.create("sqlite", database=str(path)), str(path), path)


def _is_memory(url: URL) -> bool:
    return url.database in (None, "", ":memory:")


def require_file(location: Location, *, create: bool, is_default: bool) -> None:
    """Check the folder and file of an SQLite database; create only the default folder.

    Raises:
        StoreError: the folder is missing, the path is a folder, or (``create`` false) no file.
    """
    file = location.file
    if file is None:
        return
    if is_default and create:
        file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_dir():
        raise StoreError(f"{file} is a folder, not a database", hint="give a file with --db")
    if not file.parent.is_dir():
        raise StoreError(
            f"the folder of the database {file} does not exist",
            hint=f"create it first: mkdir -p {file.parent}",
        )
    if not create and not file.exists():
        raise StoreError(
            f"there is no database at {file}",
            hint="`hil run` creates one; --db names another",
        )


def connect(location: Location, *, read_only: bool, timeout_s: float) -> Engine:
    """Return an engine; the database is opened by the first connection.

    ``timeout_s`` is how long to wait for a lock (a ``timeout`` in SQLite's URL wins).
    """
    if postgresql.is_postgresql(location.url):
        return postgresql.connect(
            location.url,
            location.label,
            read_only=read_only,
            timeout_s=timeout_s,
            read_json=_read_json,
        )
    if "timeout" in location.url.query:
        timeout_s = _seconds(str(location.url.query["timeout"]))
    options: dict[str, Any] = {
        "connect_args": {"timeout": timeout_s},
        "json_deserializer": _read_json,
    }
    if location.file is None and _is_memory(location.url):
        options["poolclass"] = StaticPool
    url = location.url
    if read_only and location.file is not None and not _is_writable(location.file):
        url = _read_only_url(location.file)
    engine = create_engine(url, **options)
    _behave(engine, read_only=read_only, timeout_s=timeout_s)
    return engine


def _seconds(text: str) -> float:
    """The ``timeout`` of SQLite's URL.

    Raises:
        UsageError: it is not a number of seconds.
    """
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _LONGEST_TIMEOUT_S:
        raise UsageError(
            f"the database URL has the invalid timeout '{text}'",
            hint="give seconds, such as sqlite:///results.db?timeout=60",
        )
    return seconds


def _read_json(text: str | bytes) -> Any:
    """Read a JSON column; damaged text becomes None, which no valid document is."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def _behave(engine: Engine, *, read_only: bool, timeout_s: float) -> None:
    """Configure SQLite connections and make their transactions cover every statement.

    The driver's own transactions start late and skip DDL; ``isolation_level`` None disables them
    (SQLAlchemy's documentation of the pysqlite dialect, "transaction isolation").
    """

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA foreign_keys = ON")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
        else:
            _write_ahead(connection, timeout_s)
            connection.execute("PRAGMA synchronous = NORMAL")  # enough for consistency in WAL

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        write = connection.get_execution_options().get(WRITE, False)
        # A writer that waits in SQLite cannot be interrupted, so it waits there for short times
        # and tries again (``hil.store.transactions``).
        wait_s = min(timeout_s, _WRITER_WAIT_S) if write else timeout_s
        connection.exec_driver_sql(f"PRAGMA busy_timeout = {round(wait_s * 1000)}")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


def _write_ahead(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Switch to WAL, waiting for other processes (SQLite itself does not wait here).

    A file system without shared memory keeps its old journal, which is slower.
    """
    if connection.execute("PRAGMA journal_mode").fetchone()[0] in ("wal", "memory"):
        return
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            busy = str(getattr(error, "sqlite_errorname", "")).startswith("SQLITE_BUSY")
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def _is_writable(file: Path) -> bool:
    return os.access(file, os.W_OK) and os.access(file.parent, os.W_OK)


def _read_only_url(file: Path) -> URL:
    """A URL that opens the file without writing beside it.

    A WAL database cannot be opened read-only where its ``-shm`` file cannot be made, unless it is
    declared immutable, which it is as long as no ``-wal`` file holds unmerged pages
    (https://www.sqlite.org/wal.html#read_only_databases).
    """
    log = file.with_name(file.name + "-wal")
    query = {"mode": "ro", "uri": "true"}
    if not (log.exists() and log.stat().st_size):
        query["immutable"] = "1"
    return URL.create("sqlite", database=file.resolve().as_uri(), query=query)
