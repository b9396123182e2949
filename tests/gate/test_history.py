"""The gate on 10,000 runs: it finds an injected slowdown and does not read the history."""

from __future__ import annotations

import dataclasses
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hil.store import Store
from hil.store.latest import Filter, latest_query
from sqlalchemy import event, text
from sqlalchemy.engine import Engine

from tests.gate.history import fill, newest
from tests.report.report_records import scaled
from tests.support.hil import hil

RUNS = 10_000
KINDS = 100


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of 10,000 runs of 100 kinds, with the oldest of each as baseline ``main``."""
    return history(tmp_path_factory.mktemp("history") / "runs.db", RUNS)


def history(database: Path, runs: int) -> Path:
    templates = fill(database, runs)
    with Store.open(str(database)) as store:
        store.baselines.put("main", templates)
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (runs,)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return database


@pytest.fixture
def database(filled: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "runs.db"
    shutil.copy(filled, copy)
    yield copy
    copy.unlink()


def gate(database: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    """Judge against ``main``; return exit code and ``data``."""
    done = hil("gate", "--baseline", "main", "--json", "--db", database, *arguments)
    return done.code, done.envelope["data"]


@contextmanager
def counted_steps() -> Iterator[list[int]]:
    """Count what SQLite does, in hundreds of instructions of its virtual machine."""
    steps = [0]

    def tick() -> int:
        steps[0] += 1
        return 0

    def count(connection: sqlite3.Connection, _record: object) -> None:
        connection.set_progress_handler(tick, 100)

    event.listen(Engine, "connect", count)
    try:
        yield steps
    finally:
        event.remove(Engine, "connect", count)


def test_an_unchanged_run_passes_and_the_history_is_not_read(
    database: Path, tmp_path: Path
) -> None:
    """A figure for time would depend on the machine. A further run of the same kinds costs about 60
    instructions of SQLite, for its entry in the index; reading its measurements costs hundreds."""
    work = []
    for runs in (history(tmp_path / "short.db", 2 * KINDS), database):
        with counted_steps() as steps:
            code, data = gate(runs)
        assert code == 0
        assert data["runs"]["compared"] == KINDS  # type: ignore[index]
        assert data["figures"]["unchanged"] == 6 * KINDS  # type: ignore[index]
        work.append(steps[0])
    short, long = work
    assert 0 < 100 * (long - short) / (RUNS - 2 * KINDS) < 100


def test_a_slowdown_of_3_percent_is_caught(database: Path) -> None:
    with Store.open(str(database)) as store:
        run = store.get("m7-p3-aot")
        store.finish(newest(scaled(run, 1.03), "slower"))
    code, data = gate(database, "--max-regression", "2%")
    assert code == 1
    found = [
        (case["run_id"], finding["name"], round(finding["change_pct"], 6))
        for case in data["cases"]  # type: ignore[attr-defined]
        for finding in case["findings"]
        if finding["word"] == "regression"
    ]
    assert found == [
        ("slower", "latency_us", 3.0),
        ("slower", "energy_uj", 3.0),
        ("slower", "cycles", 3.0),
    ]
    assert gate(database, "--max-regression", "3.1%")[0] == 0


def test_the_latest_of_each_kind_are_found_by_the_index(database: Path) -> None:
    for which in (Filter(), Filter(profile="chip1", engine="aot"), Filter(model="model3")):
        statement = latest_query(which).compile(compile_kwargs={"literal_binds": True})
        with Store.open(str(database), read_only=True) as store, store.reading() as session:
            plan = [row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
        assert any("runs USING COVERING INDEX ix_runs_" in step for step in plan), plan
        assert not [step for step in plan if re.fullmatch(r"SCAN runs", step)], plan


def test_last_looks_at_the_newest_only(database: Path) -> None:
    with Store.open(str(database)) as store:
        run = store.get("m2-p0-aot")
        store.finish(newest(scaled(run, 1.5), "slower"))
        same = dataclasses.replace(run, started_at="2037-01-01T00:00:00+00:00", run_id="again")
        store.finish(same)
    code, data = gate(database, "--last", "1")
    assert code == 0
    assert data["runs"]["compared"] == 1  # type: ignore[index]
    assert data["runs"]["missing"] == 99  # type: ignore[index]
