"""Upkeep of a database: taking in runs that were kept beside it, checking it, making it smaller."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from sqlalchemy import Connection, Table, select, text

from hil.errors import UsageError
from hil.records import Evaluation, RunRecord, RunStatus, Variant
from hil.store import documents, unstored
from hil.store.failures import translated
from hil.store.liveness import this_process
from hil.store.rows import figure_rows, run_row
from hil.store.tables import baselines, evaluations, measurements, runs, variants
from hil.store.unstored import Kept

if TYPE_CHECKING:
    from hil.store.store import Store

_UNFINISHED = ("running", "interrupted")
_OF_THE_PROCESS = ("host", "boot_id", "pid", "pid_start")
_PROBLEMS = 100  # of SQLite's own check
_DOCUMENTS: tuple[tuple[Table, type, tuple[str, ...]], ...] = (
    (runs, RunRecord, ("run_id",)),
    (variants, Variant, ("variant_key",)),
    (evaluations, Evaluation, ("evaluation_id",)),
    (baselines, RunRecord, ("name", "run_id")),
)


@dataclass(frozen=True)
class Problem:
    """What is damaged: a table, the key of a row ('' for the whole), and the reason."""

    table: str
    key: str
    reason: str


def recover(store: Store) -> list[Kept]:
    """Store the runs that were kept as files, and remove the files of those that are stored.

    A file stays where it is damaged, or where a finished run with its id differs.

    Raises:
        StoreError: the database cannot be written; files that are left can be taken in later.
    """
    return [_recovered(store, path, found) for path, found in unstored.read(store.location)]


def _recovered(store: Store, path: Any, found: RunRecord | Exception) -> Kept:
    if not isinstance(found, RunRecord):
        return Kept(path, path.stem, "damaged", str(found))
    with suppress(UsageError):
        stored = store.get(found.run_id)
        if stored.status not in _UNFINISHED:
            if documents.to_document(stored) != documents.to_document(found):
                return Kept(path, found.run_id, "differs", "the database has another run of its id")
            path.unlink(missing_ok=True)
            return Kept(path, found.run_id, "known")
    store.finish(found)
    path.unlink(missing_ok=True)
    return Kept(path, found.run_id, "stored")


def check(store: Store) -> list[Problem]:
    """Read the whole database: SQLite's own check, every document, and the columns of runs.

    Raises:
        StoreError: the database cannot be read at all.
    """
    with store.reading() as connection:
        return [*_own_check(connection), *_document_problems(connection)]


def _own_check(connection: Connection) -> Iterator[Problem]:
    if connection.dialect.name != "sqlite":
        return
    for (line,) in connection.execute(text(f"PRAGMA integrity_check({_PROBLEMS})")):
        if line != "ok":
            yield Problem("", "", str(line))
    for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")):
        yield Problem(str(table), str(row), f"it belongs to no row of {parent}")


def _document_problems(connection: Connection) -> Iterator[Problem]:
    for table, kind, keys in _DOCUMENTS:
        for row in connection.execute(select(table).execution_options(yield_per=200)):
            key = " ".join(str(row._mapping[name]) for name in keys)
            try:
                documents.from_document(kind, row.document)
            except documents.InvalidDocument as error:
                yield Problem(table.name, key, str(error))
                continue
            if "status" in table.c and row.status not in get_args(RunStatus):
                yield Problem(table.name, key, f"the unknown status '{row.status}'")
            elif table is runs:
                yield from _column_problems(connection, row)


def _column_problems(connection: Connection, row: Any) -> Iterator[Problem]:
    """Columns and measurements of a run that are not those of its document."""
    for name, value in run_row(row.document, this_process()).items():
        if name not in (*_OF_THE_PROCESS, "document") and row._mapping[name] != value:
            yield Problem("runs", row.run_id, f"the column {name} is not that of the document")
    query = select(measurements).where(measurements.c.run_id == row.run_id)
    found = {one.name: dict(one._mapping) for one in connection.execute(query)}
    wanted = {one["name"]: {**one, "kind": str(one["kind"])} for one in figure_rows(row.document)}
    for name in sorted(found.keys() | wanted.keys()):
        if not _alike(found.get(name), wanted.get(name)):
            yield Problem("measurements", f"{row.run_id} {name}", "it is not that of the document")


def _alike(found: dict[str, Any] | None, wanted: dict[str, Any] | None) -> bool:
    if found is None or wanted is None:
        return False
    return all(found[name] == value for name, value in wanted.items() if name != "samples")


def vacuum(store: Store) -> tuple[int | None, int | None]:
    """Give unused space back; SQLite's file size before and after in bytes, else None.

    Raises:
        StoreError: another process uses the database, or the disk is full.
    """
    file = store.location.file
    before = None if file is None else file.stat().st_size
    with translated(store.label, file):
        autocommit = store.engine.execution_options(isolation_level="AUTOCOMMIT")
        with autocommit.connect() as connection:
            if file is None:
                connection.execute(text("VACUUM (ANALYZE)"))
                return None, None
            driver: Any = connection.connection.driver_connection
            connection.rollback()
            driver.execute("VACUUM")
            driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert file is not None
    return before, file.stat().st_size
