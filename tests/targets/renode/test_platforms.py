"""Choice of the platform, and what there is of Renode on this machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from hil.devices import load, names
from hil.errors import UsageError
from hil.records import MemoryRegion
from hil.targets.qemu import machines
from hil.targets.renode.executable import RELEASE, findings
from hil.targets.renode.platforms import MACHINES, choose_platform, description, roomiest
from hil.targets.renode.target import RenodeTarget

from tests.conftest import REPOSITORY
from tests.targets.conftest import changed
from tests.targets.renode.conftest import StandIn


def test_a_chip_with_a_platform_of_its_own_runs_there() -> None:
    platform = choose_platform(load("stm32l4"))
    assert (platform.target, platform.machine, platform.exact) == ("renode", "stm32l4", True)
    assert (platform.port, platform.note) == ("stm32l4", "")
    assert platform.flash == MemoryRegion(0x0800_0000, 1 << 20)
    assert platform.ram == MemoryRegion(0x2000_0000, 96 * 1024)
    assert platform.defines == {"HIL_CLOCK_HZ": "80000000", "HIL_FLASH_WAIT_STATES": "4"}


def test_a_board_with_the_clock_of_its_profile() -> None:
    platform = choose_platform(load("nucleo-l4r5zi@48MHz"))
    assert (platform.machine, platform.exact) == ("nucleo-l4r5zi", True)
    assert platform.defines["HIL_BOARD_NUCLEO_L4R5ZI"] == "1"
    assert platform.defines["HIL_CLOCK_HZ"] == "48000000"


def test_the_nightly_study_compares_the_same_firmware() -> None:
    """Another port's ELF would not be comparable with QEMU's."""
    study = tomllib.loads((REPOSITORY / "reports" / "nightly" / "study.toml").read_text())
    for name in study["profiles"]:
        emulated = machines.choose_platform(load(name), available=list(machines.MACHINES))
        assert choose_platform(load(name)).port == emulated.port


@pytest.mark.parametrize("name", names())
def test_every_profile_has_a_platform_and_a_description(name: str) -> None:
    profile = load(name)
    platform = choose_platform(profile)
    assert platform.exact or platform.port == "mps2"
    assert platform.ram.size == profile.main_ram.size_bytes
    assert platform.exact == (profile.chip.part in MACHINES[platform.machine].chips)


def with_parts(file: Path) -> str:
    """A description with the files that it uses."""
    text = file.read_text(encoding="utf-8")
    parts = re.findall(r'^using "\./(.*)"$', text, re.MULTILINE)
    return text + "".join((file.parent / part).read_text(encoding="utf-8") for part in parts)


def described_here() -> list[str]:
    """Machines whose description does not begin with one of Renode's: those are in Renode's files,
    test_descriptions.py tries them."""
    return [name for name in MACHINES if 'using "platforms/' not in with_parts(description(name))]


@pytest.mark.parametrize("name", described_here())
def test_descriptions_have_the_memories_and_the_names_that_the_target_uses(name: str) -> None:
    text = with_parts(description(name))
    machine = MACHINES[name]
    for region in (machine.flash, machine.ram):
        place = re.compile(
            rf"^\w+: Memory\.MappedMemory @ sysbus 0x{region.origin:08X}\n"
            rf"    size: 0x{region.size:X}$",
            re.MULTILINE,
        )
        assert place.search(text), region
    assert re.search(r"^cpu: CPU\.CortexM @ sysbus$", text, re.MULTILINE)
    assert re.search(r"^uart: UART\.", text, re.MULTILINE)


def test_a_stand_in_says_so() -> None:
    platform = choose_platform(load("stm32l4"), "mps2-an386")
    assert (platform.exact, platform.port) == (False, "mps2")
    assert platform.flash == MemoryRegion(0, 1 << 20)
    assert platform.note.startswith("mps2-an386 stands in for STM32L475VG")


def test_the_users_own_profile_names_its_platform() -> None:
    own = load("stm32l4").model_copy(update={"emulation": {"renode": ("mps2-an386",)}})
    assert choose_platform(own).machine == "mps2-an386"


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        ("b-l475e-iot01a", "machine 'b-l475e-iot01a' is unknown"),
        ("mps2-an500", "it runs cortex-m7f, the chip has a cortex-m4f"),
        ("nucleo-l452re", "it has 524288 bytes of flash, the chip 1048576"),
    ],
)
def test_refusals_name_what_there_is(machine: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        choose_platform(load("stm32l4"), machine)
    assert "mps2-an386, stm32l4, nucleo-l4r5zi" in caught.value.hint


def test_no_platform_at_all() -> None:
    none = changed(load("stm32l4"), chip={"core": "cortex-m55"})
    with pytest.raises(UsageError, match="can be emulated here") as caught:
        choose_platform(none)
    assert "no machine for cortex-m55" in caught.value.hint


def test_the_most_memory_of_a_core() -> None:
    most = roomiest(choose_platform(load("stm32l4")))
    assert (most.machine, most.ram.size, most.port) == ("mps2-an386", 4 << 20, "mps2")
    assert roomiest(most) is most


def test_a_platform_needs_a_renode(monkeypatch: pytest.MonkeyPatch, stand_in: StandIn) -> None:
    stand_in()
    assert RenodeTarget().platform(load("stm32l4")).machine == "stm32l4"
    monkeypatch.setenv("HIL_RENODE", "/nowhere/renode")
    with pytest.raises(Exception, match="HIL_RENODE names '/nowhere/renode'"):
        RenodeTarget().platform(load("stm32l4"))


# hil doctor


def test_the_tested_release(stand_in: StandIn) -> None:
    launcher = stand_in()
    (found,) = findings()
    assert (found.name, found.state, found.install) == ("Renode", "ok", "")
    assert found.version.startswith(RELEASE)
    assert found.detail == str(launcher)


def test_another_release(stand_in: StandIn) -> None:
    stand_in(version="Renode v1.15.0.1234\n")
    (found,) = findings()
    assert (found.state, found.version) == ("warn", "1.15.0.1234")
    assert f"{RELEASE} is the release" in found.detail


def test_without_renode_nothing_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("HIL_RENODE", raising=False)
    (found,) = findings()
    assert found.state == "warn"
    assert "only for `--target renode`" in found.detail
    assert f"download/v{RELEASE}/renode-{RELEASE}.linux" in found.install
