"""A worker process that carries out one task at a time and answers through a pipe.

It runs in a session of its own, so that only its parent receives Ctrl-C and ends it by SIGTERM; it
unwinds like an interrupted run, so that no emulator is left. A process whose parent is gone exits.
Its parent may be any thread of any process, also one that multiprocessing does not let have
children.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

from hil import children
from hil.execution.interface import Answer, Message

_END_S = 20.0  # for a worker to unwind after SIGTERM
_PROGRAM = "import sys; from hil.execution.process import serve; serve(int(sys.argv[1]))"


class Process:
    """One process and this end of its pipe; ``task`` is the index that it works on.

    ``start()`` runs once, ``work(state, task, report)`` for each task, with what ``start``
    returned and a function that takes a progress text. Functions and tasks must be picklable.
    """

    def __init__(self, start: Callable[[], Any], work: Callable[..., Any]) -> None:
        self.pipe, theirs = multiprocessing.Pipe()
        self.task: int | None = None
        flags = [f"-W{text}" for text in sys.warnoptions]
        with theirs:
            self._child = children.start(
                [sys.executable, "-P", *flags, "-c", _PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        with contextlib.suppress(OSError):
            self.pipe.send(sys.path)  # apart: what follows may need it
            self.pipe.send((start, work))

    @property
    def pid(self) -> int:
        """The process id."""
        return self._child.pid

    def give(self, index: int, task: Any) -> None:
        """Begin a task; a dead process is found out by its closed pipe."""
        self.task = index
        with contextlib.suppress(OSError):
            self.pipe.send((index, task))

    def how_it_died(self) -> str:
        """Describe how a process ended that closed its pipe."""
        try:
            return children.how_it_ended(self._child.wait(_END_S))
        except subprocess.TimeoutExpired:
            return "it closed its pipe"

    def terminate(self) -> None:
        """Ask it to unwind."""
        if self._child.returncode is None:
            with contextlib.suppress(OSError):
                self._child.terminate()

    def end(self) -> None:
        """Ask it to unwind; after a while, insist."""
        self.terminate()
        self.pipe.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_END_S)
        children.end(self._child)


def serve(descriptor: int) -> None:
    """The life of a process: tasks until the pipe closes or SIGTERM comes."""

    def unwind(signum: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # once is enough
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, unwind)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_end_with_parent, args=(descriptor,), daemon=True).start()
    with contextlib.suppress(KeyboardInterrupt, EOFError, BrokenPipeError, ConnectionResetError):
        _carry_out(Connection(descriptor))


def _carry_out(pipe: Connection) -> None:
    sys.path[:] = pipe.recv()
    start, work = pipe.recv()
    state = start()
    while True:
        index, task = pipe.recv()

        def report(text: str, index: int = index) -> None:
            pipe.send(Message(index, text))

        pipe.send(Answer(index, work(state, task, report)))


def _end_with_parent(descriptor: int) -> None:
    """Unwind when the other end of the pipe is closed, which only the parent has."""
    ends = select.poll()
    ends.register(descriptor, 0)  # closed ends are always reported
    ends.poll()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_END_S)
    os._exit(1)  # the main thread hangs in something that no signal interrupts
