"""Databases, records and disks for the store's tests."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hil.records import RunRecord
from hil.store import Store

from tests.store.samples import rich_record
from tests.support.processes import Processes

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def store(db_url: str) -> Iterator[Store]:
    """An open database of the test's own, in SQLite and in PostgreSQL."""
    with Store.open(db_url) as opened:
        yield opened


@pytest.fixture
def file_store(database: Path) -> Iterator[Store]:
    """The same in SQLite alone, in the file ``database``."""
    with Store.open(str(database)) as opened:
        yield opened


@pytest.fixture
def make() -> Callable[..., RunRecord]:
    """Return a function that makes the rich record with some fields changed."""

    def changed(run_id: str = "20261121T024800-a1b2c3", **fields: object) -> RunRecord:
        return dataclasses.replace(rich_record(), run_id=run_id, **fields)  # type: ignore[arg-type]

    return changed


@pytest.fixture
def worker(processes: Processes) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts a task of ``worker.py``; what still runs is killed."""

    def start(task: str, *arguments: object) -> subprocess.Popen[str]:
        command = (sys.executable, "-m", "tests.store.worker", task, *map(str, arguments))
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        return processes.start(*command, cwd=ROOT, **pipes)

    return start
