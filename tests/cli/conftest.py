"""The real program in a process and a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        loaded = json.loads(self.out)
        assert set(loaded) == {"schema", "status", "data", "errors"}
        return dict(loaded)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment without this desk's settings: state, cache and configuration are empty."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HIL_")}
    kept.pop("GITHUB_ACTIONS", None)
    return {
        **kept,
        "HIL_STATE_DIR": str(tmp_path / "state"),
        "HIL_CACHE_DIR": str(tmp_path / "cache"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "TERMINAL_WIDTH": "100",
        "_TYPER_FORCE_DISABLE_TERMINAL": "1",
    }


@pytest.fixture
def hil(tmp_path: Path, environment: dict[str, str]) -> Callable[..., Finished]:
    """Return a function that runs ``hil`` in an empty folder."""

    def run(*arguments: object, **changes: str) -> Finished:
        command = [sys.executable, "-m", "hil.cli.main", *map(str, arguments)]
        done = subprocess.run(
            command,
            cwd=tmp_path,
            env={**environment, **changes},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Traceback" not in done.stderr or "--debug" in arguments
        return Finished(done.returncode, done.stdout, done.stderr)

    return run
