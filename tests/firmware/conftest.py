from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hil.firmware.build import build
from hil.records import EngineSources, Firmware, Platform

from tests.firmware import dut
from tests.support.tools import tool, unavailable

Build = Callable[..., Firmware]
Start = Callable[..., AbstractContextManager[dut.Dut]]


@pytest.fixture(scope="session")
def make(session_cache: Path) -> Build:
    """Build an engine for a platform with plain settings."""
    for name in ("arm-none-eabi-gcc", "cmake", "ninja"):
        tool(name)

    def run(sources: EngineSources, platform: Platform, **options: object) -> Firmware:
        settings: dict[str, object] = {
            "stack_bytes": 4096,
            "heap_bytes": 0,
            "baud": 115200,
            "cache": session_cache / "firmware",
        }
        return build(sources, platform, **{**settings, **options})  # type: ignore[arg-type]

    return run


@pytest.fixture
def start(make: Build) -> Start:
    """Build, start on the first QEMU that has the machine, and wait for the end of the boot."""

    @contextmanager
    def run(
        sources: EngineSources, platform: Platform, qemu: Path | None = None, **options: object
    ) -> Iterator[dut.Dut]:
        emulator = qemu or _emulator_with(platform.machine)
        elf = make(sources, platform, **options).elf
        with dut.running(elf, platform.machine, emulator) as device:
            device.boot = device.read_until(b"m-ready\r\n")
            yield device

    return run


def _emulator_with(machine: str) -> Path:
    found = [qemu for qemu in dut.emulators() if dut.has_machine(qemu, machine)]
    if not found:
        unavailable(f"no QEMU here has {machine}")
    return found[0]
