"""The file in which an emulator's profiler records what a firmware executed, read with numpy.

All integers are little-endian. Eight bytes of magic are followed by one record per window: a
header (``_HEADER``) and its rows (``_ROW``, with the flash reads of ``_MISSES`` where the flags say
so). A row is a translation block in a region: addresses in bytes, ``region`` the op's index or
0xFFFFFFFF between ops, how often the block ran, how often the next one was not the fall-through.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.errors import LinkError
from hil.records import BlockProfile

_MAGIC = b"HILPROF1"
_RECORD_MAGIC = 0x444E4957
_BETWEEN = 0xFFFFFFFF
_OVERFLOW = 1
_WITH_MISSES = 2
_HEADER = np.dtype(
    [
        ("magic", "<u4"),
        ("window", "<u4"),
        ("rows", "<u4"),
        ("flags", "<u4"),
        ("instructions", "<u8"),
    ]
)
_ROW = np.dtype(
    [
        ("start", "<u4"),
        ("end", "<u4"),
        ("region", "<u4"),
        ("n_insns", "<u4"),
        ("executed", "<u8"),
        ("taken", "<u8"),
    ]
)
_MISSES = ("line_misses", "sequential_misses", "data_misses")
_ROW_WITH_MISSES = np.dtype([*_ROW.descr, *((name, "<u8") for name in _MISSES)])


def read(path: Path, n_ops: int) -> list[BlockProfile]:
    """Read a record file: one profile per recorded window, in order of execution.

    Rows are sorted by (region, start, end), so that equal executions give equal arrays whatever
    the emulator translated first. Code between ops is region ``n_ops``. A record cut short (the
    emulator was killed while writing it) is left out.

    Raises:
        LinkError: the file is missing, is not a record file, or counts in it are incomplete.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    if data[:8] != _MAGIC:
        raise _unreadable(path, "not an execution record")
    profiles = []
    position = len(_MAGIC)
    while position + _HEADER.itemsize <= len(data):
        header = np.frombuffer(data, _HEADER, 1, position)[0]
        position += _HEADER.itemsize
        if header["magic"] != _RECORD_MAGIC:
            raise _unreadable(path, f"no record at byte {position - _HEADER.itemsize}")
        row = _ROW_WITH_MISSES if header["flags"] & _WITH_MISSES else _ROW
        size = int(header["rows"]) * row.itemsize
        if position + size > len(data):
            break
        if header["flags"] & _OVERFLOW:
            raise _unreadable(path, "the program has more code blocks than the profiler's table")
        rows = np.frombuffer(data, row, int(header["rows"]), position)
        profiles.append(_profile(rows, int(header["instructions"]), n_ops))
        position += size
    return profiles


def _profile(rows: npt.NDArray[Any], instructions: int, n_ops: int) -> BlockProfile:
    region = np.where(rows["region"] == _BETWEEN, n_ops, rows["region"]).astype(np.int32)
    order = np.lexsort((rows["end"], rows["start"], region))
    names = rows.dtype.names or ()
    misses = {name: rows[name][order].astype(np.int64) for name in _MISSES if name in names}
    return BlockProfile(
        start=rows["start"][order].astype(np.int64),
        end=rows["end"][order].astype(np.int64),
        region=region[order],
        executed=rows["executed"][order].astype(np.int64),
        taken=rows["taken"][order].astype(np.int64),
        n_regions=n_ops,
        instructions=instructions,
        **misses,
    )


def _unreadable(path: Path, reason: str) -> LinkError:
    return LinkError(
        f"the execution profile {path} cannot be used: {reason}",
        hint="run again with --keep DIR and look at the emulator's messages there",
    )
