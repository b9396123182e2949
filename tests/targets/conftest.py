from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hil.devices import Profile, load
from hil.firmware.build import build
from hil.records import Firmware, Platform
from hil.targets.qemu.emulator import QEMU
from hil.targets.qemu.machines import MACHINES, choose_platform

from tests.support.tiny_engine import tiny_sources

Tiny = Callable[..., tuple[Firmware, Platform]]


def unavailable(reason: str) -> None:
    """A missing tool skips on a desk and fails in CI."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


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
    found = shutil.which(os.environ.get("HIL_QEMU") or QEMU)
    if found is None:
        unavailable("no qemu-system-arm")
    return Path(str(found))


@pytest.fixture(scope="session")
def other_qemu() -> Path:
    """A second QEMU of another version, named by HIL_QEMU_ALT."""
    path = os.environ.get("HIL_QEMU_ALT", "")
    if not path or not os.access(path, os.X_OK):
        pytest.skip("HIL_QEMU_ALT names no second QEMU")
    return Path(path)


@pytest.fixture(scope="session")
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cache for all workers: caches are made to be shared."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent
    return base / "targets-cache"


@pytest.fixture(autouse=True)
def _own_cache(session_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIL_CACHE_DIR", str(session_cache))


@pytest.fixture
def tiny(qemu: Path, session_cache: Path) -> Tiny:
    """Build the tiny engine for a machine of QEMU's."""
    for tool in ("arm-none-eabi-gcc", "cmake", "ninja"):
        if shutil.which(tool) is None:
            unavailable(f"no {tool}")

    def make(machine: str = "mps2-an386", n: int = 64, init: int = 0) -> tuple[Firmware, Platform]:
        try:
            platform = choose_platform(chip_for(machine), machine=machine, qemu=qemu)
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
