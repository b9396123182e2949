"""The gate on 10,000 runs: it finds an injected slowdown, in under a second."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hil.store import Store
from hil.store.latest import Filter, latest_query
from sqlalchemy import text

from tests.gate.history import fill, newest
from tests.report.report_records import scaled

RUNS = 10_000


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of 10,000 runs of 100 kinds, with the oldest of each as baseline ``main``."""
    database = tmp_path_factory.mktemp("history") / "runs.db"
    templates = fill(database, RUNS)
    with Store.open(str(database)) as store:
        store.baselines.put("main", templates)
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (RUNS,)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return database


@pytest.fixture
def database(filled: Path, tmp_path: Path) -> Iterator[Path]:
    copy = tmp_path / "runs.db"
    shutil.copy(filled, copy)
    yield copy
    copy.unlink()


def gate(database: Path, *arguments: str) -> tuple[int, dict[str, object], float]:
    """Run the gate in a process of its own; return exit code, ``data`` and seconds of CPU."""
    command = [sys.executable, "-m", "hil.cli.main", "gate", "--baseline", "main", "--json"]
    before = os.times()
    done = subprocess.run(
        [*command, "--db", str(database), *arguments], capture_output=True, text=True, check=False
    )
    after = os.times()
    used = sum(
        getattr(after, name) - getattr(before, name)
        for name in ("children_user", "children_system")
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, json.loads(done.stdout)["data"], used


def test_an_unchanged_run_passes_in_under_a_second(database: Path) -> None:
    walls, cpus = [], []
    for _ in range(5):
        begin = time.perf_counter()
        code, data, used = gate(database)
        walls.append(time.perf_counter() - begin)
        cpus.append(used)
        assert code == 0
        assert data["runs"]["compared"] == 100  # type: ignore[index]
        assert data["figures"]["unchanged"] == 600  # type: ignore[index]
    print(f"wall {min(walls):.2f} s, CPU {min(cpus):.2f} s")
    assert min(cpus) < 1.0
    assert min(walls) < 1.0 or os.getloadavg()[0] > (os.cpu_count() or 1)


def test_a_slowdown_of_3_percent_is_caught(database: Path) -> None:
    with Store.open(str(database)) as store:
        run = store.get("m7-p3-aot")
        store.finish(newest(scaled(run, 1.03), "slower"))
    code, data, _ = gate(database, "--max-regression", "2%")
    assert code == 1
    found = [
        (case["run_id"], finding["name"], round(finding["change_pct"], 6))
        for case in data["cases"]  # type: ignore[attr-defined]
        for finding in case["findings"]
        if finding["word"] == "regression"
    ]
    assert found == [
        ("slower", "latency_us", 3.0),
        ("slower", "cycles", 3.0),
        ("slower", "energy_uj", 3.0),
    ]
    assert gate(database, "--max-regression", "3.1%")[0] == 0


def test_the_latest_of_each_kind_are_found_by_the_index(database: Path) -> None:
    for which in (Filter(), Filter(profile="chip1", engine="aot"), Filter(model="model3")):
        statement = latest_query(which).compile(compile_kwargs={"literal_binds": True})
        with Store.open(str(database), read_only=True) as store, store.reading() as session:
            plan = [row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {statement}"))]
        assert any("runs USING COVERING INDEX ix_runs_slot" in step for step in plan), plan
        assert not [step for step in plan if re.fullmatch(r"SCAN (runs|models)", step)], plan


def test_last_looks_at_the_newest_only(database: Path) -> None:
    with Store.open(str(database)) as store:
        run = store.get("m2-p0-aot")
        store.finish(newest(scaled(run, 1.5), "slower"))
        same = dataclasses.replace(run, started_at="2037-01-01T00:00:00+00:00", run_id="again")
        store.finish(same)
    code, data, _ = gate(database, "--last", "1")
    assert code == 0
    assert data["runs"]["compared"] == 1  # type: ignore[index]
    assert data["runs"]["missing"] == 99  # type: ignore[index]
