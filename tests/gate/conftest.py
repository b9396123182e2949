"""The real program in a folder and a database of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hil.records import RunRecord
from hil.store import Store

from tests.support.hil import Result, hil


@pytest.fixture
def database(db_url: str) -> str:
    """``--db`` of an empty database: a file that is not there yet, and one in PostgreSQL."""
    return db_url


@pytest.fixture
def store(db_url: str) -> Iterator[Store]:
    """An open database of the test's own, in SQLite and in PostgreSQL."""
    with Store.open(db_url) as opened:
        yield opened


@pytest.fixture
def keep(database: str) -> Callable[..., None]:
    """Return a function that stores runs."""

    def store_all(*runs: RunRecord) -> None:
        with Store.open(database) as store:
            for run in runs:
                store.finish(run)

    return store_all


@pytest.fixture
def run(tmp_path: Path, database: str) -> Callable[..., Result]:
    """Return a function that runs ``hil`` on that database."""

    def call(*arguments: str | Path, **env: str) -> Result:
        return hil(*arguments, env={"HIL_DB": database, **env}, cwd=tmp_path)

    return call
