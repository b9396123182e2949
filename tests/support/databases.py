"""SQL on an open store, past its own statements."""

from __future__ import annotations

from typing import Any

from hil.store import Store
from sqlalchemy import Connection


def execute(store: Store, statement: str) -> list[tuple[Any, ...]]:
    """Carry out a statement in a transaction of its own and return the rows, if it has some."""

    def work(connection: Connection) -> list[tuple[Any, ...]]:
        result = connection.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []

    return store.transactions.write(work)


def is_sqlite(store: Store) -> bool:
    return store._engine.dialect.name == "sqlite"
