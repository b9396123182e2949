"""``hil.open_store``: stored runs as the objects that ``hil.run`` returns."""

from __future__ import annotations

import contextlib
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from hil import settings
from hil._api.runs import Run

if TYPE_CHECKING:
    from hil.store import Store as Database


class Store(contextlib.AbstractContextManager["Store"]):
    """An open database of runs. It is a context manager; open one with ``hil.open_store``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def label(self) -> str:
        """The database's file, or its URL without the password."""
        return self._database.label

    def get(self, run: str = "latest") -> Run:
        """Return a run by its id, the beginning of it, or ``latest``.

        Raises:
            UsageError: no run matches, or several do.
            StoreError: the database cannot be used.
        """
        return Run(self._database.get(run))

    def find(
        self,
        *,
        model: str | None = None,
        profile: str | None = None,
        engine: str | None = None,
        status: str | None = None,
        since: datetime | None = None,
        limit: int | None = None,
    ) -> list[Run]:
        """Return the runs that match all given values, newest first.

        Args:
            model: name of the model.
            profile: name of the device profile.
            engine: name of the engine.
            status: ``passed``, ``failed``, ``error``, ``interrupted`` or ``running``.
            since: started at this time or later; UTC where it has no time zone.
            limit: at most so many.

        Raises:
            StoreError: the database cannot be used.
        """
        found = self._database.find(
            model_name=model,
            profile=profile,
            engine=engine,
            status=status,
            since=since,
            limit=limit,
        )
        return [Run(record) for record in self._database.load([one.run_id for one in found])]

    def close(self) -> None:
        """Close the database; the runs that it returned stay usable."""
        self._database.close()

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Store {self.label}"


def open_store(url: str | Path | None = None) -> Store:
    """Open a database of runs, making it where there is none.

    Args:
        url: a file, an SQLAlchemy URL, or None for the database that the command line uses.

    Raises:
        UsageError: the URL is malformed.
        StoreError: the database cannot be used; the message says why.
    """
    from hil.store import Store as Database

    return Store(Database.open(settings.load(db=None if url is None else str(url)).db))
