"""A target may measure no time: then latency and energy are absent, never zero."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from hil.cli import engine, run, sweep
from hil.records import RunRecord
from hil.store import Store

from tests.cli.conftest import Finished
from tests.report.report_records import passed

Hil = Callable[..., Finished]
NOTE = "this target measures no time"


def untimed(run_id: str = "20260101T000000-bbbbbb") -> RunRecord:
    record = passed(run_id=run_id, target="host", machine="x86_64", notes=(NOTE,))
    sizes = {n: m for n, m in record.measurements.items() if m.unit == "bytes"}
    assert sizes
    return dataclasses.replace(record, measurements=sizes, ops=(), functions=())


@pytest.fixture
def database(tmp_path: Path) -> Path:
    file = tmp_path / "runs.db"
    with Store.open(str(file)) as store:
        store.finish(passed(run_id="20260101T000000-aaaaaa"))
        store.finish(untimed())
    return file


def test_history_and_baselines_show_a_dash(hil: Hil, database: Path) -> None:
    def cells(table: str) -> list[str]:
        (row,) = (line.split() for line in table.splitlines() if "host x86_64" in line)
        return row[row.index("x86_64") + 1 :]

    listed = hil("history", "--db", database)
    assert cells(listed.out)[:2] == ["-", "-"]
    assert hil("baseline", "set", "main", "bbbbbb", "--db", database).code == 0
    (row,) = (
        r
        for r in hil("history", "--json", "--db", database).json["data"]["runs"]
        if r["target"] == "host"
    )
    assert "latency_us" not in row["measurements"]
    shown = hil("baseline", "show", "main", "--db", database)
    assert shown.out.count(" - ") >= 2


@pytest.mark.parametrize("order", [("aaaaaa", "bbbbbb"), ("bbbbbb", "aaaaaa")])
def test_compare_shows_a_dash(hil: Hil, database: Path, order: tuple[str, str]) -> None:
    result = hil("compare", *order, "--db", database)
    assert result.code == 0, result
    (time,) = (line for line in result.out.splitlines() if line.startswith("Time per inference"))
    assert " - " in f"{time} "
    assert f"note on {'AB'[order.index('bbbbbb')]}: {NOTE}" in result.err
    figures = hil("compare", *order, "--json", "--db", database).json["data"]["figures"]
    values = [cell["value"] for cell in figures["latency_us"] if cell]
    assert len(values) == 1
    assert values[0] > 0


def test_gate_compares_what_there_is(hil: Hil, database: Path) -> None:
    assert hil("baseline", "set", "main", "bbbbbb", "--db", database).code == 0
    with Store.open(str(database)) as store:
        store.finish(untimed("20260101T000000-cccccc"))
    result = hil("gate", "-b", "main", "cccccc", "--json", "--db", database)
    assert (result.code, result.json["data"]["runs"]["compared"]) == (0, 1)
    names = {f["name"] for case in result.json["data"]["cases"] for f in case["findings"]}
    assert "flash_bytes" in names
    assert "latency_us" not in names


def test_run_shows_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    run._show_record(untimed())
    shown = capsys.readouterr().out
    assert f"note: {NOTE}" in shown
    assert "latency" not in shown
    run._show_record(dataclasses.replace(untimed(), measurements={}))
    assert f"note: {NOTE}" in capsys.readouterr().out


def test_engine_check_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    engine._show_check("mine", untimed())
    shown = capsys.readouterr().out
    assert "passed: engine mine" in shown
    assert "instructions" not in shown


def test_sweep_shows_a_dash_and_no_kind() -> None:
    latency, band, *rest = sweep._figures(untimed())
    assert (latency, band) == ("-", "")
    assert rest[-1] not in ("", "-")
    assert set(sweep._figures(None)) == {""}
