"""Databases with long histories, made fast: templates through the store, copies of them by SQL.

::

    python -m tests.support.histories FILE [--runs 10000]

makes one to measure with: 100 series of equal length, a run a night, each night at another commit.
From 60 % of the nights on, cycles, time and energy are 3 % more; one run of each series failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hil.records import RunRecord
from hil.store import Store

from tests.report.report_records import passed

FIRST = datetime(2026, 1, 1, 2, tzinfo=UTC)
MODELS, PROFILES, ENGINES = 10, 5, ("aot", "tflm-cmsis")
SERIES = MODELS * PROFILES * len(ENGINES)
_NIGHT_US = 86_400_000_000
_SLOWER = ("latency_us", "cycles", "energy_uj")


def fill(database: Path, runs: int = 10_000) -> None:
    """Fill a new database with so many runs (a multiple of ``SERIES``)."""
    nights, rest = divmod(runs, SERIES)
    assert rest == 0, f"not a multiple of {SERIES}: {runs}"
    with Store.open(str(database)) as store:
        for number in range(SERIES):
            store.finish(_template(number))
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(
        "CREATE TEMP TABLE nights AS WITH RECURSIVE n(i) AS "
        f"(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {nights - 1}) SELECT i FROM n"
    )
    for table in ("runs", "measurements"):
        _copy(connection, table)
    slower = f"night({round(0.6 * nights)})"
    names = ", ".join(f"'{name}'" for name in _SLOWER)
    connection.create_function("night", 1, lambda night: f"n{night:05}")
    connection.execute(
        "UPDATE measurements SET value = value * 1.03 "
        f"WHERE name IN ({names}) AND substr(run_id, 1, 6) >= {slower}"
    )
    connection.execute(
        f"UPDATE runs SET status = 'failed' WHERE substr(run_id, 1, 6) = night({nights // 3})"
    )
    connection.commit()
    connection.execute("ANALYZE")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _template(number: int) -> RunRecord:
    """The run of the first night of a series."""
    engine = ENGINES[number % len(ENGINES)]
    profile = f"chip{number // len(ENGINES) % PROFILES}"
    model = number // len(ENGINES) // PROFILES
    run = passed()
    assert run.model is not None
    return passed(
        run_id=f"n00000-s{number:03}",
        started_at=(FIRST + timedelta(minutes=number)).isoformat(),
        profile_name=profile,
        profile={**run.profile, "name": profile},
        engine=engine,
        model=dataclasses.replace(run.model, name=f"model{model}", sha256=f"{model:064x}"),
        provenance={**run.provenance, "source_commit": f"{0:040x}"},
    )


def _copy(connection: sqlite3.Connection, table: str) -> None:
    """Repeat the rows of the first night in all others."""
    run_id = "printf('n%05d', n.i) || substr(t.run_id, 7)"
    started_us = f"t.started_us + n.i * {_NIGHT_US}"
    started_at = f"strftime('%Y-%m-%dT%H:%M:%S+00:00', ({started_us}) / 1000000, 'unixepoch')"
    changed = {
        "run_id": run_id,
        "started_us": started_us,
        "started_at": started_at,
        "source_commit": "printf('%032x%08x', n.i, n.i)",
        "document": f"json_set(t.document, '$.run_id', {run_id}, '$.started_at', {started_at}, "
        "'$.provenance.source_commit', printf('%032x%08x', n.i, n.i))",
    }
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    values = ", ".join(changed.get(column, f"t.{column}") for column in columns)
    connection.execute(
        f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} "
        f"FROM {table} t, nights n WHERE t.run_id LIKE 'n00000-%' ORDER BY n.i"
    )


def main() -> None:
    """Make the file that the command line names."""
    parser = argparse.ArgumentParser(description=fill.__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=10_000)
    arguments = parser.parse_args()
    fill(arguments.file, arguments.runs)


if __name__ == "__main__":
    main()
