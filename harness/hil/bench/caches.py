"""The folder of rebuildable files by kind of entry: how much there is, what is damaged."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from hil import files
from hil.firmware import cache as firmwares
from hil.quantization import cache as quantized

_DAY_S = 86_400.0


@dataclass(frozen=True)
class Kind:
    """A kind of entry: a folder below the cache's, and how to tell a damaged one, if there is."""

    name: str
    folder: str
    is_whole: Callable[[Path, Path], bool] | None = None


KINDS = (
    Kind("firmware", "firmware/elf", lambda cache, entry: firmwares.is_whole(cache, entry.name)),
    Kind("compiled kernels", "firmware/trees"),
    Kind("quantized model", "variants", lambda _, entry: quantized.is_whole(entry)),
)


@dataclass(frozen=True)
class Summary:
    """How many entries of a kind there are, their bytes and the days since the oldest's use."""

    kind: str
    folder: Path
    entries: int
    bytes: int
    oldest_days: float | None


@dataclass(frozen=True)
class Damaged:
    """An entry whose content is not what was stored."""

    kind: str
    path: Path


def summaries(cache: Path) -> list[Summary]:
    """What is in the cache, by kind.

    Raises:
        OSError: it cannot be read.
    """
    return [_summary(cache, kind) for kind in KINDS]


def damaged(cache: Path) -> tuple[int, list[Damaged]]:
    """How many entries were verified, and those that are damaged.

    Raises:
        OSError: the cache cannot be read.
    """
    count, found = 0, []
    for kind in KINDS:
        for entry in _entries(cache, kind) if kind.is_whole else ():
            count += 1
            if not kind.is_whole(cache, entry):  # type: ignore[misc]
                found.append(Damaged(kind.name, entry))
    return count, found


def clean(cache: Path, older_days: float) -> tuple[int, int]:
    """Remove entries that were not used for so many days; return their number and bytes.

    Trees in which a build runs stay.

    Raises:
        OSError: the cache cannot be read.
    """
    removed = total = 0
    for kind in KINDS:
        for entry in list(_entries(cache, kind)):
            if time.time() - entry.stat().st_mtime < older_days * _DAY_S:
                continue
            size = _size(entry)
            if remove(entry):
                removed, total = removed + 1, total + size
    return removed, total


def remove(entry: Path) -> bool:
    """Remove an entry unless a build uses it; whether it is gone."""
    lock = entry.with_name(entry.name + ".lock")
    if not lock.exists():
        shutil.rmtree(entry, ignore_errors=True)
    else:
        with files.locked_unless_used(lock) as ours:
            if ours:
                shutil.rmtree(entry, ignore_errors=True)
    return not entry.exists()


def _summary(cache: Path, kind: Kind) -> Summary:
    entries = list(_entries(cache, kind))
    used = [entry.stat().st_mtime for entry in entries]
    oldest = (time.time() - min(used)) / _DAY_S if used else None
    return Summary(kind.name, cache / kind.folder, len(entries), sum(map(_size, entries)), oldest)


def _entries(cache: Path, kind: Kind) -> Iterator[Path]:
    folder = cache / kind.folder
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if _is_entry(path))


def _is_entry(path: Path) -> bool:
    return path.is_dir() and not path.name.startswith(".")


def _size(entry: Path) -> int:
    return sum(path.lstat().st_size for path in entry.rglob("*") if not path.is_dir())
