"""Runs `hil` for tests: its `main` in this process, or the installed program in one of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import traceback
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from hil.cli import main, output, streams

HIL = Path(sys.executable).with_name("hil")
REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "examples" / "digits"
LIMIT_S = 600  # a command that takes longer hangs

Environment = Mapping[str, str | None]


@dataclass(frozen=True)
class Result:
    """What a finished `hil` left behind."""

    code: int
    stdout: str
    stderr: str

    @property
    def envelope(self) -> dict[str, Any]:
        """The JSON object on stdout (there must be nothing else)."""
        value = json.loads(self.stdout)
        assert isinstance(value, dict)
        assert set(value) == {"schema", "status", "data", "errors"}
        return value

    def refuses(self, code: int, *words: str) -> None:
        """Assert a clear error: exit code, `error:` and `hint:`, the words, no traceback."""
        assert self.code == code, self
        assert "Traceback" not in self.stderr, self
        lines = self.stderr.splitlines()
        assert any(line.startswith("error: ") for line in lines), self
        assert any(line.startswith("hint: ") and len(line) > 6 for line in lines), self
        for word in words:
            assert word in self.stderr, (word, self)


def hil(*arguments: object, env: Environment | None = None, cwd: Path | None = None) -> Result:
    """Call `hil`'s ``main`` in this process, as a process of its own would run it.

    Environment, folder, streams (the descriptors too: compilers and libraries write to them),
    ``sys.argv``, signal handlers and what the command line modules remember of a run are its own
    and are restored. ``env`` is added to the environment; None removes a variable. Start-up,
    signals, closed streams and terminals are the subject of ``hil_process``.
    """
    words = [str(argument) for argument in arguments]
    with (
        _streams() as captured,
        _environment(env or {}),
        contextlib.chdir(cwd or "."),
        _handlers(),
        _module_state(),
        _arguments(words),
    ):
        code = _exit_code(words)
    return Result(code, captured.stdout, captured.stderr)


def hil_process(
    *arguments: object, env: Environment | None = None, cwd: Path | None = None
) -> Result:
    """Run the installed `hil` in a process of its own, to its end."""
    with _environment(env or {}):
        done = subprocess.run(
            [str(HIL), *map(str, arguments)],
            cwd=cwd,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    return Result(done.returncode, done.stdout, done.stderr)


class Hangs(BaseException):
    """Raised in a command that exceeds ``LIMIT_S``; not an ``Exception``, so that none hides it."""


def _exit_code(words: list[str]) -> int:
    """Call ``main``; the interpreter's part in ending a process is done here."""
    code: object = "main returned instead of exiting"
    try:
        main.main(words)
    except SystemExit as end:
        code = end.code
    assert isinstance(code, int), code
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


@contextlib.contextmanager
def _environment(changes: Environment) -> Iterator[None]:
    before = dict(os.environ)
    try:
        for name, value in changes.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        yield
    finally:
        if dict(os.environ) != before:
            os.environ.clear()
            os.environ.update(before)


@contextlib.contextmanager
def _arguments(words: list[str]) -> Iterator[None]:
    before = sys.argv
    sys.argv = [str(HIL), *words]
    try:
        yield
    finally:
        sys.argv = before


@contextlib.contextmanager
def _handlers() -> Iterator[None]:
    """Signal handlers and warning filters are restored; a command that hangs is ended."""

    def hangs(number: int, frame: FrameType | None) -> None:
        raise Hangs("".join(traceback.format_stack(frame)))

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGALRM, hangs)
    signal.alarm(LIMIT_S)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _module_state() -> Iterator[None]:
    """What modules keep for the life of a process: the printed envelope, the temporary folder."""
    before = (output._emitted, streams._stdout, tempfile.tempdir)
    output._emitted, streams._stdout, tempfile.tempdir = False, None, None
    try:
        yield
    finally:
        output._emitted, streams._stdout, tempfile.tempdir = before


@dataclass
class _Captured:
    stdout: str = ""
    stderr: str = ""


@contextlib.contextmanager
def _streams() -> Iterator[_Captured]:
    """Descriptors 0, 1 and 2 and Python's streams lead to nothing and into two files."""
    before = (sys.stdin, sys.stdout, sys.stderr)
    for stream in before[1:]:
        stream.flush()
    saved = [os.dup(number) for number in range(3)]
    captured = _Captured()
    with (
        open(os.devnull, "rb") as nothing,
        tempfile.TemporaryFile() as out,
        tempfile.TemporaryFile() as err,
    ):
        for number, file in enumerate((nothing, out, err)):
            os.dup2(file.fileno(), number)
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stdout, sys.stderr = _writer(1), _writer(2)
        try:
            yield captured
        finally:
            for ours in (sys.stdin, sys.stdout, sys.stderr):
                ours.close()
            sys.stdin, sys.stdout, sys.stderr = before
            for number, descriptor in enumerate(saved):
                os.dup2(descriptor, number)
                os.close(descriptor)
            captured.stdout, captured.stderr = _text(out), _text(err)


def _writer(number: int) -> io.TextIOWrapper:
    return open(number, "w", encoding="utf-8", closefd=False)


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
