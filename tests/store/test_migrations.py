"""Databases of earlier versions are migrated when they are opened, without loss."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import pytest
from hil.store import Store
from hil.store.history import past_runs
from hil.store.migrate import HEAD, VERSIONS

from tests.store.samples import rich_record

SAVED = Path(__file__).parent
# What records had when the databases were saved: no energy of a meter.
KEPT = dataclasses.replace(rich_record(), profile={"name": "stm32l4"}, energy=None)


def test_every_earlier_version_has_a_saved_database() -> None:
    assert sorted(path.stem for path in SAVED.glob("database_*.sql")) == [
        f"database_{version}" for version in VERSIONS[:-1]
    ]


@pytest.mark.parametrize("version", VERSIONS[:-1])
@pytest.mark.parametrize("read_only", [False, True])
def test_a_saved_database_is_migrated(tmp_path: Path, version: str, read_only: bool) -> None:
    database = tmp_path / "old.db"
    with sqlite3.connect(database) as connection:
        script = (SAVED / f"database_{version}.sql").read_text(encoding="utf-8")
        connection.executescript(script)
        assert connection.execute("SELECT * FROM alembic_version").fetchall() == [(version,)]
    connection.close()
    with Store.open(str(database), read_only=read_only) as store:
        assert store.get(KEPT.run_id) == KEPT
        assert list(store.baselines.load("main").values()) == [KEPT]
        (run,) = past_runs(store, ["cycles"])
        assert (run.commit, run.label) == ("", "")
        assert run.figures["cycles"].value == KEPT.measurements["cycles"].value
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT * FROM alembic_version").fetchall() == [(HEAD,)]
    connection.close()
