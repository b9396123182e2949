"""Runs that cannot be stored, checks and repairs: on SQLite and on PostgreSQL."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hil.errors import StoreError
from hil.records import RunRecord
from hil.store import Store, unstored, upkeep
from hil.store.documents import to_document

from tests.store.samples import rich_evaluation, rich_record, rich_samples, rich_variant
from tests.store.test_evaluations import beginning
from tests.support.databases import execute
from tests.support.hil import hil

Make = Callable[..., RunRecord]


@pytest.fixture
def full(store: Store, make: Make) -> Store:
    """A database with a record of each kind."""
    store.finish(make("first"))
    store.finish(make("second", status="passed"))
    store.variants.keep(rich_variant())
    store.evaluations.claim(beginning(rich_evaluation().evaluation_id))
    store.evaluations.add(rich_evaluation().evaluation_id, rich_samples())
    store.evaluations.finish(rich_evaluation())
    store.baselines.put("main", [make("second")])
    return store


# Runs that cannot be stored


@pytest.fixture
def locked(database: Path) -> Iterator[sqlite3.Connection]:
    Store.open(str(database)).close()
    holder = sqlite3.connect(database, isolation_level=None)
    yield holder
    holder.close()


def test_a_finished_run_is_kept_and_taken_in_later(
    database: Path, locked: sqlite3.Connection, make: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    record = make("kept")
    with Store.open(str(database), timeout_s=0.2) as store:
        store.begin(dataclasses.replace(record, status="running", finished_at=None))
        locked.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            store.finish(record)
        store.finish(record, keep=True)
        said = capsys.readouterr().err
        path = database.with_name("runs.db.unstored") / "kept.json"
        assert "warning: the run kept is not stored" in said
        assert str(path) in said
        assert "hil db recover" in said
        assert json.loads(path.read_text()) == to_document(record)
        locked.execute("ROLLBACK")
        (taken,) = upkeep.recover(store)
        assert (taken.run_id, taken.outcome) == ("kept", "stored")
        assert store.get("kept") == record
        assert not path.exists()
        assert upkeep.recover(store) == []


def test_a_folder_that_cannot_be_written_is_no_loss(
    database: Path, locked: sqlite3.Connection, make: Make
) -> None:
    database.with_name("runs.db.unstored").write_text("in the way")
    with Store.open(str(database), timeout_s=0.2) as store:
        locked.execute("BEGIN EXCLUSIVE")
        store.finish(make("kept"), keep=True)
        locked.execute("ROLLBACK")
        (path,) = unstored.paths(store.location)
        assert path.parent.parent.name == "unstored"
        assert [one.outcome for one in upkeep.recover(store)] == ["stored"]


def test_the_error_stays_where_nothing_can_be_kept(
    database: Path, locked: sqlite3.Connection, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.with_name("runs.db.unstored").write_text("in the way")
    monkeypatch.setenv("HIL_STATE_DIR", str(database.with_name("runs.db.unstored") / "below"))
    with Store.open(str(database), timeout_s=0.2) as store:
        locked.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError, match="locked"):
            store.finish(make("lost"), keep=True)
        locked.execute("ROLLBACK")


def test_recovering_twice_and_what_cannot_be_taken_in(store: Store, make: Make) -> None:
    store.finish(make("there"))
    for document in (to_document(make("there")), {**to_document(make("damaged")), "ops": 7}):
        assert unstored.keep(store.location, document)
    store.finish(make("other", status="passed"))
    unstored.keep(store.location, to_document(make("other", status="error")))
    outcomes = {one.run_id: one.outcome for one in upkeep.recover(store)}
    assert outcomes == {"there": "known", "damaged": "damaged", "other": "differs"}
    assert store.get("other").status == "passed"
    left = unstored.paths(store.location)
    assert sorted(path.stem for path in left) == ["damaged", "other"]
    for path in left:
        path.unlink()


# Checks


def test_a_sound_database(full: Store) -> None:
    assert upkeep.check(full) == []


@pytest.mark.parametrize(
    ("statement", "table", "reason"),
    [
        ("UPDATE runs SET status = 'paused' WHERE run_id = 'first'", "runs", "unknown status"),
        ("UPDATE runs SET engine = 'x' WHERE run_id = 'first'", "runs", "column engine"),
        ("DELETE FROM measurements WHERE name = 'cycles'", "measurements", "not that of"),
        ("UPDATE measurements SET value = 1 WHERE name = 'cycles'", "measurements", "not that of"),
        ("UPDATE variants SET document = '{}'", "variants", "schema"),
        ("UPDATE baselines SET document = '[]'", "baselines", "not a JSON object"),
    ],
)
def test_damage_is_named(statement: str, table: str, reason: str, full: Store) -> None:
    execute(full, statement)
    problems = upkeep.check(full)
    assert problems
    assert {one.table for one in problems} == {table}
    assert reason in problems[0].reason


def test_a_vacuum_keeps_everything(full: Store, make: Make) -> None:
    for number in range(20):
        full.finish(make(f"gone-{number}", notes=("x" * 50_000,)))
    for number in range(20):
        full.delete(f"gone-{number}")
    before, after = upkeep.vacuum(full)
    if before is not None and after is not None:
        assert after < before
    assert upkeep.check(full) == []
    assert full.get("first").status == rich_record().status


# Commands


def test_the_commands(full: Store, db_url: str) -> None:
    assert hil("db", "check", "--db", db_url).code == 0
    assert hil("db", "vacuum", "--db", db_url, "--json").envelope["status"] == "ok"
    assert "no runs are kept" in hil("db", "recover", "--db", db_url).stdout
    execute(full, "UPDATE runs SET engine = 'x' WHERE run_id = 'first'")
    result = hil("db", "check", "--db", db_url, "--json")
    assert (result.code, result.envelope["status"]) == (4, "failed")
    assert result.envelope["data"]["problems"][0]["key"] == "first"


def test_recover_says_what_is_left(tmp_path: Path, make: Make) -> None:
    database = tmp_path / "new.db"
    with Store.open(str(database)) as store:
        unstored.keep(store.location, to_document(make("good")))
        unstored.keep(store.location, {**to_document(make("bad")), "ops": 7})
    assert "2 finished runs are kept" in hil("db", "check", "--db", database).stderr
    hil("db", "recover", "--db", database).refuses(4, "1 of 2 files", "left as they are")
    with Store.open(str(database)) as store:
        assert store.get("good") == make("good")


def test_a_database_that_is_cut_off(tmp_path: Path, make: Make) -> None:
    database = tmp_path / "new.db"
    with Store.open(str(database)) as store:
        for number in range(30):
            store.finish(make(f"run-{number}"))
        upkeep.vacuum(store)
    shutil.copy(database, cut := tmp_path / "cut.db")
    with cut.open("r+b") as file:
        file.truncate(cut.stat().st_size // 2)
    hil("db", "check", "--db", cut).refuses(4, "cut.db")


def test_sixteen_writers_lose_nothing(
    db_url: str, worker: Callable[..., subprocess.Popen[str]]
) -> None:
    """A tenth of ``benchmarks/database_writers.py``, which has 16 processes with 25 runs each."""
    writers = [worker("write", db_url, f"w{number}", "4") for number in range(8)]
    for writer in writers:
        _, said = writer.communicate(timeout=300)
        assert writer.returncode == 0, said
    with Store.open(db_url) as store:
        assert len(store.find()) == 32
