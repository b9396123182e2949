"""The real program in a folder and a database of its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hil.records import RunRecord
from hil.store import Store

from tests.support.hil import Result, hil


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def keep(database: Path) -> Callable[..., None]:
    """Return a function that stores runs."""

    def store_all(*runs: RunRecord) -> None:
        with Store.open(str(database)) as store:
            for run in runs:
                store.finish(run)

    return store_all


@pytest.fixture
def run(tmp_path: Path, database: Path) -> Callable[..., Result]:
    """Return a function that runs ``hil`` on that database."""

    def call(*arguments: str | Path, **env: str) -> Result:
        return hil(*arguments, env={"HIL_DB": str(database), **env}, cwd=tmp_path)

    return call
