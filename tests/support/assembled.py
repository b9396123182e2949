"""Small programs assembled by the real assembler, for tests of timing rules and profiles."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.support.tools import tool

HEAD = ".syntax unified\n.thumb\n.fpu fpv4-sp-d16\n.text\n"


def assemble(folder: Path, source: str, cpu: str = "cortex-m4") -> bytes:
    """Machine code of ``source``, as it stands at address 0."""
    elf, binary = folder / "snippet.o", folder / "snippet.bin"
    subprocess.run(
        [tool("arm-none-eabi-as"), f"-mcpu={cpu}", "-o", str(elf), "-"],
        input=HEAD + source + "\n",
        text=True,
        check=True,
    )
    copy = [tool("arm-none-eabi-objcopy"), "-O", "binary", "-j", ".text", str(elf), str(binary)]
    subprocess.run(copy, check=True)
    return binary.read_bytes()


def link(elf: Path, source: str, **symbols: int) -> Path:
    """Link a program for QEMU's MPS2 machines (code at 0); ``symbols`` are constants of it."""
    subprocess.run(
        [
            tool("arm-none-eabi-gcc"),
            *("-nostdlib", "-Wl,-Ttext=0x100", "-Wl,--section-start=.vectors=0", "-Wl,-ereset"),
            *("-Wl,--no-warn-rwx-segments", "-x", "assembler", "-mcpu=cortex-m4", "-mthumb"),
            *("-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"),
            *(f"-Wa,--defsym,{name}={value}" for name, value in symbols.items()),
            *("-o", str(elf), "-"),
        ],
        input=source,
        text=True,
        check=True,
    )
    return elf


COUNTED = """
    .cpu cortex-m4
    .section .vectors, "a"
    .word 0x20010000
    .word reset + 1
    .text
    .macro function name
    .thumb_func
    .global \\name
    .type \\name, %function
\\name:
    .endm
    function hil_infer_window_begin
    bx lr
    function hil_infer_window_end
    bx lr
    function hil_mark_sled
    .rept 8
    bx lr
    .endr
    .global hil_mark_slots
    .equ hil_mark_slots, 8
    function mark
    push {lr}
    ldr r1, =hil_mark_sled + 1
    add r1, r1, r0, lsl #1
    blx r1
    pop {pc}
    .pool
    function reset
    movs r7, #WINDOWS
window:
    bl hil_infer_window_begin
    movs r0, #0
    bl mark
    ldr r2, =FIRST
    .balign 4
loop0:
    subs r2, #1
    bne loop0
    movs r0, #7
    bl mark
    movs r0, #1
    bl mark
    ldr r2, =SECOND
    .balign 4
loop1:
    subs r2, #1
    tst r2, #1
    beq even
    nop
even:
    cmp r2, #0
    bne loop1
    movs r0, #7
    bl mark
    bl hil_infer_window_end
    subs r7, #1
    bne window
    movs r0, #0x18
    ldr r1, =0x20026
    bkpt 0xab
    b .
    .pool
"""
"""Opens WINDOWS windows with two ops: FIRST rounds of a loop of 2 instructions, then SECOND rounds
of one whose branch skips a nop every other time. Ends through semihosting."""


def counted_program(folder: Path, first: int, second: int, windows: int = 2) -> Path:
    """Link ``COUNTED`` for QEMU's MPS2 machines (code at 0)."""
    source = ".syntax unified\n.thumb\n" + COUNTED
    return link(folder / "counted.elf", source, FIRST=first, SECOND=second, WINDOWS=windows)


def run_in_qemu(qemu: str, elf: Path, plugin: str) -> None:
    subprocess.run(
        [
            qemu,
            *("-M", "mps2-an386", "-nographic", "-kernel", str(elf), "-plugin", plugin),
            *("-semihosting-config", "enable=on,target=native"),
        ],
        stdin=subprocess.DEVNULL,
        check=True,
        timeout=60,
    )
