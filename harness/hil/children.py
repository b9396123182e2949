"""Child processes that are ended and waited for on every way out, Ctrl-C included.

``subprocess.run`` alone leaves a child that it killed after an interrupt without waiting for it,
and knows nothing of the child's own children. Here a child is the leader of a session of its own:
Ctrl-C in a terminal reaches Python alone, and a session is killed as a whole, with the process
groups that its members made (Ninja makes one for each compiler).
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

_SESSION_S = 2.0  # how long killed children of a child may take to disappear
_POLL_S = 0.005
_HELD = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_running: set[subprocess.Popen[Any]] = set()
# $0 is the parent: it may have ended before the parent death signal was set.
_UNLESS_ORPHANED = '[ "$PPID" = "$0" ] || exit 127; exec "$@"'


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold Ctrl-C, SIGTERM and SIGHUP back until the block is left, where Python handles them.

    Handlers run in the main thread; in another thread there is nothing to hold back.
    """
    held = {number: found for number in _HELD if callable(found := signal.getsignal(number))}
    if threading.current_thread() is not threading.main_thread():
        held = {}
    came: list[int] = []
    for number in held:
        signal.signal(number, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        for number, handler in held.items():
            signal.signal(number, handler)
        for late in came:
            signal.raise_signal(late)


def start(
    command: Sequence[str | Path],
    *,
    die_with_parent: bool = False,
    death_signal: signal.Signals = signal.SIGKILL,
    **options: Any,
) -> subprocess.Popen[Any]:
    """Start a child in a session of its own; ``options`` are :class:`subprocess.Popen`'s.

    With ``die_with_parent`` the kernel sends it ``death_signal`` should Python be killed (the
    parent death signal, set by util-linux's ``setpriv``; without it, as on other systems than
    Linux, such a child survives). To the kernel the parent is the thread that called this.

    Raises:
        OSError: it cannot be started (with ``die_with_parent`` the wrapper exits with 127 instead).
    """
    wrapper = shutil.which("setpriv") if die_with_parent else None
    prefix = []
    if wrapper:
        prefix = [wrapper, "--pdeathsig", death_signal.name.removeprefix("SIG")]
        prefix += ["sh", "-c", _UNLESS_ORPHANED, str(os.getpid())]
    with uninterrupted():
        child = subprocess.Popen([*prefix, *command], start_new_session=True, **options)
        _running.add(child)
    return child


def kill(child: subprocess.Popen[Any]) -> None:
    """Kill a child with its own children, from any thread; :func:`end` still has to follow."""
    if child.returncode is None:
        _kill_session(child.pid)


def end(child: subprocess.Popen[Any]) -> None:
    """Kill a child that still runs, wait until its session is gone, close its pipes."""
    with uninterrupted():
        if child.returncode is None:
            kill(child)
            child.wait()
            _end_session(child.pid)
        for pipe in (child.stdin, child.stdout, child.stderr):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        _running.discard(child)


def run(
    command: Sequence[str | Path],
    *,
    text: str | None = None,
    log: IO[bytes] | None = None,
    timeout_s: float | None = None,
    **options: Any,
) -> subprocess.CompletedProcess[str]:
    """Run a tool to its end with ``text`` as its input (None: none).

    Its output goes to ``log``, both streams, or is returned. ``options`` are those of
    :func:`start`.

    Raises:
        OSError: it cannot be started.
        subprocess.TimeoutExpired: it did not end in time, and was ended.
    """
    child = start(
        command,
        stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
        stdout=subprocess.PIPE if log is None else log,
        stderr=subprocess.PIPE if log is None else subprocess.STDOUT,
        text=True,
        errors="replace",
        **options,
    )
    try:
        stdout, stderr = child.communicate(text, timeout_s)
    finally:
        end(child)
    return subprocess.CompletedProcess(list(command), child.returncode, stdout, stderr)


def how_it_ended(code: int) -> str:
    """Describe an exit code of :class:`subprocess.Popen`: a signal's name where it is negative."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"


def _end_session(leader: int) -> None:
    """Kill what is left of a session whose leader was waited for, until nothing is."""
    deadline = time.monotonic() + _SESSION_S
    while _kill_session(leader) and time.monotonic() < deadline:
        time.sleep(_POLL_S)


def _kill_session(leader: int) -> bool:
    """Kill the processes of a session that live; return whether there were any."""
    with contextlib.suppress(OSError):
        os.killpg(leader, signal.SIGKILL)
    living = _session(leader)
    for pid in living:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return bool(living)


def _session(leader: int) -> list[int]:
    """The living processes of a session, zombies left out (proc(5), ``/proc/PID/stat``)."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _parent, _group, session = path.read_bytes().rpartition(b")")[2].split()[:4]
            if int(session) == leader and state not in (b"Z", b"X"):
                found.append(int(path.parent.name))
    return found


@atexit.register
def _end_all() -> None:
    for child in list(_running):
        end(child)
