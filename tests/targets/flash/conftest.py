"""A virtual board, and a firmware for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hil.devices import load
from hil.firmware.build import build
from hil.records import Firmware, Platform
from hil.targets.flash.interface import FlashJob
from hil.targets.interface import EmulatedBoard
from hil.targets.registry import board_emulator

from tests.support.tiny_engine import tiny_sources
from tests.support.tools import tool

PROFILE = "stm32l4"
Built = Callable[..., Firmware]


@pytest.fixture
def platform(qemu: Path) -> Platform:
    """What a virtual STM32L4 is."""
    return board_emulator().virtual_platform(load(PROFILE))


@pytest.fixture
def built(session_cache: Path) -> Built:
    """Build the tiny engine for a platform of a virtual board."""
    for name in ("arm-none-eabi-gcc", "cmake", "ninja"):
        tool(name)

    def make(platform: Platform, n: int = 64) -> Firmware:
        return build(
            tiny_sources(n),
            platform,
            stack_bytes=4096,
            heap_bytes=0,
            baud=115200,
            cache=session_cache / "firmware",
        )

    return make


@pytest.fixture
def board(platform: Platform) -> Iterator[EmulatedBoard]:
    """A virtual board with an empty flash."""
    tool("gdb-multiarch")
    with board_emulator().virtual_board(platform) as running:
        yield running


@pytest.fixture
def job(board: EmulatedBoard, platform: Platform, built: Built) -> FlashJob:
    """Flash the tiny firmware of 64 values into the virtual board."""
    return FlashJob(built(platform).elf, load(PROFILE), options={"server": board.server})
