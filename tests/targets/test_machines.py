"""Choice of the machine, and what a QEMU is asked."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from hil.devices import load, names
from hil.errors import MissingTool, UsageError
from hil.records import MemoryRegion
from hil.targets.qemu.emulator import find_qemu, probe
from hil.targets.qemu.machines import MACHINES, choose_platform, usable_machines

from tests.targets.conftest import changed

ALL = list(MACHINES)


def test_the_chip_itself_is_preferred() -> None:
    platform = choose_platform(load("stm32l4"), available=ALL)
    assert (platform.machine, platform.exact, platform.note) == ("b-l475e-iot01a", True, "")
    assert platform.flash == MemoryRegion(0x0800_0000, 1 << 20)
    assert platform.ram == MemoryRegion(0x2000_0000, 96 * 1024)
    assert (platform.port, platform.core, platform.clock_hz) == (
        "stm32l4",
        "cortex-m4f",
        80_000_000,
    )


def test_a_stand_in_has_the_chips_sizes_and_says_so() -> None:
    platform = choose_platform(load("stm32l4"), available=["mps2-an385", "mps2-an386"])
    assert (platform.machine, platform.exact) == ("mps2-an386", False)
    assert platform.flash == MemoryRegion(0, 1 << 20)
    assert platform.ram == MemoryRegion(0x2000_0000, 96 * 1024)
    assert platform.note == (
        "mps2-an386 stands in for STM32L475VG: same core, the chip's memory sizes; "
        "no peripherals of the chip"
    )


def test_another_chip_on_the_exact_machine_of_a_sibling_is_not_exact() -> None:
    sibling = changed(load("stm32l4"), chip={"part": "STM32L476RG"})
    assert not choose_platform(sibling, available=ALL).exact


def test_a_machine_with_less_memory_than_the_chip_is_passed_over() -> None:
    big = changed(load("stm32l4"), chip={"part": "STM32L4R5ZI"}, flash={"size_bytes": 2 << 20})
    assert choose_platform(big, available=ALL).machine == "mps2-an386"
    with pytest.raises(UsageError, match="has 1048576 bytes of flash, the chip 2097152"):
        choose_platform(big, machine="b-l475e-iot01a", available=ALL)


def test_the_users_machine_wins() -> None:
    assert choose_platform(load("stm32l4"), machine="mps2-an386", available=ALL).port == "mps2"


@pytest.mark.parametrize(
    ("machine", "available", "message"),
    [
        ("mps2-an999", ALL, "'mps2-an999' is unknown"),
        ("b-l475e-iot01a", ["mps2-an386"], "'b-l475e-iot01a' is not in this QEMU"),
        ("mps2-an500", ALL, "it runs cortex-m7f, the chip has a cortex-m4f"),
    ],
)
def test_refusals_name_what_there_is(machine: str, available: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        choose_platform(load("stm32l4"), machine=machine, available=available)
    assert "mps2-an386" in caught.value.hint


@pytest.mark.parametrize("name", names())
def test_every_profile_runs_on_the_machines_of_debian_12(name: str) -> None:
    """QEMU 7.2 has the MPS2 boards only."""
    platform = choose_platform(load(name), available=[m for m in ALL if m.startswith("mps2")])
    assert platform.port == "mps2"
    assert platform.ram.size == load(name).main_ram.size_bytes


def test_no_machine_at_all() -> None:
    with pytest.raises(UsageError, match="names b-l475e-iot01a, mps2-an386") as caught:
        choose_platform(load("stm32l4"), available=["mps2-an385"])
    assert "no machine for cortex-m4f" in caught.value.hint


def test_this_qemu(qemu: Path) -> None:
    emulator = probe(qemu)
    assert emulator.version.startswith("QEMU emulator version ")
    assert {"mps2-an385", "mps2-an386", "mps2-an500", "mps2-an505"} <= set(
        usable_machines(emulator)
    )
    modern = "stm32l4x5-usart" in emulator.devices
    assert ("b-l475e-iot01a" in usable_machines(emulator)) == modern


def test_a_machine_without_its_uart_is_of_no_use(qemu: Path) -> None:
    emulator = probe(qemu)
    old = type(emulator)(emulator.path, "9.0", ("b-l475e-iot01a", "mps2-an386"), ())
    assert usable_machines(old) == ["mps2-an386"]


def scripted(folder: Path, qemu: Path, name: str = "qemu-system-arm") -> Path:
    """A QEMU that counts how often it is started."""
    script = folder / name
    script.write_text(f'#!/bin/sh\necho x >>"{folder}/starts"\nexec "{qemu}" "$@"\n')
    script.chmod(0o755)
    return script


def test_an_unchanged_qemu_is_asked_once(qemu: Path, tmp_path: Path) -> None:
    script = scripted(tmp_path, qemu)
    first = probe(script)
    assert probe(script) == first
    starts = tmp_path / "starts"
    assert starts.read_text() == "x\n"
    os.utime(script, (1, 1))
    assert probe(script) == first
    assert starts.read_text() == "x\nx\n"


def test_a_damaged_or_unwritable_cache_only_costs_time(
    qemu: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    monkeypatch.setenv("HIL_CACHE_DIR", str(cache))
    first = probe(qemu)
    (remembered,) = (cache / "emulators").iterdir()
    remembered.write_text("{")
    assert probe(qemu) == first
    shutil.rmtree(cache)
    cache.write_text("a file where the folder should be")
    assert probe(qemu) == first


def test_something_else_by_that_name(tmp_path: Path) -> None:
    liar = tmp_path / "qemu-system-arm"
    liar.write_text("#!/bin/sh\necho no such option >&2\nexit 1\n")
    liar.chmod(0o755)
    with pytest.raises(
        MissingTool, match=r"does not answer as QEMU does .no such option"
    ) as caught:
        probe(liar)
    assert "apt-get install qemu-system-arm" in caught.value.hint


def test_no_qemu_on_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HIL_EMULATOR", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingTool, match="is not on the PATH") as caught:
        find_qemu()
    assert caught.value.exit_code == 4
    assert "apt-get install qemu-system-arm" in caught.value.hint


def test_hil_qemu_is_taken_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "my-qemu"
    fake.write_text("#!/bin/sh\n")
    monkeypatch.setenv("HIL_EMULATOR", str(fake))
    with pytest.raises(MissingTool, match="not an executable file"):
        find_qemu()
    fake.chmod(0o755)
    assert find_qemu() == fake


def test_answers_do_not_depend_on_how_fast_they_are_read(tmp_path: Path) -> None:
    """QEMU answers more than a pipe holds, and quits without waiting for its reader."""
    qemu = find_qemu()
    wrapper = tmp_path / "qemu"
    wrapper.write_text(f'#!/bin/sh\n[ -p /dev/stdout ] && exit 1\nexec "{qemu}" "$@"\n')
    wrapper.chmod(0o755)
    assert probe(wrapper).devices == probe(qemu).devices
