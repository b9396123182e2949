"""Each platform description in a real Renode: memories, clock registers and the UART.

A small program uses what a port would: it waits for the clock, tries the ends of all memories, and
answers each byte with the next one.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hil.devices import load, names
from hil.resources import data_dir
from hil.targets.renode.process import RenodeProcess
from hil.targets.renode.script import path

from tests.support.processes import WAIT_S
from tests.support.tools import tool

FOLDER = data_dir("firmware_stubs") / "emulation" / "renode"
MIB = 1024 * 1024
MAGIC = 0x600D600D
Span = tuple[int, int]  # origin and size in bytes


@dataclass(frozen=True)
class Uart:
    """Registers by offset; ``start`` and ``taken`` are written, ``ready``: mask and value."""

    start: Sequence[tuple[int, int]]
    ready: tuple[int, int, int]
    received: int
    send: int
    taken: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True)
class Chip:
    """``waits``: (address, bits to set, address, bits that must be set then)."""

    uart: Uart
    at: int
    waits: Sequence[tuple[int, int, int, int]] = ()


USART = Uart(start=[(0x00, 0xD)], ready=(0x1C, 0x20, 0x20), received=0x24, send=0x28)
USART_F4 = Uart(start=[(0x0C, 0x200C)], ready=(0x00, 0x20, 0x20), received=0x04, send=0x04)
NORDIC = Uart(
    start=[(0x500, 4), (0x000, 1), (0x008, 1)],
    ready=(0x108, 1, 1),
    received=0x518,
    send=0x51C,
    taken=[(0x108, 0)],
)
PL011 = Uart(start=[(0x30, 0x301)], ready=(0x18, 0x10, 0), received=0x00, send=0x00)
CMSDK = Uart(start=[(0x10, 0x20), (0x08, 3)], ready=(0x04, 2, 2), received=0x00, send=0x00)

CR, CFGR = 0x40021000, 0x40021008
L4 = (
    (CR, 1, CR, 1 << 1),
    (CR, 1 << 8, CR, 1 << 10),
    (CR, 1 << 24, CR, 1 << 25),
    (CFGR, 3, CFGR, 12),
)
CR, CFGR = 0x40023800, 0x40023808
F4 = ((CR, 1, CR, 2), (CR, 1 << 16, CR, 1 << 17), (CR, 1 << 24, CR, 1 << 25), (CFGR, 2, CFGR, 8))
CR, CFGR, D3CR = 0x58024400, 0x58024410, 0x58024818
H7 = ((CR, 1 << 24, CR, 1 << 25), (CFGR, 3, CFGR, 3 << 3), (D3CR, 0, D3CR, 1 << 13))
CR, CFGR, VOSR = 0x46020C00, 0x46020C1C, 0x4602080C
U5 = ((CR, 1 << 24, CR, 1 << 25), (CFGR, 3, CFGR, 12), (VOSR, 1 << 18, VOSR, 3 << 14))
NRF = ((0x40000000, 1, 0x40000100, 1),)  # TASKS_HFCLKSTART, EVENTS_HFCLKSTARTED
APOLLO3 = ((0x40021008, 1 << 7, 0x40021018, 1 << 2),)  # DEVPWREN, DEVPWRSTATUS

CHIPS = {
    "stm32l4": Chip(USART, 0x40013800, L4),
    "nucleo-l452re": Chip(USART, 0x40004400, L4),
    "nucleo-l4r5zi": Chip(USART, 0x40008000, L4),
    "stm32f411": Chip(USART_F4, 0x40004400, F4),
    "stm32f746": Chip(USART, 0x40011000, F4),
    "stm32h743": Chip(USART, 0x40004800, H7),
    "stm32u575": Chip(USART, 0x40013800, U5),
    "nrf52840": Chip(NORDIC, 0x40002000, NRF),
    "sparkfun-edge": Chip(PL011, 0x4001C000, APOLLO3),
    "mps2-an385": Chip(CMSDK, 0x40004000),
    "mps2-an386": Chip(CMSDK, 0x40004000),
    "mps2-an500": Chip(CMSDK, 0x40004000),
    "mps2-an505": Chip(CMSDK, 0x50200000),
}

PROGRAM = """
#include <stdint.h>
#define REG(address) (*(volatile uint32_t *)(address))
extern const uint32_t last;
static void put(uint32_t byte) { REG(SEND) = byte; }
void reset(void)
{
    int is_good = 1;
    WAITS
    START
    TRIALS
    is_good &= *(const volatile uint32_t *)&last == MAGIC;
    put(is_good ? '!' : '?');
    for (;;) {
        uint32_t byte;
        while ((REG(READY) & READY_MASK) != READY_VALUE) {}
        byte = REG(RECEIVED);
        TAKEN
        put(byte + 1u);
    }
}
__attribute__((section(".vectors"), used)) static const uintptr_t vectors[] = {
    STACK, (uintptr_t)reset};
__attribute__((section(".last"), used)) const uint32_t last = MAGIC;
"""


def memories(name: str) -> tuple[Span, list[Span]]:
    """The flash and the RAMs, the main one first: the profile's, or those of QEMU's board."""
    if name == "mps2-an505":
        return (0x10000000, 4 * MIB), [(0x38000000, 4 * MIB)]
    if name.startswith("mps2"):
        return (0, 4 * MIB), [(0x20000000, 4 * MIB)]
    profile = load(name)
    rams = sorted(profile.ram, key=lambda ram: not ram.main)
    flash = profile.flash.origin, profile.flash.size_bytes
    return flash, [(ram.origin, ram.size_bytes) for ram in rams]


def writes(base: int, pairs: Sequence[tuple[int, int]]) -> str:
    return " ".join(f"REG({base + offset:#x}) = {value:#x};" for offset, value in pairs)


def firmware(name: str, folder: Path) -> Path:
    """Build the program for a chip."""
    chip = CHIPS[name]
    (flash, flash_size), rams = memories(name)
    ends = [at for origin, size in rams for at in (origin, origin + size - 4)]
    macros = {
        "MAGIC": f"{MAGIC:#x}u",
        "STACK": f"{rams[0][0] + rams[0][1] // 2:#x}u",
        "SEND": f"{chip.at + chip.uart.send:#x}u",
        "RECEIVED": f"{chip.at + chip.uart.received:#x}u",
        "READY": f"{chip.at + chip.uart.ready[0]:#x}u",
        "READY_MASK": f"{chip.uart.ready[1]:#x}u",
        "READY_VALUE": f"{chip.uart.ready[2]:#x}u",
        "START": writes(chip.at, chip.uart.start),
        "TAKEN": writes(chip.at, chip.uart.taken),
        "WAITS": " ".join(
            f"REG({to:#x}) |= {bits:#x}u; while ((REG({at:#x}) & {mask:#x}u) != {mask:#x}u) {{}}"
            for to, bits, at, mask in chip.waits
        ),
        "TRIALS": " ".join(
            f"REG({at:#x}) = {at ^ MAGIC:#x}u; is_good &= REG({at:#x}) == {at ^ MAGIC:#x}u;"
            for at in ends
        ),
    }
    elf = folder / "program.elf"
    subprocess.run(
        [
            tool("arm-none-eabi-gcc"),
            *("-mcpu=cortex-m3", "-mthumb", "-O1", "-nostdlib", "-Wl,-ereset", "-x", "c", "-"),
            *(f"-D{key}={value}" for key, value in macros.items()),
            *(f"-Wl,-Ttext={flash + 0x100:#x}", f"-Wl,--section-start=.vectors={flash:#x}"),
            *(f"-Wl,--section-start=.last={flash + flash_size - 4:#x}", "-o", elf),
        ],
        input=PROGRAM,
        text=True,
        check=True,
    )
    return elf


def test_every_profile_and_every_description_is_tried() -> None:
    described = {file.stem for file in FOLDER.glob("*.repl")}
    families = {name for name in described if name.endswith("-family")}
    assert described - families == set(CHIPS)
    assert set(names()) <= set(CHIPS)


@pytest.mark.parametrize("name", CHIPS)
def test_memories_clock_and_uart_work(renode: Path, tmp_path: Path, name: str) -> None:
    elf = firmware(name, tmp_path)

    def commands(port: int) -> list[str]:
        return [
            'mach create "chip"',
            f"machine LoadPlatformDescription {path(FOLDER / f'{name}.repl')}",
            f"sysbus LoadELF {path(elf)}",
            f'emulation CreateServerSocketTerminal {port} "uart-socket" false',
            "connector Connect sysbus.uart uart-socket",
            "start",
        ]

    with RenodeProcess(
        renode, commands, folder=tmp_path, symbolize=lambda address: None
    ) as process:
        assert process.uart.read(WAIT_S) == b"!"
        for byte in b"hil":
            process.uart.write(bytes([byte]), WAIT_S)
            assert process.uart.read(WAIT_S) == bytes([byte + 1])
