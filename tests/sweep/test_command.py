"""`hil sweep` as its users run it: real workers, a real compiler and emulator."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sqlite3
import subprocess
from pathlib import Path

import pytest
from hil.store import Store

from tests.report.page import parse
from tests.support.hil import DIGITS, HIL, REPOSITORY, Result, hil
from tests.support.processes import WAIT_S, Processes, wait_until
from tests.support.tools import wrapped_qemu

STUDY = """
schema = 1
title = "Digits"
models = ["digits_*.tflite"]
profiles = ["stm32l4", "tiny.toml"]
[inputs]
samples = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two models on two boards, one of which has no room for the float one."""
    for name in ("digits_float32.tflite", "digits_int8.tflite"):
        shutil.copy(DIGITS / name, tmp_path / name)
    text = (REPOSITORY / "device_profiles" / "stm32l4.toml").read_text()
    old = "size_bytes = 98_304"
    assert old in text
    (tmp_path / "tiny.toml").write_text(text.replace(old, "size_bytes = 8_192"))
    (tmp_path / "study.toml").write_text(STUDY)
    return tmp_path


@pytest.fixture
def counted(folder: Path) -> tuple[Path, Path]:
    """A QEMU that writes a line for every program that it starts, and the file with the lines."""
    log = folder / "starts"
    return wrapped_qemu(folder, f'echo start >> "{log}"'), log


def sweep(folder: Path, *arguments: str | Path) -> Result:
    return hil("sweep", "study.toml", "--db", folder / "hil.db", *arguments, cwd=folder)


def stored(folder: Path) -> list[str]:
    with Store.open(str(folder / "hil.db")) as store:
        return sorted(run.status for run in store.find())


def log_inserts(folder: Path) -> None:
    """Have the database note the status of every row that is inserted into ``runs``."""
    Store.open(str(folder / "hil.db")).close()
    connection = sqlite3.connect(folder / "hil.db")
    connection.executescript(
        "CREATE TABLE inserts (run_id TEXT, status TEXT, sweep_key TEXT);"
        "CREATE TRIGGER log AFTER INSERT ON runs BEGIN "
        "INSERT INTO inserts VALUES (new.run_id, new.status, new.sweep_key); END;"
    )
    connection.close()


def inserts(folder: Path) -> dict[str, list[str]]:
    """Return the statuses with which each run was inserted, all with its sweep key."""
    found: dict[str, list[str]] = {}
    connection = sqlite3.connect(folder / "hil.db")
    for run_id, status, key in connection.execute("SELECT * FROM inserts ORDER BY rowid"):
        assert len(key) == 64
        found.setdefault(run_id, []).append(status)
    connection.close()
    return found


def test_failures_are_listed_after_all_have_run_and_nothing_runs_twice(
    folder: Path, counted: tuple[Path, Path]
) -> None:
    qemu, log = ("--emulator", counted[0]), counted[1]
    log_inserts(folder)
    first = sweep(folder, "--jobs", "2", "--json", *qemu)
    assert first.code == 3
    assert first.envelope["schema"] == "hil.sweep/1"
    assert first.envelope["status"] == "failed"
    runs = first.envelope["data"]["runs"]
    assert {run["label"]: run["status"] for run in runs} == {
        "digits_float32/given/aot/stm32l4/-O3": "passed",
        "digits_int8/given/aot/stm32l4/-O3": "passed",
        "digits_float32/given/aot/tiny/-O3": "failed",
        "digits_int8/given/aot/tiny/-O3": "passed",
    }
    (error,) = first.envelope["errors"]
    assert error["message"].startswith("digits_float32/given/aot/tiny/-O3: ")
    assert error["hint"]
    assert not any(run["resumed"] for run in runs)
    assert stored(folder) == ["failed", "passed", "passed", "passed"]
    assert sorted(inserts(folder).values()) == [["running", s] for s in stored(folder)]

    starts = log.read_text().count("start")
    again = sweep(folder, "--json", *qemu)
    assert again.code == 3
    assert all(run["resumed"] for run in again.envelope["data"]["runs"])
    assert [run["run_id"] for run in again.envelope["data"]["runs"]] == [
        run["run_id"] for run in runs
    ]
    assert log.read_text().count("start") == starts
    assert len(stored(folder)) == 4

    rerun = sweep(folder, "--rerun-failed", "--json", *qemu)
    assert rerun.code == 3
    assert [run["resumed"] for run in rerun.envelope["data"]["runs"]] == [True, True, False, True]
    assert stored(folder) == ["failed", "failed", "passed", "passed", "passed"]


def test_text_report_and_dry_run(folder: Path) -> None:
    plan = sweep(folder, "--dry-run")
    assert plan.code == 0
    assert "4 runs, 0 done, 4 to run" in plan.stdout
    assert not (folder / "hil.db").exists() or stored(folder) == []

    done = sweep(folder, "--report", "study.html")
    assert done.code == 3
    assert "4 runs: 3 passed, 1 did not; 0 were done before" in done.stdout
    assert "latency modelled, energy modelled, flash static" in done.stdout
    assert "error: digits_float32/given/aot/tiny/-O3:" in done.stderr
    assert "hint: " in done.stderr
    page = parse((folder / "study.html").read_text())
    assert page.one("h1").text == "Digits"
    assert len(page.all("figure", class_="study-figure")) == 8
    assert "digits_float32" in page.one("div", class_="problem").text

    assert "4 runs, 4 done, 0 to run" in sweep(folder, "--dry-run").stdout
    only = sweep(folder, "--only", "int8", "--report", "study.md")
    assert only.code == 0
    assert "2 runs: 2 passed, 0 did not; 2 were done before" in only.stdout
    assert "# Digits" in (folder / "study.md").read_text()


def test_a_changed_model_runs_again_the_others_do_not(folder: Path) -> None:
    (folder / "study.toml").write_text(STUDY.replace(', "tiny.toml"', ""))
    assert sweep(folder).code == 0
    with (folder / "digits_int8.tflite").open("ab") as file:
        file.write(b"\0" * 16)  # behind the flatbuffer: another file, the same network
    again = sweep(folder, "--json")
    assert again.code == 0
    assert [run["resumed"] for run in again.envelope["data"]["runs"]] == [True, False]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_in_the_midst_keeps_what_is_done_and_the_next_sweep_goes_on(
    folder: Path, processes: Processes, how: signal.Signals
) -> None:
    (folder / "study.toml").write_text(
        'schema = 1\nmodels = ["digits_*.tflite"]\nprofiles = ["stm32l4", "sparkfun-edge"]\n'
        "[inputs]\nsamples = 1\nrepeat = 25\n"
    )
    # From the second run on a core is slowed to 1 MHz: it is at work when the stop comes.
    second, slowed = folder / "second", "-icount shift=10,align=on"
    qemu = wrapped_qemu(folder, f'[ ! -e {second} ] || set -- "$@" {slowed}; touch {second}')
    process = processes.start(
        *(HIL, "sweep", "study.toml", "--jobs", "1", "--db", folder / "hil.db", "--emulator", qemu),
        cwd=folder,
        stderr=subprocess.PIPE,
    )
    wait_until(
        lambda: (
            process.poll() is not None
            or ((folder / "hil.db").exists() and "passed" in stored(folder))
        )
    )
    processes.wait_for("qemu-system-arm", "-icount", of=process)
    # As a terminal does: the whole foreground group.
    os.killpg(process.pid, how)
    _, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 128 + how, errors
    assert "Traceback" not in errors
    assert "1 of 4 runs are done and stored; the same command continues from there" in errors
    assert stored(folder) == ["interrupted", "passed"]
    assert processes.living() == []

    again = sweep(folder, "--json")
    assert again.code == 0, again
    resumed = [run["resumed"] for run in again.envelope["data"]["runs"]]
    assert resumed == [True, False, False, False]
    assert stored(folder) == ["interrupted", *["passed"] * 4]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"stm32l4"', '"stm32l9"', "no profile 'stm32l9'"),
        ('"digits_*.tflite"', '"none.tflite"', "names 'none.tflite'"),
        ("title", "titel", "did you mean 'title'"),
        ("[inputs]", 'schemes = ["int9"]\n[inputs]', "no scheme 'int9'"),
    ],
)
def test_a_wrong_study_is_refused_before_anything_runs(
    folder: Path, old: str, new: str, words: str
) -> None:
    assert old in STUDY
    (folder / "study.toml").write_text(STUDY.replace(old, new, 1))
    sweep(folder).refuses(2, words)
    assert not (folder / "hil.db").exists()


def test_a_report_that_cannot_be_written_is_refused_before_anything_runs(folder: Path) -> None:
    sweep(folder, "--report", "none/study.html").refuses(2, "does not exist")
    assert not (folder / "hil.db").exists()


def test_an_op_that_the_engine_lacks_is_an_error_of_that_run_alone(folder: Path) -> None:
    from tests.support.tflite_builder import ModelBuilder

    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    y = builder.tensor((1, 4), "float32")
    builder.op("SIGN", [x], [y])
    (folder / "digits_sign.tflite").write_bytes(builder.build([x], [y]))
    (folder / "study.toml").write_text(STUDY.replace(', "tiny.toml"', ""))
    result = sweep(folder, "--json")
    assert result.code == 3
    statuses = {run["model"]: run["status"] for run in result.envelope["data"]["runs"]}
    assert statuses == {
        "digits_sign": "error",
        "digits_float32": "passed",
        "digits_int8": "passed",
    }
    assert "SIGN" in result.envelope["errors"][0]["message"]


def test_schemes_run_and_each_command_repeats_its_run(folder: Path) -> None:
    shutil.copy(DIGITS / "digits_samples.npz", folder / "samples.npz")
    (folder / "study.toml").write_text(
        'schema = 1\nmodels = ["digits_float32.tflite"]\nprofiles = ["nucleo-l452re@48MHz"]\n'
        'schemes = ["q16", {name = "Q4.4", scheme = "q8", q_format = "Q4.4"}]\n'
        '[calibration]\nsamples = "samples.npz"\ncount = 20\nmethod = "percentile:99.9"\n'
        "[inputs]\nsamples = 1\n"
    )
    result = sweep(folder, "--json")
    assert result.code == 0, result
    for run in result.envelope["data"]["runs"]:
        with Store.open(str(folder / "hil.db")) as store:
            record = store.get(run["run_id"])
        assert record.provenance["study_scheme"] == run["scheme"]
        assert record.provenance["scheme"] == {"q16": "q16", "Q4.4": "q8"}[run["scheme"]]
        assert record.profile["clock"]["hz"] == 48_000_000
        assert any("2 flash wait states" in note for note in record.notes)
        words = shlex.split(record.provenance["command"])
        alone = hil(*words[1:], "--json", "--db", folder / "other.db", cwd=folder)
        assert alone.code == 0, alone
        data = alone.envelope["data"]
        assert record.model is not None
        assert data["model"]["sha256"] == record.model.sha256
        for name in ("cycles", "instructions", "flash_bytes", "ram_bytes", "energy_uj"):
            assert data["measurements"][name]["value"] == record.measurements[name].value
