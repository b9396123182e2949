"""Ports for STM32 set the clock that the profile has, or do not compile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hil.devices import load
from hil.errors import BuildFailed
from hil.targets.qemu.machines import MACHINES, choose_platform

from tests.firmware import dut
from tests.firmware.conftest import Build, Start


def at(clock_hz: int) -> dict[str, str]:
    return {"HIL_CLOCK_HZ": str(clock_hz), "HIL_FLASH_WAIT_STATES": "4"}


def test_the_profiles_clock_reaches_the_chips_own_port() -> None:
    platform = choose_platform(load("stm32l4@48MHz"), available=list(MACHINES))
    assert platform.clock_hz == 48_000_000
    assert platform.defines == {"HIL_CLOCK_HZ": "48000000", "HIL_FLASH_WAIT_STATES": "2"}
    stand_in = choose_platform(load("nucleo-l452re@48MHz"), available=list(MACHINES))
    assert stand_in.clock_hz == 48_000_000
    assert "HIL_CLOCK_HZ" not in stand_in.defines


@pytest.mark.parametrize("clock_hz", [80_000_000, 48_000_000, 17_000_000, 8_500_000])
def test_the_device_runs_at_the_clock(clock_hz: int, start: Start) -> None:
    with start(dut.SCALE, replace(dut.L4, defines=at(clock_hz))) as device:
        assert f",clock={clock_hz},counter=" in device.ask("hil-info")[0]


@pytest.mark.parametrize("clock_hz", [47_000_000, 16_500_000, 4_000_000, 82_000_000])
def test_a_clock_that_the_pll_does_not_give_is_refused(clock_hz: int, make: Build) -> None:
    with pytest.raises(BuildFailed, match="this port sets clocks"):
        make(dut.SCALE, replace(dut.L4, defines=at(clock_hz)))


def test_a_clock_that_does_not_start_is_reported(start: Start) -> None:
    """QEMU's STM32F405 has no PLL: the port waits, goes on at the clock after reset and says so."""
    with start(dut.SCALE, dut.PLATFORMS["f4"]) as device:
        assert ",port=stm32f4,core=cortex-m4f,clock=16000000,counter=" in device.ask("hil-info")[0]
