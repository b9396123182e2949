"""The databases of the tests of reports."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hil.store import Store


@pytest.fixture
def store(db_url: str) -> Iterator[Store]:
    """An open database of the test's own, in SQLite and in PostgreSQL."""
    with Store.open(db_url) as opened:
        yield opened
