"""``hil report`` and ``hil compare`` as a user calls them, on a real database."""

from __future__ import annotations

import dataclasses
import json
import webbrowser
from pathlib import Path

import pytest
from hil.store import Store

from tests.support import hil as support
from tests.support.hil import Result

from .board_records import on_board
from .page import parse
from .report_records import passed, scaled, wrong_output

FIRST, SECOND, THIRD = (
    "20261121T024000-a1b2c3",
    "20261121T024300-0d0d0d",
    "20261121T025000-bbbbbb",
)


@pytest.fixture
def db(db_url: str) -> str:
    faster = scaled(passed(), 0.5, run_id=THIRD, started_at="2026-11-21T02:50:00.000+00:00")
    wrong = dataclasses.replace(wrong_output(), started_at="2026-11-21T02:43:00.000+00:00")
    with Store.open(db_url) as store:
        for record in (passed(), wrong, faster):
            store.begin(dataclasses.replace(record, status="running"))
            store.finish(record)
    return db_url


def hil(folder: Path, *arguments: str, **env: str) -> Result:
    return support.hil(*arguments, cwd=folder, env={"HIL_STATE_DIR": str(folder / "state"), **env})


def test_the_latest_run_is_the_default_and_the_path_is_printed(db: str, tmp_path: Path) -> None:
    done = hil(tmp_path, "report", "--db", db)
    assert (done.code, done.stderr) == (0, "")
    path = Path(done.stdout.strip())
    assert path == tmp_path / "hil-report.html"
    page = parse(path.read_text(encoding="utf-8"))
    assert THIRD in page.text
    assert FIRST not in page.text


def test_runs_by_name_title_and_json(db: str, tmp_path: Path) -> None:
    out = tmp_path / "mine.html"
    done = hil(
        tmp_path, "report", "a1b2c3", "latest~1", "-o", str(out), "--title", "Mine", "--json",
        HIL_DB=db,
    )  # fmt: skip
    assert done.code == 0, done.stderr
    answer = done.envelope
    assert (answer["schema"], answer["status"], answer["errors"]) == ("hil.report/1", "ok", [])
    assert answer["data"]["path"] == str(out)
    assert answer["data"]["runs"] == [
        {"run_id": FIRST, "status": "passed"},
        {"run_id": SECOND, "status": "failed"},
    ]
    (comparison,) = answer["data"]["comparisons"]
    assert comparison["baseline"] == FIRST
    assert comparison["why"].startswith("The first run is the baseline")
    assert "gives wrong outputs (on 2 of 7\u00a0inputs)" in comparison["verdicts"][0]
    assert parse(out.read_text(encoding="utf-8")).one("h1").text == "Mine"


def test_last_takes_the_newest_oldest_first(db: str, tmp_path: Path) -> None:
    done = hil(tmp_path, "report", "--last", "2", "--profile", "stm32l4", "--json", "--db", db)
    assert [run["run_id"] for run in done.envelope["data"]["runs"]] == [SECOND, THIRD]


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (["--model", "nope"], 2, "there is no run of model 'nope' in", "`hil run MODEL.tflite`"),
        (["latest~7"], 2, "there is no run 'latest~7'", "hil history"),
        (["latest~x"], 2, "there is no run 'latest~x'", "latest~1"),
        (["a1b2c3", "--last", "2"], 2, "exclude each other", "give filters"),
        (["-o", "nowhere/r.html"], 2, "cannot write the report", "-o FILE"),
    ],
)
def test_errors_name_the_way_out(
    db: str, tmp_path: Path, arguments: list[str], code: int, message: str, hint: str
) -> None:
    done = hil(tmp_path, "report", *arguments, "--db", db)
    assert done.code == code
    assert done.stdout == ""
    error, advice = done.stderr.strip().splitlines()
    assert error.startswith("error: ")
    assert message in error
    assert advice.startswith("hint: ")
    assert hint in advice
    assert list(tmp_path.iterdir()) == []


def test_without_any_run_it_says_how_to_make_one(tmp_path: Path) -> None:
    empty = tmp_path / "empty.db"
    Store.open(str(empty)).close()
    done = hil(tmp_path, "report", "--db", str(empty))
    assert done.code == 2
    assert "there is no run in" in done.stderr
    assert "`hil run MODEL.tflite` adds one" in done.stderr


def test_open_hands_the_file_to_the_browser(
    db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "_tryorder", None)  # reads BROWSER again
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > "{tmp_path}/opened"\n')
    browser.chmod(0o755)
    done = hil(tmp_path, "report", "--open", "--db", db, BROWSER=f"{browser} %s")
    assert done.code == 0, done.stderr
    assert (tmp_path / "opened").read_text().strip() == (tmp_path / "hil-report.html").as_uri()


def test_compare_in_the_terminal_and_as_html(db: str, tmp_path: Path) -> None:
    done = hil(tmp_path, "compare", FIRST, "latest", "--html", "c.html", "--db", db)
    assert (done.code, done.stderr) == (0, "")
    lines = [" ".join(line.replace("\u00a0", " ").split()) for line in done.stdout.splitlines()]
    assert f"A (baseline): {FIRST} kws_int8 on stm32l4, aot, passed" in lines
    assert "Time per inference modelled 249 ms ±15 % 124 ms ±15 % 0.50× −50 %, better" in lines
    assert "2 CONV_2D 3.50 M 1.75 M 0.50×" in lines
    assert f"report: {tmp_path / 'c.html'}" in lines
    assert "2.0x faster than aot" in parse((tmp_path / "c.html").read_text(encoding="utf-8")).text


def test_compare_as_json(db: str, tmp_path: Path) -> None:
    answer = hil(tmp_path, "compare", FIRST, "latest~1", "--json", "--db", db).envelope
    assert answer["schema"] == "hil.compare/1"
    data = answer["data"]
    assert data["baseline"] == FIRST
    first, second = data["figures"]["latency_us"]
    assert first["ratio"] is None
    assert second["verdict"] == "unknown"  # the second run failed
    assert second["ratio"] == 1.0
    assert "did not pass" in data["notes"][0]


def test_compare_shows_the_error_of_the_model(db: str, tmp_path: Path) -> None:
    """Of a measured run, and of a virtual board's, which measures nothing."""
    measured = on_board(passed(), {0: 1.2, 2: 0.98})
    virtual = on_board(passed(), {0: 1.2}, virtual=True, run_id="20261121T025600-0bad01")
    with Store.open(db) as store:
        for record in (measured, virtual):
            store.begin(dataclasses.replace(record, status="running"))
            store.finish(record)
    done = hil(tmp_path, "compare", FIRST, "0bad00", "--db", db)
    assert done.code == 0, done.stderr
    lines = [" ".join(line.replace("\u00a0", " ").split()) for line in done.stdout.splitlines()]
    assert f"A (baseline): {FIRST} kws_int8 on stm32l4, aot, passed, modelled on qemu" in lines
    assert any(line.endswith("passed, measured on board desk") for line in lines)
    assert f"Error of the model: {FIRST} against {measured.run_id}" in lines
    head = lines.index("# Op qemu: modelled board desk: measured error of all band")
    assert lines[head + 2] == "0 CONV_2D 2,104,311 2,525,173 −17 % −2.1 % outside"
    assert lines[head + 3] == "2 CONV_2D 3,502,881 3,432,823 +2.0 % +0.35 % inside"
    assert "note: The band was made for whole firmwares" in done.stderr
    assert "not a measurement" not in done.stdout
    tried = hil(tmp_path, "compare", FIRST, "0bad01", "--db", db)
    assert "on board desk (virtual board: not a measurement)" in tried.stdout
    assert "desk is a virtual board: not a measurement" in tried.stderr
    answer = hil(tmp_path, "compare", FIRST, "0bad01", "--db", db, "--json").envelope
    (error,) = answer["data"]["model_errors"]
    assert (error["virtual"], error["board_name"]) == (True, "desk")
    assert error["figures"]["cycles"]["board_kind"] == "modelled"
    same = hil(tmp_path, "compare", FIRST, "bbbbbb", "--db", db, "--json").envelope
    assert same["data"]["model_errors"] == []


def test_one_run_cannot_be_compared(db: str, tmp_path: Path) -> None:
    done = hil(tmp_path, "compare", "latest", "--db", db)
    assert done.code == 2
    assert "error: a comparison needs at least two runs" in done.stderr
    assert "hint: for example `hil compare latest~1 latest`" in done.stderr


def test_formats_by_name_of_the_file_by_flag_and_on_stdout(db: str, tmp_path: Path) -> None:
    runs = (FIRST, THIRD, "--db", db)
    assert hil(tmp_path, "report", *runs, "-o", "pr.md").code == 0
    assert (tmp_path / "pr.md").read_text(encoding="utf-8").startswith("### kws")
    done = hil(tmp_path, "report", *runs, "--format", "csv")
    assert done.stdout.strip() == str(tmp_path / "hil-report.csv")
    assert (tmp_path / "hil-report.csv").read_bytes().startswith(b"schema,comparison,")
    done = hil(tmp_path, "report", *runs, "--format", "json", "-o", "-")
    assert (done.code, done.stderr) == (0, "")
    assert json.loads(done.stdout)["schema"] == "hil.report.data/1"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "hil-report.csv",
        "pr.md",
    ]


def test_a_named_baseline_is_a_run_or_a_stored_baseline(db: str, tmp_path: Path) -> None:
    by_run = hil(tmp_path, "report", FIRST, "--baseline", THIRD, "--json", "--db", db)
    (comparison,) = by_run.envelope["data"]["comparisons"]
    assert comparison["baseline"] == THIRD
    assert comparison["why"] == f"aot is the baseline, as asked for by '{THIRD}'."
    assert hil(tmp_path, "baseline", "set", "release", THIRD, "--db", db).code == 0
    by_name = hil(tmp_path, "report", FIRST, "--baseline", "release", "--json", "--db", db)
    (comparison,) = by_name.envelope["data"]["comparisons"]
    assert comparison["baseline"] == THIRD
    assert "2.0x slower than aot" in comparison["verdicts"][0]


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (
            ["--format", "pdf"],
            "'pdf' is not one of 'html', 'md', 'csv', 'json'",
            "hil report --help",
        ),
        (["-o", "-", "--json"], "-o - and --json both write to stdout", "--format json -o -"),
        (["-o", "-", "--open"], "--open needs an HTML report in a file", "leave out"),
        (["--format", "md", "--open"], "--open needs an HTML report in a file", "leave out"),
        (
            ["--baseline", "nope"],
            "there is no baseline 'nope', and there is no run 'nope' in",
            "hil baseline list",
        ),
        (
            ["--baseline", "20261121"],
            "there is no baseline '20261121', and '20261121' could be any of several runs",
            "hil baseline list",
        ),
    ],
)
def test_options_that_do_not_go_together(
    db: str, tmp_path: Path, arguments: list[str], message: str, hint: str
) -> None:
    done = hil(tmp_path, "report", *arguments, "--db", db, HIL_DEBUG="")
    assert done.code == 2
    assert message in (done.stdout + done.stderr)
    assert hint in (done.stdout + done.stderr)
