"""Builds the programs of this folder with the real cross compiler."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.support.tools import tool

PROGRAMS = Path(__file__).with_name("programs")
ROUNDS = 1000


@dataclass(frozen=True)
class Board:
    """A machine of QEMU's: where its programs are linked to, and for which core."""

    machine: str
    cpu: tuple[str, ...]
    flash: int = 0
    ram: int = 0x2000_0000


_SOFT = "-mfloat-abi=soft"
M0 = Board("microbit", ("-mcpu=cortex-m0plus", _SOFT))
M3 = Board("mps2-an385", ("-mcpu=cortex-m3", _SOFT))
M4 = Board("mps2-an386", ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"))
STM32L4 = Board("b-l475e-iot01a", M4.cpu, flash=0x0800_0000)
M7 = Board("mps2-an500", ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"))
M33 = Board(
    "mps2-an505",
    ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    flash=0x1000_0000,
    ram=0x3800_0000,
)
M55 = Board("mps3-an547", ("-mcpu=cortex-m55", "-mfloat-abi=hard"))


def build(
    folder: Path,
    board: Board = M4,
    *macros: str,
    passes: int = 1,
    exit_code: int = 0,
    flags: tuple[str, ...] = (),
) -> Path:
    """Compile and link ``work.c``; ``macros`` choose what it does wrong."""
    elf = folder / f"{'-'.join(['work', board.machine, *macros]).lower()}.elf"
    values = (*macros, f"ROUNDS={ROUNDS}", f"PASSES={passes}", f"EXIT_CODE={exit_code}")
    subprocess.run(
        [
            tool("arm-none-eabi-gcc"),
            *("-O2", "-g", "-mthumb", *board.cpu, "-ffreestanding", "-nostdlib", "-Wall"),
            *("-Wno-unused-parameter", "-fno-tree-loop-distribute-patterns"),
            *(f"-D{value}" for value in values),
            *(f"-Wl,--defsym,FLASH={board.flash:#x},--defsym,RAM={board.ram:#x}",),
            *("-Wl,--no-warn-rwx-segments", "-Wl,-ereset", "-T", str(PROGRAMS / "program.ld")),
            *flags,
            *("-o", str(elf), str(PROGRAMS / "start.c"), str(PROGRAMS / "work.c"), "-lgcc"),
        ],
        check=True,
    )
    return elf
