"""Firmware for the chips themselves: it compiles at each clock and baud rate that the chip has, and
at no other one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hil.devices import load
from hil.errors import BuildFailed
from hil.records import MemoryRegion, Platform

from tests.firmware import dut
from tests.firmware.conftest import Build


def silicon(name: str, **defines: str) -> Platform:
    """The platform of a profile's own port, as on a board."""
    profile = load(name)
    assert profile.firmware.port is not None
    return Platform(
        target="board",
        machine=name,
        port=profile.firmware.port,
        core=profile.chip.core,
        flash=MemoryRegion(profile.flash.origin, profile.flash.size_bytes),
        ram=MemoryRegion(profile.main_ram.origin, profile.main_ram.size_bytes),
        clock_hz=profile.clock.hz,
        exact=True,
        defines={
            **profile.firmware.defines,
            "HIL_CLOCK_HZ": str(profile.clock.hz),
            "HIL_FLASH_WAIT_STATES": str(profile.flash.wait_states),
            **defines,
        },
        time="measured",
    )


PORTS = ("nrf52840", "sparkfun-edge")
BAUDS = (9600, 115200, 230400, 460800, 921600)


@pytest.mark.parametrize("baud", BAUDS)
@pytest.mark.parametrize("name", PORTS)
def test_every_baud_rate_compiles(name: str, baud: int, make: Build) -> None:
    assert make(dut.SCALE, silicon(name), baud=baud).elf.is_file()


@pytest.mark.parametrize(
    ("name", "baud", "message"),
    [
        ("nrf52840", 74_880, "the nRF52840's UART has 9600, 115200"),
        ("nrf52840", 57_600, "the nRF52840's UART has 9600, 115200"),
        ("sparkfun-edge", 1_000_000, "this port sets 9600 to 921600 baud"),
        ("sparkfun-edge", 4_800, "this port sets 9600 to 921600 baud"),
    ],
)
def test_a_baud_rate_that_the_uart_does_not_have(
    name: str, baud: int, message: str, make: Build
) -> None:
    with pytest.raises(BuildFailed, match=message):
        make(dut.SCALE, silicon(name), baud=baud)


@pytest.mark.parametrize("name", PORTS)
def test_the_window_pin_is_there_only_when_it_is_asked_for(name: str, make: Build) -> None:
    plain, with_pin = (
        make(dut.SCALE, silicon(name)),
        make(dut.SCALE, silicon(name, HIL_WINDOW_PIN="1")),
    )
    assert with_pin.flash_by_owner["runtime"] > plain.flash_by_owner["runtime"]


@pytest.mark.parametrize(
    ("name", "clock_hz", "message"),
    [
        ("nrf52840", 32_000_000, "the core of an nRF52840 runs at 64 MHz only"),
        ("sparkfun-edge", 32_000_000, r"an Apollo3 runs at 24, 48 or \(burst\) 96 MHz"),
    ],
)
def test_a_clock_that_the_chip_does_not_have(
    name: str, clock_hz: int, message: str, make: Build
) -> None:
    platform = silicon(name, HIL_CLOCK_HZ=str(clock_hz))
    with pytest.raises(BuildFailed, match=message):
        make(dut.SCALE, replace(platform, clock_hz=clock_hz))
