"""Translates errors of the database and its driver into ``StoreError`` with a hint."""

from __future__ import annotations

import contextlib
import errno
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import exc

from hil.errors import StoreError
from hil.store import postgresql

_NEARLY_FULL_BYTES = 1 << 20


@contextlib.contextmanager
def translated(where: str, file: Path | None) -> Iterator[None]:
    """Raise every database error of the block as ``StoreError``.

    ``where`` names the database without its password, ``file`` is SQLite's file.
    """
    try:
        yield
    except ImportError as error:
        raise StoreError(
            f"the driver for {where} is not installed: {error}",
            hint="pip install 'hil[postgres]'",
        ) from error
    except exc.DBAPIError as error:
        raise explain(where, file, error.orig or error) from error
    except (exc.SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise explain(where, file, error) from error


def explain(where: str, file: Path | None, error: BaseException) -> StoreError:
    """Return the ``StoreError`` for what a driver or the system reported."""
    if hasattr(error, "sqlstate"):
        return postgresql.explain(where, error)
    name = getattr(error, "sqlite_errorname", "") or ""
    if isinstance(error, OSError):
        return StoreError(
            f"cannot use the database {where}: {error.strerror or error}",
            hint=_os_hint(error, file),
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreError(
            f"the database {where} is locked by another process",
            hint="wait for it to end, or give this run its own with --db FILE",
        )
    if name.startswith("SQLITE_FULL") or (name.startswith("SQLITE_IOERR") and _is_full(file)):
        return StoreError(
            f"the disk under the database {where} is full",
            hint="free some space there, or use --db FILE on another disk; nothing was stored",
        )
    if name.startswith(("SQLITE_READONLY", "SQLITE_PERM")):
        return StoreError(
            f"the database {where} cannot be written",
            hint="check the permissions of the file and its folder, or use --db FILE",
        )
    if name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        damaged = "is damaged" if name.startswith("SQLITE_CORRUPT") else "is not a database"
        return StoreError(
            f"{where} {damaged}",
            hint="move the file away, or use another with --db FILE",
        )
    if name.startswith("SQLITE_CANTOPEN"):
        return StoreError(
            f"the database {where} cannot be opened",
            hint="check that the path is a file in a folder that you may write",
        )
    return StoreError(
        f"the database {where} failed: {error}",
        hint="check the disk and the URL; `hil doctor` tries the default database",
    )


def _os_hint(error: OSError, file: Path | None) -> str:
    if error.errno == errno.ENOSPC:
        return "the disk is full: free some space, or use --db FILE on another disk"
    folder = file.parent if file else "its folder"
    return f"check the permissions of {folder}, or use --db FILE"


def _is_full(file: Path | None) -> bool:
    if file is None:
        return False
    try:
        return shutil.disk_usage(file.parent).free < _NEARLY_FULL_BYTES
    except OSError:
        return False
