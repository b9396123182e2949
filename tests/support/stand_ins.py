"""Scripted executables on PATH, for states of a tool that need hardware."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

_SCRIPT = """#!{python} -I
import json, os, sys
with open({calls!r}, "a") as calls:
    calls.write(json.dumps(sys.argv[1:]) + "\\n")
for words, text, code in {answers!r}:
    if all(any(word in given for given in sys.argv[1:]) for word in words):
        sys.stdout.write(text)
        sys.stdout.flush()
        {hang}
        if code < 0:
            os.kill(os.getpid(), -code)
        sys.exit(code)
sys.exit("the stand-in has no answer to " + repr(sys.argv[1:]))
"""
_HANG = "import threading; threading.Event().wait() if code == 256 else None"
_PYTHON = sys.executable
HANGS = 256
"""The exit code of a tool that never ends."""


class StandIn:
    """A tool called ``name`` that is found before the real one.

    Each answer is (words, text, code): where all words are in its arguments it prints the text and
    ends with the code (a negative one is a signal, ``HANGS`` none). The first that fits is taken.
    """

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch, name: str) -> None:
        self._folder = folder / "stand-ins"
        self._folder.mkdir(exist_ok=True)
        self._calls = folder / f"{name}.calls"
        self.path = self._folder / name
        patch.setenv("PATH", f"{self._folder}{os.pathsep}{os.environ['PATH']}")

    def answers(self, *answers: tuple[tuple[str, ...], str, int]) -> None:
        self.path.write_text(
            _SCRIPT.format(python=_PYTHON, calls=str(self._calls), answers=answers, hang=_HANG)
        )
        self.path.chmod(0o755)

    @property
    def calls(self) -> list[list[str]]:
        """The arguments of each call."""
        if not self._calls.exists():
            return []
        return [json.loads(line) for line in self._calls.read_text().splitlines()]
