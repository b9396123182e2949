"""The command line in an empty folder, without any settings."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import hil as support


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
    """An environment without the user's settings: state, cache and configuration are empty."""
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
    """Return a function that runs ``hil`` in an empty folder, in this process."""

    def run(*arguments: object, **changes: str) -> Finished:
        removed = dict.fromkeys(os.environ.keys() - environment.keys())
        done = support.hil(*arguments, env={**removed, **environment, **changes}, cwd=tmp_path)
        debugging = "--debug" in arguments or "HIL_DEBUG" in changes
        assert "Traceback" not in done.stderr or debugging
        return Finished(done.code, done.stdout, done.stderr)

    return run
