"""Inputs that ended in a traceback, a hang or a wrong exit code: each is a clear error now."""

from __future__ import annotations

import dataclasses
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hil import published
from hil.engines.aot.engine import AotEngine
from hil.errors import StoreError, UnsupportedModel
from hil.store import Store
from hil.tflite.model import Model

from tests.store.samples import rich_record
from tests.support.hil import DIGITS, HIL, hil
from tests.support.processes import WAIT_S, Processes
from tests.support.tflite_builder import ModelBuilder

INT8 = DIGITS / "digits_int8.tflite"


@pytest.fixture
def db(tmp_path: Path) -> Path:
    path = tmp_path / "db" / "hil.db"
    path.parent.mkdir()
    with Store.open(str(path)) as store:
        store.finish(rich_record())
    return path


# Models


def pool_without_inputs() -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 1), "float32")
    y = b.tensor((1, 2, 2, 1), "float32")
    b.op("AVERAGE_POOL_2D", [], [y], filter_height=2, filter_width=2, stride_h=2, stride_w=2)
    return b.build([x], [y])


def depthwise_without_channels() -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 0), "float32")
    w = b.tensor((1, 1, 1, 1), "float32", data=np.ones((1, 1, 1, 1)))
    y = b.tensor((1, 4, 4, 1), "float32")
    b.op("DEPTHWISE_CONV_2D", [x, w, -1], [y], stride_h=1, stride_w=1, depth_multiplier=1)
    return b.build([x], [y])


def conv_over_more_channels_than_there_are() -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 0), "float32")
    w = b.tensor((1, 1, 1, 4), "float32", data=np.ones((1, 1, 1, 4)))
    y = b.tensor((1, 4, 4, 1), "float32")
    b.op("CONV_2D", [x, w, -1], [y], stride_h=1, stride_w=1)
    return b.build([x], [y])


def dense_with_scales(x_scale: float, w_scale: float, y_scale: float) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4), "int8", scale=x_scale)
    w = b.tensor((4, 4), "int8", scale=w_scale, data=np.ones((4, 4)))
    y = b.tensor((1, 4), "int8", scale=y_scale)
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    return b.build([x], [y])


def softmax(beta: float) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4), "int8", scale=0.1)
    y = b.tensor((1, 4), "int8", scale=1 / 256, zero_point=-128)
    b.op("SOFTMAX", [x], [y], beta=beta)
    return b.build([x], [y])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (pool_without_inputs(), "input 0 is missing"),
        (depthwise_without_channels(), "has no elements"),
        (conv_over_more_channels_than_there_are(), "has no elements"),
        (dense_with_scales(1e38, 1e38, 1e-38), "ratio of scales of inf"),
        (dense_with_scales(1e20, 1e10, 1e-2), r"ratio of scales of 1e\+32"),
        (softmax(float("nan")), "beta nan"),
        (softmax(float("inf")), "beta inf"),
    ],
)
def test_a_model_that_no_kernel_can_run(model: bytes, words: str) -> None:
    with pytest.raises(UnsupportedModel, match=words):
        AotEngine().sources(Model.parse(model, "m"))


def test_an_activation_whose_bound_has_no_number() -> None:
    """RELU6 at a scale so small that 6 is beyond float32."""
    b = ModelBuilder()
    x = b.tensor((1, 4), "int8", scale=1e-44)
    y = b.tensor((1, 4), "int8", scale=1e-44)
    b.op("ADD", [x, x], [y], fused_activation_function="RELU6")
    assert AotEngine().sources(Model.parse(b.build([x], [y]), "m")).files


# Profiles, databases, published results


def test_a_profile_name_of_3000_characters(tmp_path: Path, db: Path) -> None:
    study = tmp_path / "study.toml"
    study.write_text(f'schema = 1\nmodels = ["{INT8}"]\nprofiles = ["{"p" * 3000}"]\n')
    result = hil("sweep", study, "--db", db, "--dry-run")
    result.refuses(2, "there is no profile 'ppp", "hil profile list")
    assert len(result.stderr) < 1000
    hil("run", "-p", f"./{'p' * 3000}.toml", "--db", db, INT8).refuses(2, "ppp")


@pytest.mark.parametrize("timeout", ["abc", "-1", "nan", "1e300", ""])
def test_a_timeout_that_is_none(timeout: str, db: Path) -> None:
    result = hil("history", "--db", f"sqlite:///{db}?timeout={timeout}")
    if timeout:
        result.refuses(2, f"invalid timeout '{timeout}'", "?timeout=60")
    else:
        assert result.code in (0, 2)


def test_report_and_compare_need_no_right_to_write(db: Path, tmp_path: Path) -> None:
    with Store.open(str(db)) as store:
        second = rich_record()
        store.finish(dataclasses.replace(second, run_id="second"))
    (tmp_path / "out").mkdir(mode=0o777)
    (tmp_path / "out").chmod(0o777)
    before = db.read_bytes()
    for path in (db, db.parent):
        path.chmod(path.stat().st_mode & ~0o222)
    try:
        out = tmp_path / "out" / "report.html"
        reported = hil("report", "latest", "-o", out, "--db", db)
        compared = hil("compare", "latest~1", "latest", "--db", db)
    finally:
        for path in (db.parent, db):
            path.chmod(path.stat().st_mode | 0o200)
    assert (reported.code, compared.code) == (0, 0), (reported, compared)
    assert db.read_bytes() == before
    assert sorted(os.listdir(db.parent)) == ["hil.db"]


def test_published_results_that_are_not_text(tmp_path: Path) -> None:
    table = tmp_path / "results.csv"
    table.write_bytes(b"task,system\nic,\xff\xfe\n")
    with pytest.raises(StoreError, match="is not a table") as caught:
        published.read_results(table)
    assert caught.value.hint


@pytest.mark.parametrize(
    "command", [["history"], ["report", "latest", "-o", "-"], ["compare", "latest", "latest"]]
)
def test_a_row_with_an_unknown_status(command: list[str], db: Path) -> None:
    connection = sqlite3.connect(db)
    with connection:
        connection.execute("UPDATE runs SET status = 'paused'")
    connection.close()
    hil(*command, "--db", db).refuses(4, "unknown status 'paused'", "hil db check")


# Signals


IMPORTING = """
import os, signal, sys
from hil.cli import main
load = main._load
def slow(name):
    os.kill(os.getpid(), int(sys.argv.pop(1)))
    return load(name)
main._load = slow
main.main(sys.argv[2:])
"""


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_signal_while_the_arguments_are_read(number: signal.Signals, code: int) -> None:
    """Typer makes an abort of its own of every interrupt there: it was exit code 130."""
    command = [sys.executable, "-c", IMPORTING, str(int(number)), "history", "history"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.returncode, "error: interrupted" in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("wait", ["nothing", "qemu", "compiler"])
def test_sigterm_ends_a_run_with_143(
    wait: str, tmp_path: Path, processes: Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wait == "compiler":
        monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "cache"))
    arguments = ("run", "-p", "stm32l4", "--samples", "5000", "--db", tmp_path / "x.db", INT8)
    process = processes.start(HIL, *arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    words: dict[str, tuple[str, ...]] = {
        "nothing": ("interpreter_worker",),
        "qemu": ("qemu-system-arm", "-kernel"),
        "compiler": ("ninja", "-C"),
    }
    processes.wait_for(*words[wait], of=process)
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGTERM)  # as systemd and shells do to a whole group
    _, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == 143, stderr
    assert "Traceback" not in stderr
    assert processes.living() == []
