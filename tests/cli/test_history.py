"""``hil history``: real databases, real processes."""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hil.cli.main import app
from hil.store import Store
from typer.testing import CliRunner

from tests.cli.conftest import Finished
from tests.store.samples import rich_record

Hil = Callable[..., Finished]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Three runs: of yesterday, of last month, and one that stood in for its chip."""
    file = tmp_path / "runs.db"
    now = datetime.now(UTC)
    model = rich_record().model
    assert model is not None
    vww = dataclasses.replace(model, name="vww", sha256="cd" * 32)
    with Store.open(str(file)) as store:
        for run_id, days, fields in (
            ("20260101T000000-aaaaaa", 1, {"status": "passed"}),
            ("20260101T000000-bbbbbb", 30, {"model": vww}),
            ("20260101T000000-cccccc", 3, {"machine": "mps2-an386", "machine_exact": False}),
        ):
            started = (now - timedelta(days=days)).isoformat()
            record = dataclasses.replace(rich_record(), run_id=run_id, started_at=started)
            store.finish(dataclasses.replace(record, **fields))
    return file


def ids(result: Finished) -> list[str]:
    return [run["run_id"].rpartition("-")[2][0] for run in result.json["data"]["runs"]]


def test_the_table_has_what_one_compares(hil: Hil, database: Path) -> None:
    result = hil("history", "--db", database)
    assert result.code == 0
    head, _, *rows = result.out.splitlines()
    assert " ".join(head.split()) == (
        "run when status profile model engine target latency energy flash RAM"
    )
    assert [row[:22][-6] for row in rows] == ["a", "c", "b"]
    assert "passed" in rows[0]
    assert "123.5 ms" in rows[0]
    assert "69.3 KiB" in rows[0]
    assert "mps2-an386*" in rows[1]
    assert "a substitute for the chip" in result.err


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "acb"),
        (["--limit", "1"], "a"),
        (["--limit", "0"], "acb"),
        (["--model", "vww"], "b"),
        (["--model", "abababab"], "ac"),
        (["--model", "nothing"], ""),
        (["--status", "passed"], "a"),
        (["--profile", "stm32l4", "--engine", "aot"], "acb"),
        (["--engine", "tflm"], ""),
        (["--since", "2d"], "a"),
        (["--since", "1w"], "ac"),
        (["--since", "2020-01-31"], "acb"),
    ],
)
def test_filters(
    database: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], expected: str
) -> None:
    monkeypatch.chdir(database.parent)
    environment = {"HIL_DB": str(database), "XDG_CONFIG_HOME": str(database.parent)}
    result = CliRunner().invoke(app, ["history", "--json", *options], env=environment)
    finished = Finished(result.exit_code, result.stdout, result.stderr)
    assert finished.code == 0
    assert (finished.json["schema"], finished.json["status"]) == ("hil.history/1", "ok")
    assert "".join(ids(finished)) == expected


def test_before_the_first_run_there_is_nothing_to_list(hil: Hil, tmp_path: Path) -> None:
    result = hil("history")
    assert (result.code, result.out) == (0, "")
    assert "hil run" in result.err
    assert ids(hil("history", "--json")) == []
    assert not (tmp_path / "state").exists()


def test_a_named_database_must_be_there(hil: Hil, tmp_path: Path) -> None:
    result = hil("history", "--db", tmp_path / "none.db", "--json")
    assert result.code == 4
    assert result.json["errors"][0]["message"].startswith("there is no database")
    assert not (tmp_path / "none.db").exists()


def test_a_newer_database_exits_4(hil: Hil, database: Path) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    result = hil("history", "--db", database)
    assert result.code == 4
    assert "newer version of hil" in result.err


@pytest.mark.parametrize("when", ["yesterdayish", "99999999999w", "2026-13-01"])
def test_a_time_that_is_none(hil: Hil, when: str) -> None:
    result = hil("history", "--since", when)
    assert result.code == 2
    assert "invalid --since" in result.err
