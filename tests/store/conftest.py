"""A run with something in every field."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.records import RunRecord
from harness.store import Store
from tests.store.samples import rich_record


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with Store.open(str(database)) as opened:
        yield opened


@pytest.fixture
def make() -> Callable[..., RunRecord]:
    """Return a function that makes the rich record with some fields changed."""

    def changed(run_id: str = "20261121T024800-a1b2c3", **fields: object) -> RunRecord:
        return dataclasses.replace(rich_record(), run_id=run_id, **fields)  # type: ignore[arg-type]

    return changed
