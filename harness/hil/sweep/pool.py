"""Worker processes: each carries out one task at a time and answers through a pipe.

A worker that dies loses only its own task. Workers run in sessions of their own, so that only the
parent receives Ctrl-C and ends them by SIGTERM; they unwind like an interrupted run, so that no
emulator is left. A worker whose parent is gone exits.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType
from typing import Any

_END_S = 20.0  # for a worker to unwind after SIGTERM


@dataclass(frozen=True)
class Answer:
    """The result of a task: ``value``, or ``died`` with the exit code of its worker."""

    index: int
    value: Any = None
    died: int | None = None


@dataclass(frozen=True)
class Message:
    """The progress of a task, as text."""

    index: int
    text: str


class _Worker:
    """One process and this end of its pipe; ``task`` is the index that it works on."""

    def __init__(self, start: Callable[[], Any], work: Callable[..., Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, start, work), daemon=True)
        self.process.start()
        theirs.close()
        self.task: int | None = None

    def give(self, index: int, task: Any) -> None:
        self.task = index
        with contextlib.suppress(OSError):  # a dead worker is found out by its silence
            self.pipe.send((index, task))

    def end(self) -> None:
        """Ask it to unwind; after a while, insist."""
        self.pipe.close()
        if self.process.is_alive():
            self.process.terminate()
            self.process.join(_END_S)
        if self.process.is_alive():
            self.process.kill()
        self.process.join()
        self.process.close()


def carry_out(
    tasks: Sequence[Any], jobs: int, start: Callable[[], Any], work: Callable[..., Any]
) -> Iterator[Answer | Message]:
    """Carry out tasks in ``jobs`` processes; yield answers as they come, in any order.

    ``start()`` runs once a worker, ``work(state, task, report)`` once a task, with what ``start``
    returned and a function that takes a progress text. Functions and tasks must be picklable.
    Closing the iterator, or an exception in its consumer, ends the workers.
    """
    waiting = deque(enumerate(tasks))
    workers: list[_Worker] = []
    try:
        while waiting or any(worker.task is not None for worker in workers):
            while waiting and len(workers) < jobs:
                workers.append(_Worker(start, work))
            for worker in workers:
                if worker.task is None and waiting:
                    worker.give(*waiting.popleft())
            yield from _listen(workers)
    finally:
        for worker in workers:  # all at once, then one by one
            with contextlib.suppress(OSError, ValueError):
                worker.process.terminate()
        for worker in workers:
            worker.end()


def _listen(workers: list[_Worker]) -> Iterator[Answer | Message]:
    """Wait for news; a worker that died leaves the list."""
    ready = wait([worker.pipe for worker in workers], timeout=1.0)
    for worker in list(workers):
        if worker.pipe not in ready:
            continue
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            worker.process.join(_END_S)
            index, code = worker.task, worker.process.exitcode
            workers.remove(worker)
            worker.end()
            if index is not None:
                yield Answer(index, died=code if code is not None else -1)
            continue
        if isinstance(message, Answer):
            worker.task = None
        yield message


def _serve(pipe: Connection, start: Callable[[], Any], work: Callable[..., Any]) -> None:
    """The worker's life: its own session, tasks until the pipe closes or SIGTERM comes."""
    with contextlib.suppress(OSError):
        os.setsid()

    def unwind(signum: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, unwind)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, EOFError, BrokenPipeError):
        state = start()
        while True:
            index, task = pipe.recv()

            def report(text: str, index: int = index) -> None:
                pipe.send(Message(index, text))

            pipe.send(Answer(index, work(state, task, report)))


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_END_S)
        os._exit(1)  # the main thread hangs in something that no signal interrupts
