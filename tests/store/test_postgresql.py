"""What PostgreSQL alone has: roles, URLs with passwords, lost connections, many first writers."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hil.errors import StoreError, UsageError
from hil.records import RunRecord
from hil.settings import without_password
from hil.store import Store, postgresql
from hil.store.migrate import HEAD
from hil.store.tables import metadata, runs
from hil.store.transactions import is_again
from sqlalchemy import Connection, event, func, select

from tests.report.report_records import passed
from tests.store.samples import rich_evaluation, rich_record, rich_samples
from tests.support.databases import execute
from tests.support.hil import Result, hil
from tests.support.postgres import Cluster
from tests.support.processes import WAIT_S

Make = Callable[..., RunRecord]
Worker = Callable[..., subprocess.Popen[str]]
DOCS = Path(__file__).resolve().parents[2] / "docs" / "database.md"
SECRET = "pass/w@rd:1"


@pytest.fixture
def name(postgresql: Cluster) -> Iterator[str]:
    """A database with tables."""
    with postgresql.database() as made:
        yield made


@pytest.fixture
def url(postgresql: Cluster, name: str) -> str:
    return postgresql.url(name)


@pytest.fixture
def opened(url: str) -> Iterator[Store]:
    with Store.open(url, timeout_s=WAIT_S) as store:
        yield store


@pytest.fixture
def users(postgresql: Cluster, name: str) -> Iterator[Callable[[str], str]]:
    """Return a function that makes a user of a role of docs/database.md, and gives its URL."""
    (roles,) = re.findall(r"```sql\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    suffix = name[-8:]
    statements = re.sub(r"hil_(reader|writer)", rf"hil_\1_{suffix}", roles)
    made = [f"hil_writer_{suffix}", f"hil_reader_{suffix}"]
    postgresql.execute(statements, database=name)

    def user(role: str) -> str:
        login = f"{role}_{suffix}"
        made.insert(0, login)
        group = "" if role == "nobody" else f" IN ROLE hil_{role}_{suffix}"
        postgresql.execute(f"CREATE ROLE {login} LOGIN PASSWORD '{SECRET}'{group}")
        return postgresql.url(name, user=login, password="pass%2Fw%40rd%3A1")

    yield user
    owned = [f"DROP OWNED BY {role} CASCADE" for role in made]
    postgresql.execute(*owned, database=name)
    postgresql.execute(*(f"DROP ROLE {role}" for role in made))


def run_hil(url: str, folder: Path, *arguments: str) -> Result:
    return hil(*arguments, env={"HIL_DB": url}, cwd=folder)


def test_the_migrations_lead_to_the_tables(opened: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with opened.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD


class TestErrors:
    @pytest.mark.parametrize(
        ("change", "words", "hint"),
        [
            ({"host": "nowhere.invalid"}, "is not known", "URL"),
            ({"port": 1}, "no PostgreSQL server answers", "port"),
            ({"password": "wrong/secret"}, "refuses the user or password", "PGPASSWORD"),
            ({"username": "nobody"}, "refuses the user or password", "URL"),
            ({"database": "none"}, "there is no database", "createdb"),
            ({"query": {"sslmode": "require"}}, "does not offer SSL", "sslmode"),
        ],
    )
    def test_the_server_cannot_be_used(
        self, url: str, tmp_path: Path, change: dict[str, Any], words: str, hint: str
    ) -> None:
        from sqlalchemy import make_url

        changed = make_url(url).set(**change).render_as_string(hide_password=False)
        password = make_url(changed).password or ""
        for arguments in (("history",), ("history", "--json"), ("gate", "-b", "main")):
            done = run_hil(changed, tmp_path, *arguments)
            done.refuses(4, words, hint)
            assert password not in done.stdout + done.stderr
            assert "secret" not in done.stdout + done.stderr
        found = run_hil(changed, tmp_path, "doctor", "--json")
        (check,) = [c for c in found.envelope["data"]["checks"] if c["name"] == "database"]
        assert words in check["detail"]
        assert password not in found.stdout + found.stderr

    def test_a_server_that_wants_ssl(
        self, postgresql: Cluster, name: str, url: str, tmp_path: Path
    ) -> None:
        """A rule of pg_hba.conf for one database that is only for SSL."""
        rules = Path(postgresql.server.folder) / "data" / "pg_hba.conf"
        before = rules.read_text()
        rules.write_text(f"host {name} all all reject\n{before}")
        postgresql.execute("SELECT pg_reload_conf()")
        try:
            done = run_hil(url, tmp_path, "history")
            while done.code == 0:  # the server reads the file a moment later
                done = run_hil(url, tmp_path, "history")
            done.refuses(4, "refuses connections", "sslmode=require")
        finally:
            rules.write_text(before)
            postgresql.execute("SELECT pg_reload_conf()")

    def test_an_old_server(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(postgresql, "MINIMUM_VERSION", 99)
        with pytest.raises(StoreError, match="is PostgreSQL 1") as caught:
            Store.open(url)
        assert "99 or newer" in caught.value.hint

    def test_the_driver_is_not_installed(self, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg", None)
        with pytest.raises(StoreError, match="driver for") as caught:
            Store.open(url)
        assert caught.value.hint == "pip install 'hil[postgres]'"

    def test_another_driver_and_an_unescaped_password_are_usage_errors(self) -> None:
        with pytest.raises(UsageError, match="not psycopg2"):
            Store.open("postgresql+psycopg2://host/db")
        with pytest.raises(UsageError, match="has an @") as caught:
            Store.open("postgresql://me:pa@ss@host/db")
        assert "%40" in caught.value.hint

    def test_a_name_that_is_too_long(self, opened: Store, make: Make) -> None:
        with pytest.raises(StoreError, match="too long"):
            opened.finish(make(profile_name="x" * 3_000))

    def test_a_database_of_another_program(self, postgresql: Cluster) -> None:
        with postgresql.database(empty=True) as name:
            postgresql.execute("CREATE TABLE cookies (name text)", database=name)
            with pytest.raises(StoreError, match="another program"):
                Store.open(postgresql.url(name))


class TestPasswords:
    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
            ("--db=postgresql://me:se/cr@t@host/db", "--db=postgresql://me:***@host/db"),
            ("postgresql://host/db?user=me&password=secret", None),
            ("postgresql://host/db?sslpassword=secret&x=1", None),
            ("postgresql://me@host:5432/db", "postgresql://me@host:5432/db"),
            ("sqlite:///a.db", "sqlite:///a.db"),
        ],
    )
    def test_they_are_hidden(self, text: str, shown: str | None) -> None:
        hidden = without_password(text)
        assert "secret" not in hidden
        assert hidden == (shown or text.replace("secret", "***"))

    def test_they_are_in_no_output(self, url: str, opened: Store, tmp_path: Path) -> None:
        opened.finish(passed())
        password = url.split(":")[2].split("@")[0]
        for arguments in (
            ("config", "show", "--json"),
            ("history", "--json"),
            ("report", "-o", "-", "--format", "json"),
            ("gate", "-b", "none"),
            ("history", "--model", url),
            ("history", url),
            ("report", "none"),
        ):
            done = run_hil(url, tmp_path, *arguments)
            assert done.stdout + done.stderr
            assert password not in done.stdout + done.stderr


class TestRoles:
    def test_a_reader_reads_and_does_not_write(
        self, users: Callable[[str], str], opened: Store, tmp_path: Path
    ) -> None:
        earlier = dataclasses.replace(passed(), run_id="earlier")
        opened.finish(passed())
        opened.baselines.put("main", [earlier])
        reader = users("reader")
        run_id = passed().run_id
        for arguments in (
            ("history",),
            ("report", "-o", "report.html"),
            ("compare", run_id, run_id),
            ("gate", "-b", "main", run_id),
            ("baseline", "list"),
        ):
            done = run_hil(reader, tmp_path, *arguments)
            assert done.code == 0, (arguments, done)
        done = run_hil(reader, tmp_path, "baseline", "set", "other")
        done.refuses(4, "no permission", "docs/database.md")
        assert SECRET not in done.stderr
        with Store.open(reader) as store, pytest.raises(StoreError, match="no permission"):
            store.begin(rich_record())

    def test_a_writer_writes_and_does_not_migrate(
        self, users: Callable[[str], str], postgresql: Cluster, name: str
    ) -> None:
        writer = users("writer")
        with Store.open(writer) as store:
            store.begin(rich_record())
            store.finish(rich_record())
            claim = store.evaluations.claim(rich_evaluation())
            store.evaluations.add(claim.evaluation.evaluation_id, rich_samples())
            store.baselines.put("main", [passed()])
            assert store.get("latest") == rich_record()
        postgresql.execute("UPDATE alembic_version SET version_num = '0010'", database=name)
        for read_only in (False, True):
            with pytest.raises(StoreError, match="may not change them") as caught:
                Store.open(writer, read_only=read_only)
            assert "owner" in caught.value.hint

    def test_one_without_a_role_does_nothing(self, users: Callable[[str], str]) -> None:
        with pytest.raises(StoreError, match="no permission"):
            Store.open(users("nobody"), read_only=True)

    def test_tables_that_may_not_be_created(
        self, users: Callable[[str], str], postgresql: Cluster, name: str
    ) -> None:
        made = ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
        postgresql.execute(*made, database=name)
        suffix = name[-8:]
        postgresql.execute(f"GRANT USAGE ON SCHEMA public TO hil_reader_{suffix}", database=name)
        with pytest.raises(StoreError, match="may not create them") as caught:
            Store.open(users("reader"), read_only=True)
        assert "hil history" in caught.value.hint


class TestLostConnections:
    def test_a_write_is_repeated_when_the_server_ends_the_connection(
        self, opened: Store, make: Make
    ) -> None:
        for number in range(5):
            ended = end_once(opened, "INSERT INTO measurements")
            opened.finish(make(f"run-{number}"))
            assert ended == [True]
        assert len(opened.find()) == 5

    def test_a_pooled_connection_that_was_ended_is_replaced(
        self, opened: Store, postgresql: Cluster, name: str, make: Make
    ) -> None:
        opened.finish(make())
        end_all(postgresql, name)
        assert opened.get("latest") == make()
        end_all(postgresql, name)
        opened.finish(make("second"))
        assert len(opened.find()) == 2

    def test_what_was_stored_without_an_answer_is_stored_once(
        self, opened: Store, make: Make
    ) -> None:
        lose_answer(opened)
        opened.begin(make(status="running"))
        lose_answer(opened)
        opened.finish(make())
        assert opened.find(limit=None) == [opened.find()[0]]
        begun = dataclasses.replace(
            rich_evaluation(), status="running", done=0, accuracy=None, finished_at=None, errors=()
        )
        for restart in (False, True):
            begun = dataclasses.replace(begun, evaluation_id=f"evaluation-{restart}")
            lose_answer(opened)
            claim = opened.evaluations.claim(begun, restart=restart)
            assert claim.evaluation == begun
            lose_answer(opened)
            opened.evaluations.add(begun.evaluation_id, rich_samples())
            assert opened.evaluations.samples(begun.evaluation_id) == tuple(rich_samples())
            opened.evaluations.finish(dataclasses.replace(begun, status="interrupted"))
        assert len(opened.evaluations.find()) == 2

    @pytest.mark.parametrize("state", ["40001", "40P01", "55P03", "57P01", "08006"])
    def test_states_that_pass(self, opened: Store, state: str) -> None:
        attempts = []

        def work(connection: Connection) -> int:
            attempts.append(is_again(connection))
            if len(attempts) < 3:
                raised = f"DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '{state}'; END $$"
                connection.exec_driver_sql(raised)
            return 7

        assert opened.transactions.write(work) == 7
        assert attempts == [False, True, True]

    def test_the_limit_ends_it(self, url: str, opened: Store, make: Make) -> None:
        with (
            psycopg.connect(url) as holder,
            Store.open(url, timeout_s=0.2) as impatient,
        ):
            holder.execute("LOCK TABLE runs IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(StoreError, match="locked by another process"):
                impatient.begin(make())
        assert opened.find() == []

    def test_an_error_that_stays_is_not_repeated(self, opened: Store, make: Make) -> None:
        opened.begin(make())
        seen: list[str] = []
        event.listen(opened._engine, "before_cursor_execute", lambda *call: seen.append(call[2]))
        with pytest.raises(StoreError, match="cannot be stored"):
            opened.begin(make())
        assert len([one for one in seen if one.startswith("INSERT INTO runs")]) == 1


def end_once(store: Store, beginning: str) -> list[bool]:
    """End the connection from the server's side before its next statement of that kind."""
    done: list[bool] = []

    def end(connection: Connection, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith(beginning) and not done:
            done.append(True)
            own = connection.connection.dbapi_connection
            with psycopg.connect(own.info.dsn, password=own.info.password) as other:  # type: ignore[union-attr]
                other.execute("SELECT pg_terminate_backend(%s, 10000)", [own.info.backend_pid])  # type: ignore[union-attr]

    event.listen(store._engine, "before_cursor_execute", end)
    return done


def end_all(cluster: Cluster, name: str) -> None:
    cluster.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        f"WHERE datname = '{name}' AND pid <> pg_backend_pid()"
    )


def lose_answer(store: Store) -> None:
    """Let the next commit succeed on the server, and fail here."""
    dialect = store._engine.dialect
    commit = type(dialect).do_commit

    def lost(connection: Any) -> None:
        del dialect.do_commit
        commit(dialect, connection)
        connection.dbapi_connection.close()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    dialect.do_commit = lost  # type: ignore[method-assign]


class TestManyProcesses:
    def test_first_writers_create_the_tables_once_and_lose_nothing(
        self, postgresql: Cluster, worker: Worker
    ) -> None:
        with postgresql.database(empty=True) as name:
            url = postgresql.url(name)
            workers = [worker("write", url, f"writer{number}", 3) for number in range(8)]
            for process in workers:
                _, err = process.communicate(timeout=WAIT_S)
                assert (process.returncode, err) == (0, "")
            with Store.open(url) as store:
                assert len(store.find()) == 24
                assert {run.status for run in store.find()} == {"failed"}

    def test_baselines_of_one_name_are_put_one_after_the_other(
        self, url: str, opened: Store, worker: Worker
    ) -> None:
        workers = [worker("put", url, 10) for _ in range(4)]
        for process in workers:
            _, err = process.communicate(timeout=WAIT_S)
            assert (process.returncode, err) == (0, "")
        assert len(opened.baselines.heads(name="main")) == 1

    def test_an_evaluation_is_claimed_by_one(self, url: str, worker: Worker) -> None:
        workers = [worker("claim", url, number) for number in range(4)]
        said = [json.loads(process.stdout.readline()) for process in workers]  # type: ignore[union-attr]
        assert sorted(said) == ["busy", "busy", "busy", "claimed"]
        for process in workers:
            process.communicate("\n", timeout=WAIT_S)


def test_text_is_sorted_as_in_sqlite(opened: Store, make: Make, file_store: Store) -> None:
    names = ("B", "a", "_", "Z-1", "Z1", "é")
    for store in (opened, file_store):
        for name in names:
            store.finish(make(name))
    orders = []
    for store in (opened, file_store):
        with store.reading() as connection:
            orders.append(connection.scalars(select(runs.c.run_id).order_by(runs.c.run_id)).all())
    assert orders[0] == orders[1] == sorted(names)


def test_a_schema_of_its_own(postgresql: Cluster, name: str, url: str, make: Make) -> None:
    postgresql.execute("CREATE SCHEMA mine", database=name)
    with Store.open(f"{url}?options=-csearch_path%3Dmine") as store:
        store.finish(make())
        assert execute(store, "SELECT op FROM ops") != []
        assert len(store.find()) == 1
    with Store.open(url) as store:
        assert store.find() == []


def test_a_read_sees_one_state(opened: Store, url: str, make: Make) -> None:
    opened.finish(make("one"))
    count = select(func.count()).select_from(runs)
    with opened.reading() as connection:
        before = connection.scalar(count)
        with Store.open(url) as other:
            other.finish(make("two"))
        assert connection.scalar(count) == before == 1
    assert len(opened.find()) == 2


def test_read_only_does_not_write(url: str, make: Make) -> None:
    with (
        Store.open(url, read_only=True) as reader,
        pytest.raises(StoreError, match="cannot be written"),
    ):
        reader.finish(make())


def test_processes_of_tests_do_not_run_as_root(postgresql: Cluster) -> None:
    status = Path(f"/proc/{postgresql.server.pid}/status").read_text()
    owner = int(re.search(r"Uid:\s+(\d+)", status)[1])  # type: ignore[index]
    assert owner != 0
    assert Path(postgresql.server.folder).stat().st_uid == owner
    assert owner == os.getuid() or os.getuid() == 0
