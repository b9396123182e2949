"""Opens the results database that ``--db`` or the settings name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hil.store import Store


def opened(db: str | None, *, create: bool = False, read_only: bool = False) -> Store:
    """Open the database; ``db`` is the value of ``--db``.

    Raises:
        StoreError: it cannot be opened, or does not exist and ``create`` is false.
    """
    from hil import settings
    from hil.store import Store

    return Store.open(settings.load(db=db).db, create=create, read_only=read_only)


@contextlib.contextmanager
def reading(db: str | None) -> Iterator[Store | None]:
    """Open the database to read it; None where it is the default one and does not exist yet.

    Raises:
        StoreError: it cannot be read, or is not the default one and does not exist.
    """
    from hil import settings
    from hil.store.database import locate

    url = settings.load(db=db).db
    file = locate(url).file
    if url is None and file is not None and not file.exists():
        yield None
        return
    with opened(db, read_only=True) as store:
        yield store
