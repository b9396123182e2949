"""Transactions on the database, carried out again where a passing reason ended them.

SQLite has one writer at a time; PostgreSQL ends a transaction of a deadlock, and loses all of them
when the server restarts. Such a transaction is repeated, with growing random pauses, until it
succeeds or the store's limit has passed. Transactions that write take SQLite's lock at their
beginning, and on PostgreSQL the locks that they name.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

from sqlalchemy import Connection, Engine, exc

from hil.store import postgresql
from hil.store.database import WRITE, Location
from hil.store.failures import translated

Result = TypeVar("Result")
_AGAIN = "hil_again"
_FIRST_PAUSE_S = 0.01
_LONGEST_PAUSE_S = 1.0


class Transactions:
    """Reads and writes the database of an open store.

    ``limit_s`` is how long a transaction is tried.
    """

    def __init__(self, engine: Engine, location: Location, limit_s: float) -> None:
        self._engine = engine
        self._location = location
        self._limit_s = limit_s
        isolation = {} if _is_sqlite(engine) else {"isolation_level": "READ COMMITTED"}
        self._writer = engine.execution_options(**{WRITE: True}, **isolation)

    @property
    def label(self) -> str:
        """The database as shown to users: the file, or the URL without its password."""
        return self._location.label

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database; errors are ``StoreError``."""
        with self._translated():
            connection = retried(lambda _: self._engine.connect(), self._limit_s)
            with connection:
                yield connection

    def write(self, work: Callable[[Connection], Result], *, lock: str = "") -> Result:
        """Carry out ``work`` in a transaction of its own and return its result.

        It may be called several times, and then finds what was stored where only the server's
        answer was lost (``is_again``). ``lock`` names what no other transaction with the same
        lock may do at the same time.

        Raises:
            StoreError: the transaction failed, or was not possible within the limit.
        """
        with self._translated():
            return retried(lambda again: self._attempt(work, lock, again), self._limit_s)

    def _attempt(self, work: Callable[[Connection], Result], lock: str, again: bool) -> Result:
        with self._writer.execution_options(**{_AGAIN: again}).begin() as connection:
            if not _is_sqlite(self._engine):
                postgresql.limit_waits(connection, self._limit_s)
                if lock:
                    postgresql.lock(connection, lock)
            return work(connection)

    def _translated(self) -> AbstractContextManager[None]:
        return translated(self.label, self._location.file)


def is_again(connection: Connection) -> bool:
    """Whether an earlier attempt of this transaction may have been stored."""
    return bool(connection.get_execution_options().get(_AGAIN))


def retried(
    attempt: Callable[[bool], Result],
    limit_s: float,
    passes: Callable[[BaseException], bool] | None = None,
) -> Result:
    """Call ``attempt``, with False and then with True, until it succeeds or the limit is over.

    ``passes`` says which of the driver's errors are tried again; without it, those of a lost
    transaction or connection.

    Raises:
        sqlalchemy.exc.DBAPIError: the last attempt's, or one that trying again does not mend.
    """
    chosen = passes or is_lost
    until = time.monotonic() + limit_s
    pause_s, again = _FIRST_PAUSE_S, False
    while True:
        try:
            return attempt(again)
        except exc.DBAPIError as error:
            left_s = until - time.monotonic()
            if left_s <= 0 or not chosen(error.orig or error):
                raise
        time.sleep(min(left_s, pause_s * random.uniform(0.5, 1.5)))
        pause_s, again = min(2 * pause_s, _LONGEST_PAUSE_S), True


def is_lost(error: BaseException) -> bool:
    """Whether the driver's error ended a transaction that could succeed if it is repeated."""
    name = getattr(error, "sqlite_errorname", None)
    if name is not None:
        return str(name).startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return hasattr(error, "sqlstate") and postgresql.is_lost(error)


def is_opening(error: BaseException) -> bool:
    """Whether a database that cannot be opened now soon can; a server that is not there cannot."""
    if hasattr(error, "sqlstate"):
        return postgresql.is_being_started(error)
    return is_lost(error)


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"
