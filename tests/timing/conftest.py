from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hil.devices import Profile, load
from hil.targets.qemu.emulator import QEMU, find_qemu, probe

from tests.support.tools import tool, unavailable
from tests.timing.building import Board, build


@pytest.fixture(autouse=True)
def _tools() -> None:
    tool("arm-none-eabi-gcc")
    tool(os.environ.get("HIL_EMULATOR") or QEMU)
    if not any(shutil.which(compiler) for compiler in ("cc", "gcc", "clang")):
        unavailable("no C compiler for this machine")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that does nothing wrong, with three passes, for the Cortex-M4."""
    return build(tmp_path_factory.mktemp("work"), passes=3)


def profile_for(board: Board) -> Profile:
    """A device with the board's core: hil's own, or the STM32L4 with another core."""
    shipped = {"mps2-an386": "stm32l4", "mps2-an500": "stm32h743", "mps2-an505": "stm32u575"}
    if board.machine in shipped:
        return load(shipped[board.machine])
    core = {"mps2-an385": "cortex-m3", "microbit": "cortex-m0+", "mps3-an547": "cortex-m55"}[
        board.machine
    ]
    data = load("stm32l4").model_dump(by_alias=True)
    data["chip"]["core"] = core
    data["emulation"]["qemu"] = (board.machine,)
    return Profile.model_validate(data)


def need_machine(board: Board) -> None:
    if board.machine not in probe(find_qemu()).machines:
        pytest.skip(f"this QEMU has no {board.machine}")
