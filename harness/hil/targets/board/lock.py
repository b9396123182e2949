"""Locks on boards: two processes, or two threads, never use one board at a time.

The lock files are in the state folder, one for the board's name and one for its port, so that two
names of one port exclude each other too. The operating system releases a lock when its process
ends, however it ends.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hil import files
from hil.errors import MissingTool
from hil.resources import state_dir
from hil.settings import without_password

_POLL_S = 0.1
_SHOWN = 120


@contextlib.contextmanager
def held(what: str, name: str, wait_s: float) -> Iterator[None]:
    """Hold the lock of a board or of a port; ``what`` is what messages call it.

    ``wait_s`` is how long to wait for whoever holds it, ``math.inf`` for as long as it takes.

    Raises:
        MissingTool: it is in use; the message names the process and its command.
    """
    from filelock import FileLock, Timeout

    folder = state_dir() / "boards"
    stem = folder / hashlib.sha256(name.encode()).hexdigest()[:24]
    lock = FileLock(stem.with_suffix(".lock"), is_singleton=False, thread_local=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire(-1 if math.isinf(wait_s) else max(0.0, wait_s), poll_interval=_POLL_S)
    except Timeout as error:
        waited = f" for {wait_s:g} s" if wait_s else ""
        raise MissingTool(
            f"{what} is in use{waited}: {_holder(stem.with_suffix('.json'))}",
            hint="wait for it with --wait SECONDS or --wait forever, or end that process",
        ) from error
    except OSError as error:
        raise MissingTool(
            f"cannot lock {what}: {error}", hint=f"check the folder {folder} (HIL_STATE_DIR)"
        ) from error
    try:
        with contextlib.suppress(OSError):  # only for the messages of others
            command = shlex.join(["hil", *map(without_password, sys.argv[1:])])
            files.write_json(stem.with_suffix(".json"), {"pid": os.getpid(), "command": command})
        yield
    finally:
        lock.release()


def _holder(path: Path) -> str:
    """Who holds a lock, as far as that is known."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        return f"process {int(found['pid'])}, {str(found['command'])[:_SHOWN]}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
