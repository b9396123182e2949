"""Ports of chips on the chips' own peripherals in a real Renode, compared with QEMU's MPS2."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hil.devices import load
from hil.firmware.build import build
from hil.records import EngineSources, Firmware, Platform
from hil.targets import session
from hil.targets.interface import Options, Target
from hil.targets.qemu.target import QemuTarget
from hil.targets.renode.platforms import choose_platform
from hil.targets.renode.target import RenodeSession, RenodeTarget

from tests.support.processes import WAIT_S
from tests.support.tiny_engine import tiny_inputs, tiny_outputs, tiny_sources, tiny_specs


class Chip(NamedTuple):
    """``output``: the register that shows what pins are driven to, the window pin's bit in it."""

    output: int
    pin: int


CHIPS = {
    "nrf52840": Chip(0x50000804, 8),  # P1.OUT
}


@pytest.fixture(autouse=True)
def _real(renode: Path) -> None:
    """All of these need it."""


def made(sources: EngineSources, platform: Platform, cache: Path) -> Firmware:
    return build(sources, platform, stack_bytes=4096, heap_bytes=0, baud=115200, cache=cache)


@pytest.mark.parametrize("name", CHIPS)
def test_outputs_and_counts_are_those_of_qemu(session_cache: Path, name: str) -> None:
    profile = load(name)
    found = {}
    targets: Mapping[str, Target] = {"renode": RenodeTarget(), "qemu": QemuTarget()}
    for title, target in targets.items():
        platform = target.platform(profile)
        firmware = made(tiny_sources(), platform, session_cache / "firmware")
        settings: Any = Options(timeout_s=WAIT_S, profile_windows=1, flash=profile.flash)
        trace = session.run(
            target, firmware, platform, [tiny_inputs(0)], tiny_specs(), settings, n_ops=3
        )
        outputs = [data.tobytes() for data in trace.inferences[0].outputs]
        assert outputs == [data.tobytes() for data in tiny_outputs(tiny_inputs(0), 1)]
        counted = trace.inferences[0].profile
        assert counted is not None
        found[title] = counted.instructions
        assert platform.exact == (title == "renode")
    assert found["renode"] == found["qemu"]


def out(device: RenodeSession, chip: Chip) -> int:
    """Whether the window pin is driven high now."""
    (value,) = device.process.ask(f"sysbus ReadDoubleWord {chip.output:#x}")
    return int(value, 16) >> chip.pin & 1


@pytest.mark.parametrize("with_pin", [True, False])
@pytest.mark.parametrize("name", CHIPS)
def test_the_clock_and_the_window_pin(session_cache: Path, name: str, with_pin: bool) -> None:
    chip = CHIPS[name]
    platform = choose_platform(load(name))
    if with_pin:
        platform = dataclasses.replace(
            platform, defines={**platform.defines, "HIL_WINDOW_PIN": "1"}
        )
    sources = tiny_sources()
    seen = f"(int32_t)(*(volatile uint32_t *){chip.output:#x}u >> {chip.pin}u & 1u)"
    files = {
        name: text.replace("sums[1] = add;", f"sums[1] = {seen};")
        for name, text in sources.files.items()
    }
    firmware = made(dataclasses.replace(sources, files=files), platform, session_cache / "firmware")
    with RenodeTarget().open(firmware, platform, Options(timeout_s=WAIT_S)) as device:
        assert device.client.info().clock_hz == platform.clock_hz
        for _ in range(2):
            assert out(device, chip) == with_pin
            inside = session.infer(device, tiny_inputs(0), tiny_specs())[1][1]
            assert inside == 0
        assert out(device, chip) == with_pin
