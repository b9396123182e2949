from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hil.devices import Profile, load
from hil.firmware.build import build
from hil.records import Firmware, Platform
from hil.targets.qemu.emulator import QEMU, probe
from hil.targets.qemu.machines import MACHINES, choose_platform, usable_machines

from tests.support.tiny_engine import tiny_sources
from tests.support.tools import tool

Tiny = Callable[..., tuple[Firmware, Platform]]


def changed(profile: Profile, **parts: dict[str, object]) -> Profile:
    """A profile with other values in some of its tables."""
    data = profile.model_dump(by_alias=True)
    for part, values in parts.items():
        data[part].update(values)
    return Profile.model_validate(data)


def chip_for(machine: str) -> Profile:
    """The STM32L4's profile with a core that the machine runs."""
    profile = load("stm32l4")
    cores = MACHINES[machine].cores
    return profile if profile.chip.core in cores else changed(profile, chip={"core": cores[-1]})


@pytest.fixture(scope="session")
def qemu() -> Path:
    return Path(tool(os.environ.get("HIL_EMULATOR") or QEMU))


@pytest.fixture
def tiny(qemu: Path, session_cache: Path) -> Tiny:
    """Build the tiny engine for a machine of QEMU's."""
    for name in ("arm-none-eabi-gcc", "cmake", "ninja"):
        tool(name)

    def make(machine: str = "mps2-an386", n: int = 64, init: int = 0) -> tuple[Firmware, Platform]:
        try:
            platform = choose_platform(
                chip_for(machine), machine=machine, available=usable_machines(probe(qemu))
            )
        except Exception:
            if machine.startswith("mps2"):
                raise
            pytest.skip(f"this QEMU has no {machine}")
        firmware = build(
            tiny_sources(n, init=init),
            platform,
            stack_bytes=4096,
            heap_bytes=0,
            baud=115200,
            cache=session_cache / "firmware",
        )
        return firmware, platform

    return make
