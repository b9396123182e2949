"""Models that crash TensorFlow Lite end a worker process, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hil.errors import ModelError, ReferenceFailed
from hil.tflite import interpreter, interpreter_worker
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.support.processes import Processes, wait_until
from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, conv_model

DIGITS_INT8 = DIGITS / "digits_int8.tflite"


@pytest.fixture(autouse=True)
def _fresh_workers() -> Iterator[None]:
    """Every test starts its own workers, and leaves none."""
    interpreter.end_workers()
    yield
    interpreter.end_workers()


def divides_by_zero() -> Model:
    """More groups than filters: the kernel divides by filters per group, rounded down to 0."""
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 8), "float32")
    w = b.tensor((3, 1, 1, 2), "float32", data=np.ones((3, 1, 1, 2)))
    bias = b.tensor((3,), "float32", data=np.zeros(3))
    y = b.tensor((1, 4, 4, 3), "float32")
    b.op("CONV_2D", [x, w, bias], [y], stride_w=1, stride_h=1)
    return Model.parse(b.build([x], [y]), "groups")


def aborts() -> Model:
    """A SOFTMAX whose scale is too small for TFLite's tables, which it finds out by an abort."""
    b = ModelBuilder()
    x = b.tensor((1, 4), "int8", scale=1e-38)
    y = b.tensor((1, 4), "int8", scale=1 / 256, zero_point=-128)
    b.op("SOFTMAX", [x], [y], beta=1.0)
    return Model.parse(b.build([x], [y]), "beta")


def works() -> None:
    model = Model.parse(conv_model(), "m")
    reference = Reference(model)
    assert (
        reference.run([np.zeros((1, 6, 6, 2), np.int8)])[0].shape
        == model.graph.output_tensors[0].shape
    )


def test_a_model_that_divides_by_zero() -> None:
    reference = Reference(divides_by_zero())
    with pytest.raises(ReferenceFailed, match="ended with signal SIGFPE while it ran") as caught:
        reference.run([np.zeros((1, 4, 4, 8), np.float32)])
    assert "export it again" in caught.value.hint
    assert caught.value.exit_code == 3
    works()


def test_a_model_that_aborts() -> None:
    with pytest.raises(ReferenceFailed, match="ended with signal SIGABRT while it loaded"):
        Reference(aborts())
    works()


def test_a_model_beyond_the_memory_of_a_worker() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 500_000_000), "float32")
    y = b.tensor((1, 500_000_000), "float32")
    b.op("ADD", [x, x], [y])
    with pytest.raises((ReferenceFailed, ModelError)):
        Reference(Model.parse(b.build([x], [y]), "huge"))
    works()


def test_a_worker_serves_the_next_model() -> None:
    first = Reference(Model.parse(conv_model(), "m"))
    pid = first._lease.worker._process.pid
    del first
    second = Reference(Model.read(DIGITS_INT8))
    assert second._lease.worker._process.pid == pid
    third = Reference(Model.read(DIGITS_INT8))
    assert third._lease.worker._process.pid != pid


def test_prestarted_workers_are_taken() -> None:
    interpreter.prestart(2)
    pids = {worker._process.pid for worker in interpreter._idle}
    both = [Reference(Model.parse(conv_model(), "m")) for _ in range(2)]
    assert {one._lease.worker._process.pid for one in both} == pids


def test_a_worker_that_ended_meanwhile_is_not_taken() -> None:
    interpreter.prestart()
    (worker,) = interpreter._idle
    worker.end()
    works()


SCRIPTS = {
    "stops": "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "dies": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "says": "import sys; sys.exit('no module named numpy')",
    "lies": "import os; os.write(1, bytes(4) + b'x' * 64); import time; time.sleep(600)",
}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Take another program for the worker."""
    path = tmp_path / "worker.py"
    path.write_text(SCRIPTS[request.param])
    monkeypatch.setattr(interpreter_worker, "__file__", str(path))


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("dies", "ended with signal SIGSEGV while it loaded the model"),
        ("says", "ended with exit code 1 while it loaded the model: no module named numpy"),
        ("stops", r"did not answer within 0\.2 s while it loaded the model"),
        ("lies", "answered something else"),
    ],
    indirect=["script"],
)
def test_what_becomes_of_a_worker(
    script: None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interpreter, "TIMEOUT_S", 0.2)
    with pytest.raises(ReferenceFailed, match=words):
        Reference(Model.parse(conv_model(), "m"))


@pytest.mark.parametrize("script", ["stops"], indirect=True)
def test_another_thread_may_end_a_worker(script: None) -> None:
    lease = interpreter.Lease()
    failures: list[BaseException] = []

    def load() -> None:
        try:
            Reference(Model.parse(conv_model(), "m"), lease=lease)
        except ReferenceFailed as error:
            failures.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    lease.end()
    thread.join()
    assert len(failures) == 1


PARENT = """
import sys
from hil.tflite.reference import Reference
from hil.tflite.model import Model
from pathlib import Path
reference = Reference(Model.read(Path(sys.argv[1])))
print("ready", flush=True)
sys.stdin.readline()
"""


@pytest.mark.parametrize("end", ["kill", "return", "interrupt"])
def test_no_worker_outlives_its_parent(end: str, processes: Processes) -> None:
    command = (sys.executable, "-c", PARENT, DIGITS_INT8)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    parent = processes.start(*command, **pipes)
    assert parent.stdout is not None
    assert parent.stdout.readline() == "ready\n"
    assert processes.living("interpreter_worker")
    if end == "kill":
        parent.kill()
    elif end == "interrupt":
        parent.send_signal(signal.SIGINT)
    parent.communicate("\n" if end == "return" else None)
    wait_until(lambda: not processes.living())


def test_a_fork_does_not_use_its_parents_workers() -> None:
    interpreter.prestart()
    read, write = os.pipe()
    if os.fork() == 0:
        os.write(write, str(len(interpreter._idle)).encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        assert pipe.read() == "0"
    os.wait()
    assert len(interpreter._idle) == 1
