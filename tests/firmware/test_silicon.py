"""Firmware for the chips themselves, as boards get it: it compiles at each clock and baud rate that
the chip has, and at no other one."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hil.devices import load, names
from hil.errors import BuildFailed
from hil.records import Platform
from hil.targets.board.target import BoardTarget

from tests.conftest import REPOSITORY
from tests.firmware import dut
from tests.firmware.conftest import Build
from tests.firmware.registers import PORTS as PORT_FOLDERS
from tests.support.hil import DIGITS, hil

CLOCKS = {
    "nrf52840": ("64MHz",),
    "sparkfun-edge": ("24MHz", "48MHz", "96MHz"),
    "stm32l4": ("80MHz", "48MHz", "17MHz", "8.5MHz"),
    "nucleo-l452re": ("48MHz", "26MHz"),
    "nucleo-l4r5zi": ("100MHz", "80MHz", "20MHz"),
    "stm32f411": ("96MHz", "84MHz", "50MHz", "25MHz", "13MHz"),
    "stm32f746": ("200MHz", "180MHz", "100MHz", "48MHz", "25MHz", "13MHz"),
    "stm32h743": ("400MHz", "240MHz", "64MHz", "24MHz"),
    "stm32u575": ("110MHz", "48MHz", "24MHz", "16MHz"),
}
"""Clocks that a profile's port sets, those of its ranges among them."""

REFUSED = {
    "nrf52840": ("32MHz", "the core of an nRF52840 runs at 64 MHz only"),
    "sparkfun-edge": ("32MHz", "the core of an Apollo3 runs at 24, 48 or (burst) 96 MHz"),
    "stm32l4": ("47MHz", "this port sets clocks in steps of 2 MHz"),
    "stm32f411": ("12MHz", "this port sets clocks from 13 MHz"),
    "stm32f746": ("12MHz", "this port sets clocks from 13 to 216 MHz"),
    "stm32h743": ("23MHz", "this port sets clocks from 24 MHz"),
    "stm32u575": ("15MHz", "this port sets clocks from 16 to 160 MHz"),
}
"""A clock that a port does not set, and what it says."""

PORTS = [name for name in names() if load(name).firmware.port is not None]
BAUDS = (9600, 115200, 230400, 460800, 921600)


@pytest.fixture(autouse=True)
def boards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board of each profile; none is opened."""
    file = tmp_path / "boards.toml"
    file.write_text(
        "".join(f'[boards.{name}]\nprofile = "{name}"\nport = "/dev/null"\n' for name in PORTS)
    )
    monkeypatch.setenv("HIL_BOARDS", str(file))


def silicon(name: str, **defines: str) -> Platform:
    """The platform of a board with the profile ``name``, perhaps at another clock."""
    platform = BoardTarget().platform(load(name), name.partition("@")[0])
    return replace(platform, defines={**platform.defines, **defines})


def test_the_page_of_ports_lists_them_and_their_profiles() -> None:
    page = (REPOSITORY / "docs" / "porting.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", page.split("\n## ")[0], re.MULTILINE)
    listed = {port: set(re.findall(r"`([\w-]+)`", profiles)) for port, profiles in rows}
    folders = {file.parent.name for file in PORT_FOLDERS.glob("*/port.c")}
    assert set(listed) == folders
    for port in folders - {"mps2", "host"}:
        assert listed[port] == {name for name in PORTS if load(name).firmware.port == port}


def test_every_profile_has_its_port_and_clocks_here() -> None:
    assert set(CLOCKS) == set(PORTS) == set(names())


@pytest.mark.parametrize("name", PORTS)
def test_the_usual_clock_is_the_profiles(name: str, make: Build) -> None:
    """A board gets no clock unless it differs from the profile's: the port knows that one."""
    profile = load(name)
    plain = silicon(name)
    assert "HIL_CLOCK_HZ" not in plain.defines
    given = {
        "HIL_CLOCK_HZ": str(profile.clock.hz),
        "HIL_FLASH_WAIT_STATES": str(profile.flash.wait_states),
    }
    assert make(dut.SCALE, plain).sha256 == make(dut.SCALE, silicon(name, **given)).sha256


@pytest.mark.parametrize(
    ("name", "clock"), [(name, clock) for name, clocks in CLOCKS.items() for clock in clocks]
)
def test_every_clock_compiles(name: str, clock: str, make: Build) -> None:
    platform = silicon(f"{name}@{clock}")
    assert platform.clock_hz == int(float(clock.removesuffix("MHz")) * 1e6)
    assert make(dut.SCALE, platform).elf.is_file()


@pytest.mark.parametrize("name", PORTS)
def test_a_clock_between_the_steps_is_refused(name: str, make: Build) -> None:
    profile = load(name)
    platform = silicon(f"{name}@{profile.clock.hz - 1}")
    with pytest.raises(BuildFailed, match="refuses the clock or the baud rate"):
        make(dut.SCALE, platform)


@pytest.mark.parametrize("name", REFUSED)
def test_a_run_at_a_clock_that_the_chip_does_not_have(name: str, tmp_path: Path) -> None:
    clock, message = REFUSED[name]
    command = ("run", "--board", name, "-p", f"{name}@{clock}", "--db", tmp_path / "hil.db")
    result = hil(*command, DIGITS / "digits_int8.tflite")
    result.refuses(3, message, "choose a clock that the chip has")


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
        ("stm32l4", 12_000_000, "the UART cannot divide its clock to this baud rate"),
    ],
)
def test_a_baud_rate_that_the_uart_does_not_have(
    name: str, baud: int, message: str, make: Build
) -> None:
    with pytest.raises(BuildFailed, match=f"refuses the clock or the baud rate: .*{message}"):
        make(dut.SCALE, silicon(name), baud=baud)


@pytest.mark.parametrize("name", PORTS)
def test_the_window_pin_is_there_only_when_it_is_asked_for(name: str, make: Build) -> None:
    plain = make(dut.SCALE, silicon(name))
    with_pin = make(dut.SCALE, silicon(name, HIL_WINDOW_PIN="1"))
    assert with_pin.flash_by_owner["runtime"] > plain.flash_by_owner["runtime"]


STM32 = [name for name in PORTS if load(name).chip.vendor == "STMicroelectronics"]


@pytest.mark.parametrize("name", STM32)
def test_too_few_wait_states_are_refused(name: str, make: Build) -> None:
    profile = load(name)
    waits = {"HIL_FLASH_WAIT_STATES": str(profile.flash.wait_states - 1)}
    with pytest.raises(BuildFailed, match="the flash needs more wait states at this clock"):
        make(dut.SCALE, silicon(name, HIL_CLOCK_HZ=str(profile.clock.hz), **waits))


@pytest.mark.parametrize("name", ["stm32l4", "stm32f411"])
def test_a_baud_rate_that_a_slow_clock_misses_is_refused(name: str, make: Build) -> None:
    with pytest.raises(BuildFailed, match=r"would be wrong by more than 1\.5 % at this clock"):
        make(dut.SCALE, silicon(f"{name}@16MHz"), baud=921_600)
