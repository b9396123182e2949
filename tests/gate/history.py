"""Databases with a long history, made fast: templates through the store, copies of them by SQL."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hil.records import RunRecord
from hil.store import Store

from tests.report.report_records import passed

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def template(model: int, profile: int, engine: str) -> RunRecord:
    """A run of a kind of its own, with the figures, ops and provenance of a real one."""
    run = passed()
    assert run.model is not None
    name = f"chip{profile}"
    return passed(
        run_id=f"m{model}-p{profile}-{engine}",
        started_at=BEGIN.isoformat(),
        profile_name=name,
        profile={**run.profile, "name": name},
        engine=engine,
        model=dataclasses.replace(run.model, name=f"model{model}", sha256=f"{model:064x}"),
        provenance={**run.provenance, "model_sha256": f"{model:064x}"},
    )


def fill(database: Path, runs: int) -> list[RunRecord]:
    """Fill a database with ``runs`` runs of 100 kinds and return the templates.

    Templates are the oldest; the copies follow in rounds, a minute between two runs.
    """
    templates = [
        template(model, profile, engine)
        for model in range(10)
        for profile in range(5)
        for engine in ("aot", "tflm-cmsis")
    ]
    with Store.open(str(database)) as store:
        for run in templates:
            store.finish(run)
    connection = sqlite3.connect(database)
    copies = runs // len(templates) - 1
    connection.executescript(
        "CREATE TEMP TABLE numbers AS WITH RECURSIVE n(i) AS "
        f"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copies}) SELECT i FROM n;"
        "CREATE TEMP TABLE templates AS SELECT * FROM runs;"
        "UPDATE runs SET host = 'elsewhere', pid = 1;"
    )
    for table in ("runs", "measurements"):
        _copy(connection, table)
    connection.commit()
    connection.execute("ANALYZE")
    connection.close()
    return templates


def _copy(connection: sqlite3.Connection, table: str) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    late = {
        "run_id": "t.run_id || '-' || i",
        "started_us": "t.started_us + i * 6000000000 + t.rowid * 60000000",
        "document": "json_set(t.document, '$.run_id', t.run_id || '-' || i)",
    }
    source = "templates" if table == "runs" else table
    chosen = ", ".join(late.get(column, f"t.{column}") for column in columns)
    where = "" if table == "runs" else " WHERE t.run_id IN (SELECT run_id FROM templates)"
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) "
        f"SELECT {chosen} FROM {source} t, numbers{where}"
    )


def newest(run: RunRecord, run_id: str, **changes: object) -> RunRecord:
    """The same run once more, after all others."""
    now = BEGIN + timedelta(days=3650)
    return dataclasses.replace(run, run_id=run_id, started_at=now.isoformat(), **changes)  # type: ignore[arg-type]
