"""`hil board scan`: what serial ports are, and the entries and commands that are proposed."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hil import boards, devices
from hil.boards import Board
from hil.targets.board import scan
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo

from tests.support.hil import hil

Attach = Callable[..., None]


def usb_port(device: str, vid: int, pid: int, serial: str | None, product: str) -> ListPortInfo:
    """A port as pyserial describes it."""
    port = ListPortInfo(device)
    port.vid, port.pid, port.serial_number, port.product = vid, pid, serial, product
    port.manufacturer = "ACME"
    return port


ST = usb_port("/dev/ttyACM0", 0x0483, 0x374B, "066AFF", "STM32 STLink")
SEGGER = usb_port("/dev/ttyACM1", 0x1366, 0x1015, "000683123456", "J-Link")
BRIDGE = usb_port("/dev/ttyUSB0", 0x10C4, 0xEA60, None, "CP2102")
METER = usb_port("/dev/ttyACM2", 0x1915, 0xC00A, "C0FFEE", "PPK2")
DAP = usb_port("/dev/ttyACM3", 0x2E8A, 0x000C, "E660", "Debugprobe on Pico (CMSIS-DAP)")
PLAIN = ListPortInfo("/dev/ttyS0")


@pytest.fixture
def attach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attach:
    """Let the system list these ports; boards.toml is the test's own, and there is no labgrid."""
    monkeypatch.setenv("HIL_BOARDS", str(tmp_path / "boards.toml"))
    monkeypatch.setenv("PATH", str(tmp_path))

    def listed(*ports: ListPortInfo) -> None:
        monkeypatch.setattr(list_ports, "comports", lambda: list(ports))

    return listed


def found(*options: str) -> dict[str, dict[str, Any]]:
    data = hil("board", "scan", "--json", *options).envelope["data"]
    return {one["where"]: one for one in [*data["ports"], *data["places"]]}


def test_what_each_port_is(attach: Attach) -> None:
    attach(ST, SEGGER, BRIDGE, METER, DAP, PLAIN)
    ports = found()
    kinds = {where: port["kind"] for where, port in ports.items()}
    assert kinds == {
        "/dev/ttyACM0": "ST-LINK/V2-1",
        "/dev/ttyACM1": "J-Link",
        "/dev/ttyACM2": "Nordic PPK2",
        "/dev/ttyACM3": "CMSIS-DAP",
        "/dev/ttyUSB0": "Silicon Labs CP210x",
        "/dev/ttyS0": "unknown",
    }
    assert ports["/dev/ttyACM2"]["board"] is None
    assert "--meter ppk2" in ports["/dev/ttyACM2"]["note"]
    assert ports["/dev/ttyS0"]["board"] is None
    assert ports["/dev/ttyACM1"]["board"]["flasher"]["probe"] == "683123456"
    assert ports["/dev/ttyACM3"]["board"]["flasher"]["name"] == "pyocd"
    assert ports["/dev/ttyUSB0"]["board"]["flasher"]["name"] is None


def test_profiles_are_of_the_vendor_beside_the_probe(attach: Attach) -> None:
    attach(ST, SEGGER, BRIDGE)
    ports = found()
    vendors = {name: devices.load(name).chip.vendor for name in devices.names()}
    assert {vendors[name] for name in ports["/dev/ttyACM0"]["profiles"]} == {"STMicroelectronics"}
    assert "nrf52840" in ports["/dev/ttyACM1"]["profiles"]
    assert set(ports["/dev/ttyUSB0"]["profiles"]) == set(vendors)
    chosen = found("--profile", "nucleo-l452re")
    assert {port["board"]["profile"] for port in chosen.values()} == {"nucleo-l452re"}
    names = [port["board"]["name"] for port in chosen.values()]
    assert names == ["nucleo-l452re", "nucleo-l452re-2", "nucleo-l452re-3"]


def test_the_output_can_be_appended_and_the_commands_do_the_same(
    attach: Attach, tmp_path: Path
) -> None:
    attach(ST, SEGGER, BRIDGE, METER, PLAIN)
    text = hil("board", "scan").stdout
    assert set(tomllib.loads(text)["boards"]) == {
        port["board"]["name"] for port in found().values() if port["board"]
    }
    commands = [line[2:] for line in text.splitlines() if line.startswith("# hil board add")]
    for command in commands:
        assert hil(*shlex.split(command)[1:]).code == 0
    by_commands = boards.load_all()
    (tmp_path / "boards.toml").write_text(text)
    assert boards.load_all() == by_commands
    assert len(by_commands) == 3


def test_what_is_in_the_file_already_is_not_proposed(attach: Attach) -> None:
    attach(ST, SEGGER, BRIDGE)
    boards.save(Board(name="mine", profile="nrf52840", usb=boards.parse_usb("1366:1015")))
    boards.save(Board(name="bridge", profile="nrf52840", port="/dev/ttyUSB0"))
    boards.save(Board(name="other", profile="stm32l4", usb=boards.parse_usb("0483:374b:FFF")))
    ports = found()
    assert ports["/dev/ttyACM1"]["configured"] == "mine"
    assert ports["/dev/ttyUSB0"]["configured"] == "bridge"
    assert ports["/dev/ttyACM0"]["configured"] == ""
    assert "# in boards.toml already: mine" in hil("board", "scan").stdout


def test_a_device_with_two_ports_is_named_by_a_lasting_path(
    attach: Attach, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = tmp_path / "ttyACM0", tmp_path / "ttyACM1"
    by_id = tmp_path / "by-id"
    by_id.mkdir()
    for tty, interface in ((first, "if00"), (second, "if02")):
        tty.touch()
        (by_id / f"usb-STLINK-V3-{interface}").symlink_to(tty)
    monkeypatch.setattr(scan, "_BY_ID", by_id)
    attach(*(usb_port(str(tty), 0x0483, 0x374F, "003A", "STLINK-V3") for tty in (first, second)))
    ports = [port["board"]["port"] for port in found().values()]
    assert ports == [str(by_id / "usb-STLINK-V3-if00"), str(by_id / "usb-STLINK-V3-if02")]


def test_nothing_is_attached(attach: Attach) -> None:
    attach()
    assert "no serial ports" in hil("board", "scan").stdout
    assert found() == {}
    hil("board", "scan", "--profile", "nonsense").refuses(2, "there is no profile 'nonsense'")
