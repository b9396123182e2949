"""Processes that a test starts: found by a mark in their environment, and ended with the test.

Every process that descends from a test inherits the variable ``MARK``. So a test sees its own
processes alone, whatever else the machine runs, and a process that has ended but that nobody has
waited for (a zombie has no environment any more) is not taken for one that lives.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

MARK = "TEST_PROCESS_MARK"
WAIT_S = 120.0
"""How long a test waits for something that must happen: a limit, never a duration."""

_RESTORED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Processes:
    """Starts processes, and finds and ends all that carry its mark."""

    def __init__(self, mark: str) -> None:
        self.mark = mark
        self._started: list[subprocess.Popen[Any]] = []

    def start(self, *command: str | Path, **options: Any) -> subprocess.Popen[str]:
        """Start a process in a session of its own, with signals as in a terminal.

        Its streams are text; ``options`` are those of ``subprocess.Popen``.
        """
        options["env"] = {**(options.get("env") or os.environ), MARK: self.mark}
        settings: dict[str, Any] = {"text": True, "start_new_session": True, **options}
        with default_signals():
            process = subprocess.Popen([str(part) for part in command], **settings)
        self._started.append(process)
        return process

    def living(self, *words: str) -> list[int]:
        """Process ids of those that live and have all words in their command line."""
        return [pid for pid in marked(self.mark) if all(w in command_of(pid) for w in words)]

    def wait_for(self, *words: str, count: int = 1, of: subprocess.Popen[Any]) -> list[int]:
        """Wait until ``count`` processes have the words in their command line.

        ``of`` is the process that is to start them; the wait fails when it ends.
        """
        wait_until(lambda: len(self.living(*words)) >= count or of.poll() is not None)
        assert of.poll() is None, (of.returncode, of.communicate())
        return self.living(*words)

    def end(self) -> None:
        """Kill what still lives until nothing does, close the pipes of what was started here."""
        wait_until(self._killed)
        for process in self._started:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()

    def _killed(self) -> bool:
        """Kill what lives (a killed process may have started another); whether nothing does."""
        for pid in (living := self.living()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not living


def marked(mark: str) -> list[int]:
    """Living processes whose environment holds ``mark`` as, or as the start of, their ``MARK``."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:  # another user's, or gone meanwhile
            continue
        if any(entry.startswith(wanted) for entry in environment.split(b"\0")):
            found.append(int(folder.name))
    return sorted(found)


def command_of(pid: int) -> str:
    """The command line of a process, its words joined by spaces; "" of one that has ended."""
    try:
        return os.fsdecode(Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" "))
    except OSError:
        return ""


def is_living(pid: int) -> bool:
    """Whether the process exists and is not a zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def wait_until(condition: Callable[[], object], limit_s: float = WAIT_S) -> None:
    """Return as soon as the condition holds; fail when it does not within the limit."""
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, f"not within {limit_s:g} s"
        time.sleep(0.01)


@contextlib.contextmanager
def default_signals() -> Iterator[None]:
    """Start processes with signals that act, also where this one inherited ignored signals.

    A shell's background jobs ignore SIGINT, and ``nohup`` makes its command ignore SIGHUP. What is
    ignored stays ignored in children; a handler does not, so that they begin with the default.
    """
    ignored = [number for number in _RESTORED if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, _nothing)
    try:
        yield
    finally:
        for number in ignored:
            signal.signal(number, signal.SIG_IGN)


def _nothing(number: int, frame: object) -> None:
    """A handler that acts like SIG_IGN in this process, and that no child inherits."""
