"""The flasher openocd: the real one without a probe, and stand-ins for what needs hardware."""

from __future__ import annotations

import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hil.devices import load, names
from hil.errors import FlashFailed, HilError, MissingTool, UsageError
from hil.targets.flash.interface import FlashJob
from hil.targets.flash.openocd import OpenOcdFlasher

from tests.support.processes import WAIT_S
from tests.support.stand_ins import HANGS, StandIn
from tests.support.tools import tool

Job = Callable[..., FlashJob]
CONFIGURED = [name for name in names() if "openocd" in load(name).flashing]


@pytest.fixture
def job(tmp_path: Path) -> Job:
    elf = tmp_path / "a firmware's {folder}" / "firmware.elf"
    elf.parent.mkdir()
    elf.write_bytes(b"\x7fELF")

    def make(profile: str = "nucleo-l4r5zi", **changes: object) -> FlashJob:
        device = load(profile)
        found = FlashJob(elf, device, device.flashing["openocd"], timeout_s=WAIT_S)
        return replace(found, **changes)  # type: ignore[arg-type]

    return make


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return StandIn(tmp_path, monkeypatch, "openocd")


@pytest.mark.parametrize("profile", CONFIGURED)
def test_each_profile_has_files_that_openocd_reads(job: Job, profile: str) -> None:
    """The real one gets as far as looking for the probe."""
    tool("openocd")
    with pytest.raises(MissingTool) as caught:
        OpenOcdFlasher().flash(job(profile))

    assert "probe is attached" in str(caught.value)
    assert "OpenOCD: Error: " in str(caught.value)
    assert "permission" in caught.value.hint


def test_every_profile_but_the_apollo_has_a_configuration() -> None:
    assert set(names()) - set(CONFIGURED) == {"sparkfun-edge"}


def test_the_real_one_refuses_a_wrong_serial_number(job: Job) -> None:
    tool("openocd")
    with pytest.raises(MissingTool, match="no such debug probe is attached"):
        OpenOcdFlasher().flash(job(probe="066AFF"))
    with pytest.raises(UsageError, match="Invalid serial number"):
        OpenOcdFlasher().flash(job("nrf52840", probe="066AFF"))


def test_the_real_one_misses_a_file(job: Job) -> None:
    tool("openocd")
    with pytest.raises(UsageError, match=r"a configuration file is missing .*nosuch\.cfg"):
        OpenOcdFlasher().flash(job(options={"config": "interface/stlink.cfg nosuch.cfg"}))


def test_the_real_one_has_a_version(job: Job) -> None:
    tool("openocd")
    assert OpenOcdFlasher().tool(job()).startswith("Open On-Chip Debugger ")


WRITTEN = "** Programming Started **\n** Programming Finished **\n** Verify Started **\n"
VERIFIED = WRITTEN + "** Verified OK **\n** Resetting Target **\nshutdown command invoked\n"


def test_what_it_is_called_with(job: Job, stand_in: StandIn) -> None:
    stand_in.answers(((), VERIFIED, 0))
    flasher = OpenOcdFlasher()

    said = flasher.flash(job(probe="066A", options={"commands": "adapter speed 500"}))
    flasher.reset(job())

    assert said == VERIFIED
    closed = ["-c", "gdb_port disabled; telnet_port disabled; tcl_port disabled"]
    config = ["-f", "board/st_nucleo_l4.cfg"]
    assert stand_in.calls == [
        [
            *(*closed, *config, "-c", "adapter serial 066A", "-c", "adapter speed 500"),
            *("-c", "program firmware.elf verify reset exit"),
        ],
        [*closed, *config, "-c", "init; reset run; shutdown"],
    ]


@pytest.mark.parametrize(
    ("text", "code", "error", "words"),
    [
        # src/flash/startup.tcl
        (
            WRITTEN + "Error: checksum mismatch - attempting binary compare\n** Verify Failed **\n",
            1,
            FlashFailed,
            "differs from the firmware after it was written (OpenOCD: ** Verify Failed **)",
        ),
        (WRITTEN + "** Verify Failed **\n", 0, FlashFailed, "** Verify Failed **"),
        # src/flash/nor/stm32f2x.c, core.c
        (
            "Error: stm32x device protected\nError: failed erasing sectors 0 to 5\n"
            "** Programming Failed **\n",
            1,
            FlashFailed,
            "the flash is protected (OpenOCD: Error: stm32x device protected)",
        ),
        # src/flash/nor/stm32l4x.c
        (
            "Info : RDP level 1 (0xBB)\nError: failed erasing sectors 0 to 7\n"
            "** Programming Failed **\n",
            1,
            FlashFailed,
            "the chip is locked (OpenOCD: Info : RDP level 1 (0xBB))",
        ),
        (
            "Info : RDP level 0 (0xAA)\nError: failed erasing sectors 0 to 7\n",
            1,
            FlashFailed,
            "the flash cannot be erased",
        ),
        # tcl/target/nrf52.cfg, src/flash/nor/nrf5.c
        ("nRF52 device has AP lock engaged (see UICR\n", 1, FlashFailed, "the chip is locked"),
        (
            "Error: Error waiting NVMC_READY: generic flash write/erase error (check protection "
            "etc...)\n",
            1,
            FlashFailed,
            "the flash is protected",
        ),
        # src/jtag/drivers: stlink_usb.c, jlink.c, libusb_helper.c
        (
            "Error: init mode failed (unable to connect to the target)\n"
            "** OpenOCD init failed **\n",
            1,
            FlashFailed,
            "the chip does not answer the probe",
        ),
        (
            "Error: Multiple devices found, specify the desired device\n",
            1,
            UsageError,
            "several probes are attached",
        ),
        (
            "Error: libusb_open() failed with LIBUSB_ERROR_ACCESS\nError: open failed\n",
            1,
            MissingTool,
            "may not be used by this user",
        ),
        ("** Programming Started **\n", 0, FlashFailed, "** Programming Started **"),
        ("Error: something else\n", 1, FlashFailed, "OpenOCD failed: Error: something else"),
        ("** Programming Started **\n", -signal.SIGKILL, FlashFailed, "signal SIGKILL"),
        ("** Programming Started **\n", HANGS, FlashFailed, "did not end within 1 s"),
        ("", 1, FlashFailed, "it printed nothing"),
    ],
)
def test_what_openocd_says_is_in_the_error(
    job: Job, stand_in: StandIn, text: str, code: int, error: type[HilError], words: str
) -> None:
    stand_in.answers(((), text, code))

    with pytest.raises(error) as caught:
        OpenOcdFlasher().flash(job(timeout_s=1.0 if code == HANGS else WAIT_S))

    assert words in str(caught.value)
    assert caught.value.hint


def test_a_reset_fails(job: Job, stand_in: StandIn) -> None:
    stand_in.answers(((), "Error: open failed\n", 1))
    with pytest.raises(MissingTool, match="no such debug probe"):
        OpenOcdFlasher().reset(job())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arguments": ()}, "has no configuration for openocd"),
        ({"arguments": ("-c", "exit")}, "'-c' is not a configuration file"),
        ({"options": {"konfig": "x"}}, "did you mean 'config'?"),
        ({"probe": "1; exit"}, "invalid serial number of a probe"),
        ({"elf": Path("/nowhere.elf")}, "there is no firmware"),
    ],
)
def test_a_wrong_option_is_refused(job: Job, changes: dict[str, object], words: str) -> None:
    tool("openocd")
    with pytest.raises(UsageError) as caught:
        OpenOcdFlasher().flash(job(**changes))

    assert words in f"{caught.value} {caught.value.hint}"


def test_openocd_is_not_installed(
    job: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("openocd") is None
    with pytest.raises(MissingTool, match="openocd is not on the PATH"):
        OpenOcdFlasher().flash(job())
