"""What users get wrong: `error:` and `hint:`, the right exit code, a sound database."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hil.store import Store
from hil.tflite import interpreter, interpreter_worker

from tests.conftest import MODELS
from tests.support.hil import DIGITS, HIL, REPOSITORY, Result, hil
from tests.support.tflite_builder import ModelBuilder

INT8 = DIGITS / "digits_int8.tflite"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "hil.db"


def stored(db: Path) -> list[str]:
    """Statuses of what the database holds; it must be readable (or not exist at all)."""
    if not db.exists():
        return []
    with Store.open(str(db)) as store:
        return [run.status for run in store.find()]


def test_no_such_file(db: Path) -> None:
    hil("run", "-p", "stm32l4", "--db", db, "nowhere.tflite").refuses(2, "nowhere.tflite")
    assert stored(db) == []


def test_truncated_model(db: Path, tmp_path: Path) -> None:
    model = tmp_path / "half.tflite"
    model.write_bytes(INT8.read_bytes()[:3000])
    hil("run", "-p", "stm32l4", "--db", db, model).refuses(2, "half.tflite")
    assert stored(db) == []


def test_json_renamed(db: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.tflite"
    model.write_text(json.dumps({"layers": [1, 2, 3]}))
    hil("run", "-p", "stm32l4", "--db", db, model).refuses(2, "model.tflite")


def test_op_that_we_lack_is_named(db: Path, tmp_path: Path) -> None:
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "float32")
    y = builder.tensor((1, 4), "float32")
    builder.op("SIGN", [x], [y])
    model = tmp_path / "sign.tflite"
    model.write_bytes(builder.build([x], [y]))
    hil("run", "-p", "stm32l4", "--db", db, model).refuses(2, "SIGN", "op 0", "docs/engine.md")
    assert stored(db) == []


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((2, 9, 9, 1), np.int8), "8, 8, 1"),
        (np.zeros((2, 8, 8, 1), np.float32), "int8"),
        (np.zeros((0, 8, 8, 1), np.int8), "inputs.npy"),
    ],
)
def test_wrong_inputs(db: Path, tmp_path: Path, array: np.ndarray, words: str) -> None:
    path = tmp_path / "inputs.npy"
    np.save(path, array)
    hil("run", "-p", "stm32l4", "--inputs", path, "--db", db, INT8).refuses(2, words)
    assert stored(db) == []


def test_unknown_profile_suggests_the_nearest(db: Path) -> None:
    hil("run", "-p", "stm32l5", "--db", db, INT8).refuses(2, "stm32l5", "did you mean 'stm32l4'")


def test_profile_with_a_typo_names_the_key(db: Path, tmp_path: Path) -> None:
    text = (REPOSITORY / "device_profiles" / "stm32l4.toml").read_text()
    mine = tmp_path / "mine.toml"
    mine.write_text(text.replace("wait_states =", "wait_state ="))
    hil("run", "-p", mine, "--db", db, INT8).refuses(2, "wait_state", "did you mean 'wait_states'")


def test_no_profile_at_all(db: Path, tmp_path: Path) -> None:
    hil("run", "--db", db, INT8, cwd=tmp_path).refuses(2, "no profile", "--profile")


def test_unknown_machine_and_engine_and_option(db: Path) -> None:
    hil("run", "-p", "stm32l4", "--emulator-machine", "virt", "--db", db, INT8).refuses(2, "virt")
    hil("run", "-p", "stm32l4", "--engine", "aott", "--db", db, INT8).refuses(2, "'aot'")
    hil("run", "-p", "stm32l4", "--load", "fast", "--db", db, INT8).refuses(2, "protocol")
    hil("run", "--no-such-option", INT8).refuses(2, "no-such-option")


PROGRAMS = (
    *("sh", "git", "cc", "gcc", "as", "ld", "cmake", "ninja", "qemu-system-arm"),
    *(f"arm-none-eabi-{tool}" for tool in ("gcc", "as", "ld", "ar", "ranlib", "objcopy")),
)


def path_without(tmp_path: Path, *missing: str) -> str:
    """A PATH that has every program we call but those whose names begin so."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in PROGRAMS:
        if not name.startswith(missing) and (found := shutil.which(name)):
            (folder / name).symlink_to(found)
    return str(folder)


def test_no_emulator(db: Path, tmp_path: Path) -> None:
    env = {"PATH": path_without(tmp_path, "qemu-system"), "HIL_EMULATOR": ""}
    result = hil("run", "-p", "stm32l4", "--db", db, INT8, env=env)
    result.refuses(4, "qemu-system-arm", "apt-get install")
    assert stored(db) == []


def test_no_compiler(db: Path, tmp_path: Path) -> None:
    env = {
        "PATH": path_without(tmp_path, "arm-none-eabi-"),
        "HIL_CACHE_DIR": str(tmp_path / "cache"),
    }
    result = hil("run", "-p", "stm32l4", "--db", db, INT8, env=env)
    result.refuses(4, "arm-none-eabi-gcc", "apt-get install")
    assert stored(db) == ["error"]


def test_does_not_fit_is_told_before_any_build(db: Path, tmp_path: Path) -> None:
    """With a profile of too little flash; no compiler is needed to know."""
    text = (REPOSITORY / "device_profiles" / "stm32l4.toml").read_text()
    small = tmp_path / "small.toml"
    small.write_text(text.replace("size_bytes = 1_048_576", "size_bytes = 8_192"))
    env = {
        "PATH": path_without(tmp_path, "arm-none-eabi-", "cmake", "ninja"),
        "HIL_CACHE_DIR": str(tmp_path / "cache"),
    }
    result = hil("run", "-p", small, "--json", "--db", db, INT8, env=env)
    result.refuses(3, "does not fit", "8,192")
    assert result.envelope["status"] == "failed"
    assert "8,192" in result.envelope["errors"][0]["message"]
    assert stored(db) == ["failed"]


def test_weights_that_no_kernel_takes_are_named(db: Path, tmp_path: Path) -> None:
    """int16 weights are shifted only: their scales must be powers of two."""
    builder = ModelBuilder()
    x = builder.tensor((1, 4), "int16", scale=0.25)
    w = builder.tensor((2, 4), "int16", scale=0.3, data=np.ones((2, 4)))
    y = builder.tensor((1, 2), "int16", scale=0.25)
    builder.op("FULLY_CONNECTED", [x, w, -1], [y])
    model = tmp_path / "wide.tflite"
    model.write_bytes(builder.build([x], [y]))
    result = hil("run", "-p", "stm32l4", "--db", db, model)
    result.refuses(2, "op 0 (FULLY_CONNECTED)", "0.3", "not a power of two", "int16x8")
    assert stored(db) == []


@pytest.mark.skipif(not MODELS.is_dir(), reason="the MLPerf Tiny models are not beside the project")
def test_mlperf_model_that_does_not_fit(db: Path) -> None:
    big = hil("run", "-p", "stm32l4", "--db", db, MODELS / "ad_float32.tflite")
    big.refuses(3, "does not fit stm32l4", "1,048,576 B")


def test_disk_full_under_the_cache(db: Path, mounted: Callable[[str], Path]) -> None:
    small = mounted("size=128k")
    env = {"HIL_CACHE_DIR": str(small)}
    hil("run", "-p", "stm32l4", "--db", db, INT8, env=env).refuses(4, str(small))
    assert stored(db) == ["error"]


def test_locked_database(db: Path) -> None:
    Store.open(str(db)).close()
    holder = sqlite3.connect(db, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        result = hil("run", "-p", "stm32l4", "--db", f"sqlite:///{db}?timeout=0.1", INT8)
        result.refuses(4, "locked")
    finally:
        holder.close()
    assert stored(db) == []


def test_database_from_a_newer_version(db: Path) -> None:
    Store.open(str(db)).close()
    with sqlite3.connect(db) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    hil("run", "-p", "stm32l4", "--db", db, INT8).refuses(4, "newer")


def test_report_into_no_folder_is_refused_before_the_run(db: Path, tmp_path: Path) -> None:
    report = tmp_path / "nowhere" / "report.html"
    result = hil("run", "-p", "stm32l4", "--report", report, "--db", db, INT8)
    result.refuses(2, "nowhere", "mkdir")
    assert stored(db) == []


def test_json_on_failure_is_an_envelope(db: Path) -> None:
    result = hil("run", "-p", "stm32l4", "--json", "--db", db, "nowhere.tflite")
    assert result.code == 2
    assert result.envelope["schema"] == "hil.run/1"
    assert result.envelope["status"] == "error"
    assert result.envelope["errors"][0]["hint"]


def test_a_model_that_crashes_the_reference_is_a_failed_run(
    db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    crash = tmp_path / "worker.py"
    crash.write_text("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")
    monkeypatch.setattr(interpreter_worker, "__file__", str(crash))
    interpreter.end_workers()
    result = hil("run", "-p", "stm32l4", "--json", "--db", db, INT8)
    result.refuses(3, "reference ended with signal SIGSEGV while it loaded the model", "export it")
    assert result.envelope["status"] == "failed"
    assert stored(db) == ["failed"]


def test_some_bytes_of_model_that_declare_gigabytes(db: Path, tmp_path: Path) -> None:
    """Inputs are drawn for what can fit only; this took 6.4 GB."""
    builder = ModelBuilder()
    x = builder.tensor((1, 250_000_000), "float32")
    y = builder.tensor((1, 250_000_000), "float32")
    builder.op("ADD", [x, x], [y])
    model = tmp_path / "large.tflite"
    model.write_bytes(builder.build([x], [y]))
    assert model.stat().st_size < 2000
    command = [HIL, "run", "-p", "stm32l4", "--json", "--db", db, model]
    limited = ["sh", "-c", 'ulimit -d 1000000 && exec "$@"', "sh", *map(str, command)]
    done = subprocess.run(limited, capture_output=True, text=True)
    result = Result(done.returncode, done.stdout, done.stderr)
    result.refuses(3, "does not fit stm32l4", "1,000,000,000 B")
    assert stored(db) == ["failed"]
