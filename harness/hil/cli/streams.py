"""What can be wrong with stdout and stderr themselves: closed, full, or unable to write ``µ``."""

from __future__ import annotations

import io
import os
import sys
from typing import Any


class _Stdout(io.FileIO):
    """File descriptor 1; remembers the first failure to write, whoever else reports one."""

    failure: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write, and remember why it was not possible."""
        try:
            return super().write(data) or 0
        except OSError as error:
            self.failure = self.failure or error
            raise


_stdout: _Stdout | None = None


def prepare() -> None:
    """Make both streams usable: one that the caller closed goes nowhere, none fails on a letter."""
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
    """Return why stdout could not be written, or None; after a failure nothing more is tried."""
    failure = _stdout.failure if _stdout is not None else None
    if failure is not None:
        abandon_stdout()
    return failure


def abandon_stdout() -> None:
    """Point stdout nowhere: the interpreter flushes once more at exit and would complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
