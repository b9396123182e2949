"""TensorFlow Lite's interpreter in worker processes: a model that crashes it ends only its worker.

A worker serves several models, one request at a time. Workers that are not used any more wait for
the next model; they end with this process.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Sequence
from typing import IO, Any

from hil import children
from hil.errors import ReferenceFailed
from hil.records import Array
from hil.tflite import interpreter_worker
from hil.tflite.interpreter_worker import receive, send

TIMEOUT_S = 300.0  # for one request: reference kernels take some 10 ns for each MAC
_ENDING_S = 5.0  # for a process that closed its pipe to end
_KEPT_IDLE = 4
_PIPE_BYTES = 1 << 20
_SAID_CHARS = 300
_HINT = (
    "the model is damaged, or uses an op in a way that TensorFlow Lite does not check; export it "
    "again, or remove ops to find the one"
)


class Refused(Exception):
    """TensorFlow Lite's own message on a model that it does not load or run."""


class Worker:
    """A process that runs models.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = children.start(
            [sys.executable, "-P", interpreter_worker.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONFAULTHANDLER": ""},
        )
        self._requests: IO[bytes] = self._process.stdin  # type: ignore[assignment]
        self._answers: IO[bytes] = self._process.stdout  # type: ignore[assignment]
        self._lock = threading.Lock()
        self._models = 0
        self._is_killed = False
        _widen(self._requests, self._answers)
        _workers.add(self)

    @property
    def usable(self) -> bool:
        """Whether it runs, and nothing was left of a request."""
        return not self._is_killed and self._process.poll() is None

    def load(self, content: bytes, **options: Any) -> int:
        """Make an interpreter; its number is what :meth:`run` and :meth:`tensor` take.

        ``options`` are those of the worker's ``_Model``.

        Raises:
            Refused: TensorFlow Lite rejects the model.
            ReferenceFailed: the process ended, or did not answer in time.
        """
        import numpy as np

        self._models += 1
        number = self._models
        self._ask("load", number, [np.frombuffer(content, np.uint8)], **options)
        return number

    def drop(self, number: int) -> None:
        """Forget a model; errors as :meth:`load`."""
        self._ask("drop", number)

    def run(
        self, number: int, inputs: Sequence[Array], tensors: Sequence[int], *, reset: bool
    ) -> tuple[list[Array], dict[int, Array]]:
        """Run one inference: the outputs, and those of ``tensors`` that exist; errors as `load`.

        ``reset`` gives variable tensors their first values before it.
        """
        header, arrays = self._ask("run", number, inputs, tensors=list(tensors), reset=reset)
        found: list[int] = header["tensors"]
        outputs = arrays[: len(arrays) - len(found)]
        return outputs, dict(zip(found, arrays[len(outputs) :], strict=True))

    def tensor(self, number: int, index: int) -> Array | None:
        """Return a tensor as the last run left it, None where there is none; errors as `load`."""
        header, arrays = self._ask("tensor", number, index=index)
        return None if header.get("absent") else arrays[0]

    def end(self) -> None:
        """End the process, also in the middle of a request of another thread."""
        self._is_killed = True
        children.end(self._process)
        self._log.close()

    def _ask(
        self, action: str, number: int, arrays: Sequence[Array] = (), **header: Any
    ) -> tuple[dict[str, Any], list[Array]]:
        with self._lock:
            try:
                send(self._requests, {"do": action, "model": number, **header}, arrays)
                if not select.select([self._answers], [], [], TIMEOUT_S)[0]:
                    raise TimeoutError
                answer, found = receive(self._answers)
            except TimeoutError as error:
                raise self._failed(f"did not answer within {TIMEOUT_S:g} s", action) from error
            except (OSError, EOFError) as error:
                raise self._failed(self._end(), action) from error
            except (ValueError, TypeError, KeyError, MemoryError) as error:
                raise self._failed("answered something else", action) from error
            except BaseException:
                self._kill()  # an answer that nobody reads would be the next one's
                raise
        if "refused" in answer:
            raise Refused(" ".join(answer["refused"].split())[:400])
        return answer, found

    def _end(self) -> str:
        """How the process ended that closed its pipe."""
        try:
            return f"ended with {children.how_it_ended(self._process.wait(_ENDING_S))}"
        except subprocess.TimeoutExpired:
            return "closed its connection"

    def _failed(self, what: str, action: str) -> ReferenceFailed:
        """End the process, and return the error of a request that it did not answer."""
        self._kill()
        doing = {"load": " while it loaded the model", "run": " while it ran the model"}
        said = self._said()
        return ReferenceFailed(
            f"TensorFlow Lite's reference {what}{doing.get(action, '')}"
            + (f": {said}" if said else ""),
            hint=_HINT,
        )

    def _kill(self) -> None:
        self._is_killed = True
        children.kill(self._process)

    def _said(self) -> str:
        """The end of what the process printed."""
        if self._log.closed:
            return ""
        size = os.fstat(self._log.fileno()).st_size
        tail = os.pread(self._log.fileno(), _SAID_CHARS, max(0, size - _SAID_CHARS))
        lines = tail.decode("utf-8", "replace").splitlines()
        return lines[-1].strip() if lines else ""


class Lease:
    """A worker of its own for as long as this object lives; then the next model may have it."""

    def __init__(self) -> None:
        self.worker = _take()
        self._models: list[int] = []
        self._finalizer = weakref.finalize(self, _give_back, self.worker, self._models)

    def load(self, content: bytes, **options: Any) -> int:
        """As :meth:`Worker.load`; the model is dropped with the lease."""
        number = self.worker.load(content, **options)
        self._models.append(number)
        return number

    def end(self) -> None:
        """End the worker, whatever it does; a request of another thread fails."""
        self._finalizer.detach()
        self.worker.end()


_workers: weakref.WeakSet[Worker] = weakref.WeakSet()
_idle: list[Worker] = []
_idle_lock = threading.RLock()  # a finalizer may run while this thread holds it
os.register_at_fork(after_in_child=_idle.clear)


def prestart(count: int = 1) -> None:
    """Start workers ahead of the models that they are for; importing takes them some 0.1 s."""
    with _idle_lock:
        for _ in range(count - len(_idle)):
            _idle.append(Worker())


def end_workers() -> None:
    """End all workers of this process; its exit does it otherwise."""
    workers = list(_workers)
    with _idle_lock:
        _idle.clear()
    for worker in workers:
        worker.end()


def _take() -> Worker:
    with _idle_lock:
        while _idle:
            worker = _idle.pop()
            if worker.usable:
                return worker
            worker.end()
    return Worker()


def _give_back(worker: Worker, models: Sequence[int]) -> None:
    with contextlib.suppress(ReferenceFailed):
        for number in models if worker.usable else ():
            worker.drop(number)
    with _idle_lock:
        if worker.usable and len(_idle) < _KEPT_IDLE:
            _idle.append(worker)
            return
    worker.end()


def _widen(*pipes: IO[bytes]) -> None:
    """Let a pipe take an image or a layer at once; the system's limit for users may forbid it."""
    import fcntl

    for pipe in pipes:
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
