"""The tools that tests need: found, or the test is skipped with the reason."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
from hil.targets.qemu.emulator import QEMU


def unavailable(reason: str) -> NoReturn:
    """Skip the test; in CI a missing tool is lost coverage, and the test fails."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def tool(name: str) -> str:
    """The path of a program; the test is skipped where there is none."""
    found = shutil.which(name)
    if found is None:
        unavailable(f"{name} is not installed")
    return found


def wrapped_qemu(folder: Path, statement: str) -> Path:
    """A QEMU of the real one's version that does a shell statement before it runs a program."""
    wrapper = folder / "qemu-system-arm-wrapped"
    real = tool(os.environ.get("HIL_EMULATOR") or QEMU)
    wrapper.write_text(
        f'#!/bin/sh\ncase "$*" in *-kernel*) {statement};; esac\nexec "{real}" "$@"\n'
    )
    wrapper.chmod(0o755)
    return wrapper
