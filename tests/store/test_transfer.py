"""A database is exported and imported without loss, between SQLite and PostgreSQL both ways."""

from __future__ import annotations

import dataclasses
import gzip
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hil.records import RunRecord
from hil.store import Store
from hil.store.tables import metadata
from hil.store.transfer import exported, import_lines
from sqlalchemy import select

from tests.report.report_records import passed
from tests.store.samples import rich_evaluation, rich_record, rich_samples, rich_variant
from tests.support.databases import execute
from tests.support.hil import Result, hil
from tests.support.postgres import Cluster

Make = Callable[..., RunRecord]


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """``--db`` of a second database."""
    if request.param == "sqlite":
        yield str(tmp_path / "target.db")
        return
    running: Cluster = request.getfixturevalue("postgresql")
    with running.database(empty=True) as name:
        yield running.url(name)


@pytest.fixture
def filled(store: Store, make: Make) -> Store:
    for run_id in ("B-é", "a", "Z-1"):
        store.finish(make(run_id))
    store.begin(make("begun", status="running", finished_at=None))
    figure = dataclasses.replace(rich_record().measurements["latency_us"], value=math.nan)
    store.finish(make("nan", measurements={"latency_us": figure}, notes=("\0 'x'; %s :y",)))
    store.variants.keep(rich_variant())
    store.evaluations.claim(rich_evaluation())
    store.evaluations.add(rich_evaluation().evaluation_id, rich_samples())
    store.evaluations.finish(rich_evaluation())
    store.baselines.put("main", [passed()])
    store.baselines.put("Älter", [passed(), rich_record()])
    return store


def content(store: Store) -> dict[str, list[object]]:
    """All rows of all tables, sorted by their text."""
    with store.reading() as connection:
        return {
            table.name: sorted(repr(tuple(row)) for row in connection.execute(select(table)))
            for table in metadata.sorted_tables
        }


def call(*arguments: object) -> Result:
    return hil("db", *arguments)


def test_every_row_arrives_equal_and_again_changes_nothing(
    filled: Store, target: str, tmp_path: Path
) -> None:
    file = tmp_path / "all.jsonl.gz"
    assert call("export", file, "--db", db_of(filled)).stdout.strip() == str(file)
    done = call("import", file, "--db", target, "--json")
    assert done.code == 0, done
    assert done.envelope["data"]["added"] == {
        "variant": 1,
        "run": 5,
        "evaluation": 1,
        "baseline": 3,
    }
    with Store.open(target) as copy:
        assert content(copy) == content(filled)
    again = call("import", file, "--db", target)
    assert again.code == 0
    assert "runs: 0 added, 0 replaced, 5 there already" in again.stdout
    second = tmp_path / "second.jsonl.gz"
    assert call("export", second, "--db", target).code == 0
    assert second.read_bytes() == file.read_bytes()


def test_a_database_is_imported_without_a_file(filled: Store, target: str) -> None:
    done = call("import", db_of(filled), "--db", target)
    assert done.code == 0, done
    with Store.open(target) as copy:
        assert content(copy) == content(filled)


def test_a_plain_file_and_stdout_have_the_same_lines(filled: Store, tmp_path: Path) -> None:
    assert call("export", tmp_path / "all.jsonl", "--db", db_of(filled)).code == 0
    plain = (tmp_path / "all.jsonl").read_text(encoding="utf-8")
    assert call("export", "-", "--db", db_of(filled)).stdout == plain
    call("export", tmp_path / "all.gz", "--db", db_of(filled))
    assert gzip.decompress((tmp_path / "all.gz").read_bytes()).decode() == plain


def test_an_ended_run_replaces_a_running_one(store: Store, file_store: Store, make: Make) -> None:
    file_store.finish(make())
    store.begin(make(status="running", finished_at=None))
    found = import_lines(store, exported(file_store))
    assert (found.replaced["run"], found.conflicts) == (1, [])
    assert store.get("latest") == make()
    assert import_lines(store, exported(file_store)).same["run"] == 1


def test_a_newer_variant_replaces_an_older_one(store: Store, file_store: Store) -> None:
    newer = dataclasses.replace(rich_variant(), created_at="2027-01-01T00:00:00+00:00")
    for first, second in ((rich_variant(), newer), (newer, rich_variant())):
        store.variants.keep(first)
        file_store.variants.keep(second)
        import_lines(store, exported(file_store))
        assert store.variants.find() == [newer]


def test_records_that_differ_are_named_and_left(
    store: Store, file_store: Store, make: Make
) -> None:
    store.finish(make("same"))
    store.finish(make("mine", notes=("here",)))
    for run_id in ("same", "mine", "new"):
        file_store.finish(make(run_id))
    done = call("import", db_of(file_store), "--db", db_of(store))
    done.refuses(4, "1 records", "run mine", "left out")
    assert store.get("mine").notes == ("here",)
    assert len(store.find()) == 3
    done = call("import", db_of(file_store), "--db", db_of(store), "--json")
    assert (done.code, done.envelope["data"]["conflicts"]) == (4, ["run mine"])


def test_more_records_than_a_transaction_holds(file_store: Store, store: Store, make: Make) -> None:
    for number in range(120):
        file_store.finish(make(f"run-{number}"))
    assert import_lines(store, exported(file_store)).added["run"] == 120
    assert content(store) == content(file_store)


class TestInvalidExports:
    @pytest.fixture
    def lines(self, file_store: Store) -> list[str]:
        file_store.finish(rich_record())
        file_store.baselines.put("main", [passed()])
        return [json.dumps(line) for line in exported(file_store)]

    @pytest.fixture
    def refused(self, tmp_path: Path) -> Callable[..., None]:
        def check(content: bytes | str, *words: str) -> None:
            file = tmp_path / "given"
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            call("import", file, "--db", tmp_path / "new.db").refuses(2, *words)

        return check

    def test_cut_off(self, lines: list[str], refused: Callable[..., None]) -> None:
        refused("\n".join(lines[:-1]), "cut off", "last line is missing")
        refused("\n".join(lines)[:-40], "cannot be read")
        packed = gzip.compress("\n".join(lines).encode())
        refused(packed[: len(packed) // 2], "cannot be read")

    def test_a_record_is_missing(self, lines: list[str], refused: Callable[..., None]) -> None:
        refused("\n".join((lines[0], *lines[2:])), "numbers of records differ")

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ('"status"', '"state"', "field required"),
            ("hil.record.run/1", "hil.record.run/2", "newer version"),
            ('"host"', '"home"', "host"),
            ('"pid": ', '"pid": "x", "y": ', "invalid literal"),
            ('{"run":', '{"walk":', "not a record"),
            ('{"run":', '{"variant": 1, "run":', "not a record"),
        ],
    )
    def test_invalid_lines(
        self, lines: list[str], refused: Callable[..., None], old: str, new: str, words: str
    ) -> None:
        assert old in lines[1]
        refused("\n".join((lines[0], lines[1].replace(old, new), *lines[2:])), "line 2", words)

    @pytest.mark.parametrize("text", ["", "[]\n", '{"schema": "x"}\n', "[" * 100_000, "\x00\xff"])
    def test_not_an_export(self, refused: Callable[..., None], text: str) -> None:
        refused(text.encode("latin-1"))

    def test_no_file(self, tmp_path: Path) -> None:
        call("import", tmp_path / "none", "--db", tmp_path / "new.db").refuses(2, "cannot read")
        call("import", tmp_path, "--db", tmp_path / "new.db").refuses(2, "cannot read")

    def test_an_export_that_cannot_be_written(self, file_store: Store, tmp_path: Path) -> None:
        done = call("export", tmp_path / "no" / "file", "--db", db_of(file_store))
        done.refuses(2, "cannot write")
        call("export", "-", "--json", "--db", db_of(file_store)).refuses(2, "stdout")

    def test_a_damaged_record_is_named_and_no_file_is_left(
        self, file_store: Store, tmp_path: Path
    ) -> None:
        file_store.finish(rich_record())
        execute(file_store, "UPDATE runs SET document = '{'")
        out = tmp_path / "all.jsonl"
        call("export", out, "--db", db_of(file_store)).refuses(4, rich_record().run_id, "damaged")
        assert not out.exists()


def db_of(store: Store) -> str:
    """``--db`` of an open store, with the password."""
    return store._engine.url.render_as_string(hide_password=False)
