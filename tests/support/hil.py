"""Runs the installed `hil` as its users do: a process, two streams and an exit code."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HIL = Path(sys.executable).with_name("hil")
REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "examples" / "digits"


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


def hil(
    *arguments: str | Path,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 120,
) -> Result:
    """Run `hil` to its end; ``env`` is added to this process's environment."""
    done = subprocess.run(
        [str(HIL), *map(str, arguments)],
        env={**os.environ, **(env or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
