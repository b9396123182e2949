"""Databases that are shared, old, strange, broken or full."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hil.errors import StoreError, UsageError
from hil.records import RunRecord
from hil.store import Store, liveness, transactions
from hil.store.migrate import HEAD
from hil.store.tables import metadata
from sqlalchemy import create_engine

from tests.store.samples import rich_record
from tests.support.processes import WAIT_S

Make = Callable[..., RunRecord]
Worker = Callable[..., subprocess.Popen[str]]
DEVELOPMENT = Path(__file__).parent / "development_database.sql"


def test_the_migrations_lead_to_the_tables(file_store: Store, database: Path) -> None:
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
    engine.dispose()


def test_a_database_of_before_the_first_release_is_refused(database: Path) -> None:
    """The dump is of the last version that stored a run in twelve tables."""
    connection = sqlite3.connect(database)
    connection.executescript(DEVELOPMENT.read_text(encoding="utf-8"))
    before = list(connection.iterdump())
    for read_only in (False, True):
        with pytest.raises(StoreError, match="development version") as caught:
            Store.open(str(database), read_only=read_only)
        assert str(database) in caught.value.message
        assert "move the file away" in caught.value.hint
        assert "--db" in caught.value.hint
    assert list(connection.iterdump()) == before
    connection.close()


def test_an_up_to_date_database_opens_without_alembic(
    file_store: Store, database: Path, worker: Worker
) -> None:
    out, err = worker("loaded", database).communicate(timeout=WAIT_S)
    assert (out, err) == ("[]\n", "")


def test_it_uses_the_write_ahead_log_and_foreign_keys(file_store: Store, database: Path) -> None:
    with file_store._engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_two_processes_create_and_fill_one_new_file(database: Path, worker: Worker) -> None:
    workers = [worker("write", database, name, 20) for name in ("left", "right")]
    for process in workers:
        _, err = process.communicate(timeout=WAIT_S)
        assert (process.returncode, err) == (0, "")
    with Store.open(str(database)) as store:
        runs = store.find()
        assert len(runs) == 40
        assert {run.status for run in runs} == {"failed"}
        assert store.get("left-007") == dataclasses.replace(rich_record(), run_id="left-007")


def test_a_killed_process_leaves_an_interrupted_run(database: Path, worker: Worker) -> None:
    process = worker("hang", database)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    with Store.open(str(database), read_only=True) as store:
        assert store.get("hanging").status == "running"
        assert store.find(status="interrupted") == []
        process.send_signal(signal.SIGKILL)
        process.wait(WAIT_S)
        assert store.get("hanging").status == "interrupted"
        assert [run.run_id for run in store.find(status="interrupted", limit=1)] == ["hanging"]
        assert store.find(status="running") == []


def test_a_pid_that_is_used_again_is_another_process() -> None:
    here = liveness.this_process()
    now_us = 2**60
    assert not liveness.is_gone(here, now_us)
    assert here.pid_start is not None
    assert liveness.is_gone(dataclasses.replace(here, pid_start=here.pid_start - 1), now_us)
    assert liveness.is_gone(dataclasses.replace(here, boot_id="before"), now_us)
    elsewhere = dataclasses.replace(here, host="elsewhere", boot_id="x")
    assert not liveness.is_gone(elsewhere, now_us)
    assert liveness.is_gone(elsewhere, 0)


def test_a_locked_database_is_an_error_after_the_timeout(
    file_store: Store, database: Path, make: Make
) -> None:
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with (
        Store.open(str(database), timeout_s=0.1) as impatient,
        pytest.raises(StoreError, match="locked") as caught,
    ):
        impatient.begin(make())
    assert "--db" in caught.value.hint
    holder.execute("ROLLBACK")
    holder.close()
    assert file_store.find() == []


def test_a_writer_tries_again_until_the_lock_is_free(
    file_store: Store, database: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 3:
            holder.execute("ROLLBACK")

    monkeypatch.setattr(transactions.time, "sleep", pause)
    with Store.open(str(database)) as store:
        store.begin(make())
    holder.close()
    assert len(pauses) == 3
    assert len(file_store.find()) == 1


def test_the_timeout_can_stand_in_the_url(file_store: Store, database: Path, make: Make) -> None:
    holder = sqlite3.connect(database, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with (
        Store.open(f"sqlite:///{database}?timeout=0.1", timeout_s=60) as impatient,
        pytest.raises(StoreError, match="locked"),
    ):
        impatient.begin(make())
    holder.close()


def test_a_newer_version_is_refused_and_left_alone(file_store: Store, database: Path) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreError, match="newer version of hil") as caught:
        Store.open(str(database))
    assert "update hil" in caught.value.hint
    version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    connection.close()
    assert version == ("9999",)


def test_the_database_of_another_program_is_refused(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("CREATE TABLE cookies (name TEXT)")
    connection.close()
    with pytest.raises(StoreError, match="another program"):
        Store.open(str(database))


def test_a_file_that_is_no_database_is_refused_and_left_alone(database: Path) -> None:
    text = '{"not": "a database"}' * 100
    database.write_text(text)
    with pytest.raises(StoreError, match="is not a database"):
        Store.open(str(database))
    assert database.read_text() == text


def test_a_damaged_file_is_refused(database: Path, make: Make) -> None:
    with Store.open(str(database)) as store:
        for number in range(20):
            store.finish(make(f"run{number}", notes=("x" * 5_000,)))
    content = bytearray(database.read_bytes())
    content[4_096:] = b"\xff" * (len(content) - 4_096)
    database.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"), Store.open(str(database)) as store:
        store.find()


def test_an_empty_file_becomes_a_database(database: Path, make: Make) -> None:
    database.touch()
    with Store.open(str(database)) as store:
        store.finish(make())
        assert len(store.find()) == 1


def test_paths_that_cannot_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="does not exist") as caught:
        Store.open(str(tmp_path / "no" / "runs.db"))
    assert "mkdir" in caught.value.hint
    with pytest.raises(StoreError, match="is a folder"):
        Store.open(str(tmp_path))
    with pytest.raises(StoreError, match="there is no database"):
        Store.open(str(tmp_path / "none.db"), create=False)
    with pytest.raises(StoreError, match="there is no database"):
        Store.open(str(tmp_path / "none.db"), read_only=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["://", "sqlite//:x://"])
def test_a_malformed_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(UsageError, match="URL"):
        Store.open(url)


def test_another_kind_of_database_is_refused() -> None:
    with pytest.raises(UsageError, match="SQLite or PostgreSQL") as caught:
        Store.open("mysql://user:secret@host/db")
    assert "secret" not in caught.value.message + caught.value.hint


def test_the_default_database_is_in_the_state_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Make
) -> None:
    monkeypatch.setenv("HIL_STATE_DIR", str(tmp_path / "deep" / "state"))
    with Store.open() as store:
        store.finish(make())
    assert (tmp_path / "deep" / "state" / "hil.db").is_file()


def test_a_database_in_memory_works(make: Make) -> None:
    with Store.open("sqlite://") as store:
        store.finish(make())
        assert store.get("latest") == make()


def test_read_only_reads_and_does_not_write(file_store: Store, database: Path, make: Make) -> None:
    file_store.finish(make())
    with Store.open(str(database), read_only=True) as reader:
        assert reader.get("latest") == make()
        with pytest.raises(StoreError, match="cannot be written"):
            reader.finish(make("another"))
    assert len(file_store.find()) == 1


def test_a_read_only_disk_can_be_read(mounted: Callable[[str], Path], make: Make) -> None:
    disk = mounted("size=4m")
    with Store.open(str(disk / "runs.db")) as store:
        store.finish(make())
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    with Store.open(str(disk / "runs.db"), read_only=True) as store:
        assert store.get("latest") == make()
    with pytest.raises(StoreError, match=r"cannot be (written|opened)"):
        Store.open(str(disk / "runs.db"))
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(str(disk / "new.db"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write into any folder")
def test_a_read_only_folder_is_an_error(tmp_path: Path) -> None:
    tmp_path.chmod(0o555)
    with pytest.raises(StoreError, match="cannot be opened"):
        Store.open(str(tmp_path / "runs.db"))


def test_a_full_disk_is_named_and_keeps_what_was_stored(
    mounted: Callable[[str], Path], worker: Worker
) -> None:
    disk = mounted("size=1m")
    out, err = worker("fill", disk / "runs.db").communicate(timeout=WAIT_S)
    kept, message, _hint = out.splitlines()
    assert err == ""
    assert "full" in message
    copy = disk.parent / "copy.db"
    copy.write_bytes((disk / "runs.db").read_bytes())
    log = disk / "runs.db-wal"
    if log.exists():
        copy.with_name("copy.db-wal").write_bytes(log.read_bytes())
    with Store.open(str(copy)) as store:
        assert len(store.find()) == int(kept) > 0
        assert {run.status for run in store.find()} == {"failed"}


def test_a_file_that_may_not_grow_is_a_store_error(database: Path, worker: Worker) -> None:
    out, err = worker("limited", database, 400_000).communicate(timeout=WAIT_S)
    assert err == ""
    kept, message, hint = out.splitlines()
    assert str(database) in message
    assert hint
    with Store.open(str(database)) as store:
        assert len(store.find()) == int(kept) > 0


def test_a_failed_migration_leaves_no_tables(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables of a migration that breaks half-way are not there afterwards."""
    from alembic import op

    real, made = op.create_table, []

    def breaks(name: str, *columns: object, **options: object) -> object:
        made.append(name)
        if len(made) == 5:
            raise sqlite3.OperationalError("interrupted here")
        return real(name, *columns, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(op, "create_table", breaks)
    with pytest.raises(StoreError, match="interrupted here"):
        Store.open(str(database))
    connection = sqlite3.connect(database)
    assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    connection.close()


def test_importing_the_store_needs_no_alembic() -> None:
    code = "import sys, hil.store; sys.exit('alembic' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
