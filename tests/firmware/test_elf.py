"""Sizes by owner, symbols and code of real firmwares."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hil.errors import BuildFailed
from hil.firmware import elf

from tests.firmware import dut
from tests.firmware.conftest import Build

SLED_SLOTS = 512
BX_LR = bytes.fromhex("7047")


@pytest.mark.parametrize("name", dut.PLATFORMS)
def test_owners_add_up_to_what_size_says(name: str, make: Build) -> None:
    firmware = make(dut.SCALE, dut.PLATFORMS[name], heap_bytes=512)
    report = subprocess.run(
        ["arm-none-eabi-size", firmware.elf], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1]
    text, data, bss = (int(column) for column in report.split()[:3])
    assert sum(firmware.flash_by_owner.values()) == text + data
    assert sum(firmware.ram_by_owner.values()) == data + bss
    assert firmware.flash_by_owner["weights"] == 64
    assert firmware.flash_by_owner["tables"] == 16
    assert firmware.ram_by_owner["arena"] == 1024
    assert firmware.ram_by_owner["stack_reserved"] == 4096
    assert firmware.ram_by_owner["heap_reserved"] == 512


def test_mathematics_belongs_to_the_engine_and_the_rest_to_the_runtime(make: Build) -> None:
    firmware = make(dut.SCALE, dut.M4F)
    owners = {symbol.name: symbol.section for symbol in elf.symbols(firmware.elf)}
    assert owners["hil_model_invoke"] == owners["expf"] == ".hil_engine"
    assert owners["main"] == owners["hil_op_begin"] == owners["memset"] == ".text"


def test_the_sled_has_a_slot_of_two_bytes_for_every_mark(make: Build) -> None:
    path = make(dut.SCALE, dut.M4F).elf
    sled = elf.symbol_address(path, "hil_mark_sled")
    assert elf.symbol_address(path, "hil_mark_slots") == SLED_SLOTS
    base, code = next((a, c) for a, c in elf.code_bytes(path) if a <= sled < a + len(c))
    assert code[sled - base :][: 2 * SLED_SLOTS] == BX_LR * SLED_SLOTS
    windows = {elf.symbol_address(path, f"hil_infer_window_{end}") for end in ("begin", "end")}
    assert len(windows) == 2


def test_symbols_agree_with_nm(make: Build) -> None:
    path = make(dut.SCALE, dut.M4F).elf
    listed = subprocess.run(
        ["arm-none-eabi-nm", "--defined-only", "-S", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    rows = [line.split() for line in listed.splitlines()]
    sized = {row[3]: (int(row[0], 16), int(row[1], 16)) for row in rows if len(row) == 4}
    found = elf.symbols(path)
    assert [s.address for s in found] == sorted({s.address for s in found})
    for name in ("main", "hil_model_invoke", "hil_command", "hil_mark_sled", "expf"):
        (symbol,) = (s for s in found if s.name == name)
        assert (symbol.address, symbol.size) == sized[name]


def test_addresses_are_told_as_functions(make: Build) -> None:
    path = make(dut.SCALE, dut.M4F).elf
    start = elf.symbol_address(path, "hil_model_invoke")
    assert elf.symbolize(path, start) == "hil_model_invoke+0x0"
    assert elf.symbolize(path, start + 7) == "hil_model_invoke+0x6"  # Thumb bit
    assert elf.symbolize(path, 0xDEADBEEF) == "0xdeadbeef"
    assert elf.symbolize(path, dut.M4F.ram.origin + 100) == "0x20000064"


def test_what_is_no_firmware_is_refused(tmp_path: Path, make: Build) -> None:
    text = tmp_path / "text.elf"
    text.write_text("not an ELF")
    with pytest.raises(BuildFailed, match="not a usable ELF"):
        elf.sizes_by_owner(text)
    with pytest.raises(BuildFailed, match="no symbol 'nobody'"):
        elf.symbol_address(make(dut.SCALE, dut.M4F).elf, "nobody")
