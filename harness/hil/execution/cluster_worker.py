"""The part of a cluster's execution that runs on its workers.

Each thread of a Dask worker carries out one task at a time, in a process of its own
(``hil.execution.process``): a task that crashes ends its process only, one that is cancelled is
ended at once, and threads do not share an interpreter. Processes are kept for the next task.
"""

from __future__ import annotations

import asyncio
import functools
import pickle
import threading
from dataclasses import dataclass, field
from typing import Any

from distributed import Worker, WorkerPlugin, get_worker

from hil.bench import toolset
from hil.errors import MissingTool
from hil.execution import content
from hil.execution.interface import Answer, Message
from hil.execution.process import Process
from hil.records import ErrorInfo
from hil.resources import cache_dir

_LOOK_S = 0.25  # between two looks whether a task was cancelled

Installation = dict[str, str]


@dataclass(frozen=True)
class Order:
    """A task of a client: its bytes, and the processes that take it.

    ``program`` is the pickled pair of functions of ``hil.execution.process.Process``.
    ``installation`` is the client's, of these ``targets``.
    """

    token: str
    index: int
    task: bytes = field(repr=False)
    program: bytes = field(repr=False)
    targets: tuple[str | None, ...]
    installation: Installation = field(repr=False)


@dataclass(frozen=True)
class Differs:
    """What a task returns on a worker whose installation differs from the client's."""

    worker: str
    installation: Installation


class Provision(WorkerPlugin):  # type: ignore[misc]  # mypy skips distributed
    """Gives present and future workers the contents that the tasks of a client need."""

    def __init__(self, name: str, contents: dict[str, bytes]) -> None:
        self.name = name
        self.idempotent = True
        self._contents = contents

    async def setup(self, worker: Worker) -> None:
        """Write what the cache of the worker lacks.

        Raises:
            MissingTool: it cannot be written.
        """
        try:
            await asyncio.to_thread(content.keep, cache_dir(), self._contents)
        except OSError as error:
            raise MissingTool(
                f"the worker {worker.address} cannot write below {cache_dir()}: "
                f"{error.strerror or error}",
                hint="HIL_CACHE_DIR in its environment names another folder",
            ) from error

    async def teardown(self, worker: Worker) -> None:
        """End processes that no task uses."""
        await asyncio.to_thread(_processes.end_idle)


class _Processes:
    """Processes that wait for a task, by the program that they run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[bytes, list[Process]] = {}

    def take(self, program: bytes) -> Process:
        with self._lock:
            others = [key for key in self._idle if key != program]
            ended = [process for key in others for process in self._idle.pop(key)]
            found = self._idle.get(program)
            process = found.pop() if found else None
        for old in ended:
            old.end()
        return process or Process(*pickle.loads(program))

    def give_back(self, program: bytes, process: Process) -> None:
        with self._lock:
            self._idle.setdefault(program, []).append(process)

    def end_idle(self) -> None:
        with self._lock:
            idle = [process for several in self._idle.values() for process in several]
            self._idle.clear()
        for process in idle:
            process.end()


_processes = _Processes()


async def describe(targets: tuple[str | None, ...]) -> Installation:
    """Return the installation of the worker that this runs on."""
    return await asyncio.to_thread(installation, targets)


@functools.cache
def installation(targets: tuple[str | None, ...]) -> Installation:
    """As ``toolset.installation``, which a worker computes once."""
    return toolset.installation(targets)


def carry_out(order: Order, topic: str) -> Answer | Differs:
    """Carry out a task in a process; report its progress as events of ``topic``."""
    worker = get_worker()
    own = installation(order.targets)
    if own != order.installation:
        return Differs(worker.address, own)
    try:
        process = _processes.take(order.program)
    except OSError as error:
        return Answer(order.index, error=ErrorInfo.of(_no_process(worker, error)))
    answer = None
    try:
        process.give(order.index, order.task)
        while answer is None:
            answer = _news(process, worker, order, topic)
        return answer
    except (EOFError, OSError):
        return Answer(order.index, died=f"{process.how_it_died()} on {worker.address}")
    finally:
        if answer is None:
            process.end()
        else:
            _processes.give_back(order.program, process)


def _news(process: Process, worker: Worker, order: Order, topic: str) -> Answer | None:
    """Wait a moment for the answer."""
    if not process.pipe.poll(_LOOK_S):
        if _is_cancelled(worker):
            raise _Cancelled
        return None
    message = process.pipe.recv()
    if isinstance(message, Message):
        said = {"token": order.token, "index": message.index, "text": message.text}
        worker.log_event(topic, {**said, "worker": worker.address})
        return None
    assert isinstance(message, Answer)
    return message


class _Cancelled(Exception):
    """Nobody waits for the result."""


def _is_cancelled(worker: Worker) -> bool:
    task = worker.state.tasks.get(worker.get_current_task())
    return task is None or task.state == "cancelled"


def _no_process(worker: Worker, error: OSError) -> MissingTool:
    return MissingTool(
        f"the worker {worker.address} cannot start a process: {error.strerror or error}",
        hint="check its memory and its limits (ulimit -u, ulimit -n)",
    )


def unpacked(task: bytes) -> Any:
    """Return a packed task, in a process of a worker."""
    return content.unpack(task, content.folder_of(cache_dir()))
