from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hil.devices import load
from hil.firmware.build import build
from hil.records import Firmware, Platform
from hil.targets.renode.platforms import choose_platform

from tests.conftest import REPOSITORY
from tests.support.renode_stand_in import Behaviour
from tests.support.tiny_engine import tiny_sources
from tests.support.tools import tool

Made = tuple[Firmware, Platform]
StandIn = Callable[..., Path]


@pytest.fixture
def made(session_cache: Path) -> Callable[..., Made]:
    """Build the tiny engine for the STM32L4's platform."""
    for name in ("arm-none-eabi-gcc", "cmake", "ninja"):
        tool(name)

    def make(n: int = 64, init: int = 0) -> Made:
        platform = choose_platform(load("stm32l4"))
        options: dict[str, Any] = {"stack_bytes": 4096, "heap_bytes": 0, "baud": 115200}
        sources = tiny_sources(n, init=init)
        return build(sources, platform, **options, cache=session_cache / "firmware"), platform

    return make


@pytest.fixture
def tiny(made: Callable[..., Made]) -> Made:
    return made()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """Return a function that makes the stand-in the Renode in use, with a behaviour.

    Its launcher is a shell script with a child, as Renode's is. Caches are the test's own.
    """
    monkeypatch.setenv("HIL_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))

    def use(**behaviour: Any) -> Path:
        text = json.dumps(dataclasses.asdict(Behaviour(**behaviour)))
        monkeypatch.setenv("RENODE_STAND_IN", text)
        launcher = tmp_path / "renode"
        program = f'"{sys.executable}" -W error -m tests.support.renode_stand_in "$@"'
        launcher.write_text(f"#!/bin/sh\n{program}\nexit $?\n")
        launcher.chmod(0o755)
        monkeypatch.setenv("HIL_RENODE", str(launcher))
        return launcher

    return use


@pytest.fixture(scope="session")
def renode() -> Path:
    """The real Renode, which is in no package registry: HIL_RENODE names it."""
    path = os.environ.get("HIL_RENODE", "")
    if not path:
        pytest.skip("HIL_RENODE names no Renode")
    return Path(path)
