"""Makes stdout and stderr safe to write: closed, full, or without ``µ`` in their encoding."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class _Stdout(io.FileIO):
    """File descriptor 1; keeps the first failed write, which libraries may swallow."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write; keep the error of a failure."""
        try:
            return super().write(data) or 0
        except OSError as error:
            self.failure = self.failure or error
            raise


_stdout: _Stdout | None = None


def prepare() -> None:
    """Redirect closed streams to the null device; escape characters that cannot be encoded."""
    global _stdout
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.name == "<stdout>":
        _stdout = _Stdout(1, "wb", closefd=False)
        sys.stdout = io.TextIOWrapper(
            io.BufferedWriter(_stdout),
            encoding=sys.stdout.encoding,
            errors=sys.stdout.errors,
            line_buffering=sys.stdout.line_buffering,
            write_through=sys.stdout.write_through,
        )


def stdout_failure() -> OSError | None:
    """Return the first failed write to stdout, or None; after one stdout is abandoned."""
    failure = _stdout.failure if _stdout is not None else None
    if failure is not None:
        abandon_stdout()
    return failure


def abandon_stdout() -> None:
    """Redirect stdout to the null device: the interpreter flushes it once more at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
