"""PostgreSQL as the database: its URL, its connections, its locks and its errors.

The driver is psycopg 3 (``pip install 'hil[postgres]'``). What a server reports has an SQLSTATE
(https://www.postgresql.org/docs/current/errcodes-appendix.html); a connection that fails has none,
so that its reason is read from libpq's text.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text

from hil.errors import StoreError, UsageError

DRIVER = "psycopg"
MINIMUM_VERSION = 12
"""The oldest major version; the tests use the one of Debian."""
_BACKEND = "postgresql"
_CONNECT_TIMEOUT_S = 10
# A peer that is gone without a word is noticed after a minute (libpq's connection parameters).
_KEEPALIVE = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_BEING_STARTED = ("57P03", "53300")  # cannot_connect_now, too_many_connections
_LOST = ("57P01", "57P02", "57P03", "53300", "40001", "40P01", "55P03")


@dataclass(frozen=True)
class _Reason:
    """What the server or libpq reports: by SQLSTATE or by text, and what is said of it."""

    states: tuple[str, ...]
    pattern: str
    message: str
    hint: str


_REASONS = (
    _Reason(
        ("28P01",),
        "password authentication failed|no password supplied",
        "the database {where} refuses the user or password",
        "check both in the URL (special characters as %40 …), or use PGPASSWORD or ~/.pgpass",
    ),
    _Reason(
        (),
        "server does not support SSL",
        "the server of {where} does not offer SSL, which the URL requires",
        "drop sslmode from the URL in a network that you trust, or switch SSL on in the server",
    ),
    _Reason(
        (),
        "pg_hba.conf.*no encryption",
        "the server of {where} refuses connections without SSL, or from this host or user",
        "add ?sslmode=require to the URL; else ask its administrator (pg_hba.conf)",
    ),
    _Reason(
        ("28000",),
        'pg_hba.conf|role "[^"]*" does not exist|not permitted to log in',
        "the server of {where} does not let this user or host in",
        "check the user in the URL; else ask its administrator (pg_hba.conf, CREATE ROLE)",
    ),
    _Reason(
        (),
        "certificate|SSL error",
        "no SSL connection to {where}",
        "check sslmode and sslrootcert in the URL against the server's certificate",
    ),
    _Reason(
        ("3D000",),
        'database "[^"]*" does not exist',
        "there is no database at {where}",
        "create it first: createdb NAME, or CREATE DATABASE name",
    ),
    _Reason(
        (),
        "could not translate host name|failed to resolve host|Name or service not known",
        "the host of {where} is not known",
        "check the name in the URL, and the network",
    ),
    _Reason(
        (),
        "Connection refused|No such file or directory",
        "no PostgreSQL server answers at {where}",
        "check host and port in the URL, and that the server runs and listens there",
    ),
    _Reason(
        (),
        "timeout expired|timed out|No route to host|Network is unreachable",
        "the server of {where} cannot be reached",
        "check host and port in the URL, and that no firewall is in between",
    ),
    _Reason(
        ("53300",),
        "too many clients|too many connections|remaining connection slots",
        "the server of {where} has no connection left",
        "run fewer jobs at once, or raise max_connections",
    ),
    _Reason(
        ("57P03",),
        "the database system is (starting up|shutting down|not yet accepting|in recovery)",
        "the server of {where} is starting or stopping",
        "wait for it, and run the command again",
    ),
    _Reason(
        ("42501",),
        "permission denied|must be owner",
        "no permission for that in the database {where}",
        "ask its owner for the rights of a reader or a writer (docs/database.md)",
    ),
    _Reason(
        ("25006",),
        "read-only transaction",
        "the database {where} cannot be written",
        "it was opened for reading only, or is a standby: use the URL of the primary server",
    ),
    _Reason(
        ("55P03", "40P01", "40001"),
        "lock timeout|deadlock detected|could not serialize",
        "the database {where} is locked by another process",
        "wait for it to end, and run the command again",
    ),
    _Reason(
        ("53100",),
        "No space left on device",
        "the disk under the database {where} is full",
        "free some space on the server; nothing was stored",
    ),
    _Reason(
        ("22001", "54000"),
        "value too long|exceeds (btree version|maximum)",
        "a name or label is too long for the database {where}",
        "names have at most 255 characters",
    ),
)


def is_postgresql(url: URL) -> bool:
    """Whether the URL is one of PostgreSQL's, with any driver."""
    return url.get_backend_name() in (_BACKEND, "postgres")


def parsed(url: URL) -> URL:
    """Return the URL with the driver that hil uses.

    Raises:
        UsageError: another driver is named, or the URL lacks the escape of a special character.
    """
    _, _, driver = url.drivername.partition("+")
    if driver not in ("", DRIVER):
        raise UsageError(
            f"hil uses the driver {DRIVER} for PostgreSQL, not {driver}",
            hint="write postgresql://USER@HOST/DATABASE",
        )
    if "@" in (url.host or ""):
        raise UsageError(
            "the database URL has an @ in its user or password",
            hint="write it as %40 (and / as %2F, : as %3A)",
        )
    return url.set(drivername=f"{_BACKEND}+{DRIVER}")


def connect(
    url: URL,
    where: str,
    *,
    read_only: bool,
    timeout_s: float,
    read_json: Callable[[str | bytes], Any],
) -> Engine:
    """Return an engine; the server is reached by the first connection.

    Transactions of the engine read one state of the database; those of an engine with the option
    ``WRITE`` wait for the locks of others. Parameters of the URL win.
    """
    defaults = {
        "connect_timeout": max(2, min(_CONNECT_TIMEOUT_S, math.ceil(timeout_s))),
        "application_name": "hil",
        "prepare_threshold": None,  # PgBouncer gives each transaction another connection
        **_KEEPALIVE,
    }
    engine = create_engine(
        url,
        connect_args={key: value for key, value in defaults.items() if key not in url.query},
        isolation_level="REPEATABLE READ",
        pool_pre_ping=True,
        use_native_hstore=False,
        json_deserializer=read_json,
    )

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        check_version(connection.info.server_version, where)
        connection.read_only = read_only

    return engine


def check_version(number: int, where: str) -> None:
    """Check the server's version, such as 150018 for 15.18.

    Raises:
        StoreError: it is too old.
    """
    if number // 10_000 < MINIMUM_VERSION:
        raise StoreError(
            f"the server of {where} is PostgreSQL {number // 10_000}",
            hint=f"hil needs {MINIMUM_VERSION} or newer",
        )


def limit_waits(connection: Connection, timeout_s: float) -> None:
    """Bound how long this transaction waits for a lock."""
    connection.execute(text(f"SET LOCAL lock_timeout = {max(1, round(timeout_s * 1000))}"))


def lock(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds the lock ``name``; it ends with the transaction."""
    digest = hashlib.sha256(f"hil/{name}".encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": number})


def is_lost(error: BaseException) -> bool:
    """Whether the transaction, or the connection, was lost for a reason that passes."""
    state = _state(error)
    if state is None:
        return _is_operational(error)
    return state in _LOST or state.startswith("08")


def is_being_started(error: BaseException) -> bool:
    """Whether the server is there and will soon take connections."""
    words = [reason for reason in _REASONS if set(reason.states) & set(_BEING_STARTED)]
    return _state(error) in _BEING_STARTED or any(_fits(reason, error) for reason in words)


def is_refused(error: BaseException) -> bool:
    """Whether the user has no permission for that."""
    return _state(error) == "42501"


def explain(where: str, error: BaseException) -> StoreError:
    """Return the ``StoreError`` for what the driver reported."""
    for reason in _REASONS:
        if _fits(reason, error):
            return StoreError(reason.message.format(where=where), hint=reason.hint)
    first = str(error).strip().splitlines()[:1]
    return StoreError(
        f"the database {where} failed: {''.join(first) or type(error).__name__}",
        hint="check the server and the URL; `hil doctor` tries the database",
    )


def _fits(reason: _Reason, error: BaseException) -> bool:
    state = _state(error)
    if state is not None:
        return state in reason.states
    return re.search(reason.pattern, str(error), re.DOTALL) is not None


def _state(error: BaseException) -> str | None:
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) else None


def _is_operational(error: BaseException) -> bool:
    """Whether it is psycopg's error of a connection, without importing it."""
    return any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)


def identity(connection: Connection) -> str:
    """Return the identifier of the server's cluster, the database and its first schema.

    '' where this user may not see it.
    """
    allowed = "SELECT has_function_privilege('pg_control_system()', 'execute')"
    if not connection.exec_driver_sql(allowed).scalar_one():
        return ""
    found = connection.exec_driver_sql(
        "SELECT system_identifier, current_database(), current_schema() FROM pg_control_system()"
    ).one()
    return "/".join(map(str, found))
