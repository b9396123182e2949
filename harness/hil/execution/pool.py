"""Worker processes on this machine. A worker that dies loses only its own task."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import wait
from typing import Any

from hil.execution.interface import Answer, Message
from hil.execution.process import Process


def carry_out(
    tasks: Sequence[Any], jobs: int, start: Callable[[], Any], work: Callable[..., Any]
) -> Iterator[Answer | Message]:
    """Carry out tasks in ``jobs`` processes; yield answers as they come, in any order.

    ``start()`` runs once a worker, ``work(state, task, report)`` once a task, with what ``start``
    returned and a function that takes a progress text. Functions and tasks must be picklable.
    Closing the iterator, or an exception in its consumer, ends the workers.
    """
    waiting = deque(enumerate(tasks))
    workers: list[Process] = []
    try:
        while waiting or any(worker.task is not None for worker in workers):
            while waiting and len(workers) < jobs:
                workers.append(Process(start, work))
            for worker in workers:
                if worker.task is None and waiting:
                    worker.give(*waiting.popleft())
            yield from _listen(workers)
    finally:
        for worker in workers:  # all at once, then one by one
            worker.terminate()
        for worker in workers:
            worker.end()


def _listen(workers: list[Process]) -> Iterator[Answer | Message]:
    """Wait for news; a worker that died leaves the list."""
    ready = wait([worker.pipe for worker in workers], timeout=1.0)
    for worker in list(workers):
        if worker.pipe not in ready:
            continue
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            index, how = worker.task, worker.how_it_died()
            workers.remove(worker)
            worker.end()
            if index is not None:
                yield Answer(index, died=how)
            continue
        if isinstance(message, Answer):
            worker.task = None
        yield message
