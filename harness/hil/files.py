"""Files and folders that a reader sees whole or not at all, locks between processes, hashes.

Every function raises OSError where the file system does not allow it; callers turn that into the
error that fits the file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

_INHERITED_FROM = 100  # the lowest descriptor for a lock that children inherit
_TEMPORARY_FILE = re.compile(r"\.hil-[0-9a-f]{16}\.tmp")
_NEW_FOLDER = re.compile(r"\.new-[0-9a-f]{16}")
_TEMPORARY_FOLDER = re.compile(r"hil\.[a-z]+\.[a-z0-9_]{8}")
_CLAIMING_S = 60.0  # from making a temporary file to its lock, with much room
_IN_USE_S = 3600.0  # never sweep what was used within this time


@contextlib.contextmanager
def replacing(path: Path, *, sweeping: bool = True) -> Iterator[Path]:
    """Give a temporary file beside ``path``; it replaces ``path`` when the block ends normally.

    The file exists and is empty, with the permissions of any new file. After an exception,
    KeyboardInterrupt included, it is removed and ``path`` is as before. What killed processes left
    in the folder is removed first, unless not ``sweeping``: for many files call
    :func:`sweep_temporary` once.
    """
    if sweeping:
        sweep_temporary(path.parent)
    temporary = path.with_name(f".hil-{secrets.token_hex(8)}.tmp")
    os.close(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    try:
        with _claimed(temporary):
            yield temporary
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def sweep_temporary(folder: Path) -> None:
    """Remove what :func:`replacing` left in ``folder`` in processes that were killed."""
    sweep_left(folder, _TEMPORARY_FILE)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file; after a crash or power loss it has the old content or the new one."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def write_text(path: Path, text: str) -> None:
    """:func:`write_bytes` of UTF-8 text; line ends are written as they are."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any, *, indent: int | None = None) -> None:
    """:func:`write_text` of ``value`` as JSON, with a line end."""
    write_text(path, json.dumps(value, indent=indent) + "\n")


@contextlib.contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside ``path``; it replaces ``path`` when the block ends normally.

    A folder is replaced in two steps: for a moment a reader finds none, never a part of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep_left(path.parent, _NEW_FOLDER)
    temporary = path.with_name(f".new-{secrets.token_hex(8)}")
    temporary.mkdir()
    try:
        with _claimed(temporary):
            yield temporary
            shutil.rmtree(path, ignore_errors=True)
            temporary.rename(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextlib.contextmanager
def temporary_folder(kind: str) -> Iterator[Path]:
    """Give a folder in the system's folder for temporary files, and remove it afterwards.

    What earlier processes left there because they were killed is removed first.
    """
    sweep_left(Path(tempfile.gettempdir()), _TEMPORARY_FOLDER)
    with tempfile.TemporaryDirectory(prefix=f"hil.{kind}.") as name, _claimed(Path(name)):
        yield Path(name)


@contextlib.contextmanager
def _claimed(path: Path) -> Iterator[None]:
    """Mark a temporary file or folder as in use, by a lock that ends with this process."""
    import fcntl

    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def sweep_left(folder: Path, names: re.Pattern[str]) -> None:
    """Remove what killed processes left in ``folder``: this user's files and folders of a name.

    Those that a process has claimed, and those of the last minute, stay.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if names.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _remove_left(entry)


def _remove_left(entry: os.DirEntry[str]) -> None:
    """Remove a temporary file or folder that nobody has claimed."""
    import fcntl

    found = entry.stat(follow_symlinks=False)
    if found.st_uid != os.geteuid() or time.time() - found.st_mtime < _CLAIMING_S:
        return
    descriptor = os.open(entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path``; other processes and threads wait, an interrupt ends the wait.

    The operating system releases the lock when a process ends, however it ends. The file stays.
    """
    from filelock import FileLock  # imported late: most commands lock nothing

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        yield


@contextlib.contextmanager
def locked_with_children(path: Path) -> Iterator[int]:
    """Hold the lock file ``path`` and give its descriptor, for children to inherit.

    The lock lasts until this block is left and every process that inherited the descriptor
    (``pass_fds``) has ended, also where this process is killed. Others wait; an interrupt ends
    the wait of the main thread.
    """
    import fcntl

    path.parent.mkdir(parents=True, exist_ok=True)
    low = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        # libuv, and so CMake, closes what it inherits from descriptor 3 up to the first gap.
        descriptor = fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, _INHERITED_FROM)
    finally:
        os.close(low)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)  # never LOCK_UN, which would release it for the children as well


@contextlib.contextmanager
def locked_unless_used(path: Path) -> Iterator[bool]:
    """Hold the lock file ``path`` if no process holds it; whether it is held."""
    import fcntl

    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held = False
    else:
        held = True
    try:
        yield held
    finally:
        os.close(descriptor)


def sweep(folder: Path, keep: int) -> None:
    """Remove the least recently used folders in ``folder`` beyond ``keep``.

    A folder's time stamp says when it was used last; none of the last hour is removed.
    """
    aged = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.is_dir():
                aged.append((path.stat().st_mtime, path))
    now = time.time()
    for used, path in sorted(aged)[: max(0, len(aged) - keep)]:
        if now - used > _IN_USE_S:
            shutil.rmtree(path, ignore_errors=True)


def digest(parts: Iterable[tuple[str, bytes]]) -> str:
    """Hash named byte strings; neither names nor contents can run into each other."""
    total = hashlib.sha256()
    for name, content in parts:
        total.update(f"{len(name)}:{name}:{len(content)}:".encode())
        total.update(content)
    return total.hexdigest()


def below(root: Path, *patterns: str) -> list[tuple[str, bytes]]:
    """Names (relative to ``root``) and contents of the files that match, in a fixed order."""
    found = {path for pattern in patterns for path in root.glob(pattern) if path.is_file()}
    return [(path.relative_to(root).as_posix(), path.read_bytes()) for path in sorted(found)]
