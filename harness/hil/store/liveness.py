"""Whether the process that carries out a run is still running.

A killed process leaves its run as ``running``. The row identifies the process by host, boot, pid
and the pid's start time (pids are reused), so that a reader on the same machine can check it.
"""

from __future__ import annotations

import functools
import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast, get_args

from hil.errors import StoreError
from hil.records import RunStatus

_STATUSES = get_args(RunStatus)

ELSEWHERE_LIMIT_S = 24 * 3600
"""A run of another machine that is ``running`` for longer than this counts as interrupted."""


@dataclass(frozen=True)
class ProcessId:
    """A process on any host. ``boot_id`` is '' and ``pid_start`` None on systems without them."""

    host: str
    boot_id: str
    pid: int
    pid_start: int | None


def this_process() -> ProcessId:
    """Return the identity of the calling process."""
    host, boot = _this_machine()
    return ProcessId(host, boot, os.getpid(), _start_of(os.getpid()))


def is_gone(process: ProcessId, started_us: int) -> bool:
    """Whether ``process`` has ended; on another host it is presumed so after a day."""
    host, boot = _this_machine()
    if process.host != host:
        return time.time() - started_us / 1e6 > ELSEWHERE_LIMIT_S
    if process.boot_id != boot:
        return True
    if not _pid_exists(process.pid):
        return True
    return process.pid_start is not None and _start_of(process.pid) != process.pid_start


def shown_status(row: Any) -> RunStatus:
    """Return the status to show of a row: ``running`` without its process is ``interrupted``.

    Raises:
        StoreError: the row has none of the statuses.
    """
    if row.status not in _STATUSES:
        raise StoreError(
            f"the database has a run or an evaluation with the unknown status '{row.status}'",
            hint="`hil db check` names it; a newer version of hil may know it",
        )
    process = ProcessId(row.host, row.boot_id, row.pid, row.pid_start)
    if row.status == "running" and is_gone(process, row.started_us):
        return "interrupted"
    return cast(RunStatus, row.status)


@functools.cache
def _this_machine() -> tuple[str, str]:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    return socket.gethostname(), boot


def _pid_exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it exists and belongs to another user
        return True
    return True


def _start_of(pid: int) -> int | None:
    """Start time of a process in clock ticks since boot: field 22 of proc(5)'s ``stat``."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None
