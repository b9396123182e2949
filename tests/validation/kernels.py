"""Micro-kernels: a loop around a few instructions that show one rule of the Cortex-M4 each.

A kernel's region is passed twice with different numbers of rounds, so that whatever stands around
the loop cancels: the difference is rounds times the cycles of one round.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.assembled import link

ROUNDS = (40, 140)
LOOP = 3.0
"""Cycles of ``subs; bne`` around every body: 1, and 1 + 1 for the branch taken."""


@dataclass(frozen=True)
class Kernel:
    """``body`` takes ``cycles`` more in every round than the loop around it.

    ``before`` stands between the loop's alignment and its label. r0 to r3, r5 and r6 are free, r4
    points to RAM that holds its own address.
    """

    rule: str
    body: str
    cycles: float
    before: str = ""


KERNELS = (
    Kernel("data processing", "add.w r0, r1, r2; nop", 2),
    Kernel("loads in a row pipeline", "ldr r0, [r4]; ldr r1, [r4]; ldrb r2, [r4, #1]; nop", 5),
    Kernel("nothing pipelines after a store", "str r4, [r4]; ldr r1, [r4]", 3),
    Kernel("a store after a load", "ldr r1, [r4, #4]; str r1, [r4, #8]", 3),
    Kernel("a literal contends with fetching", "ldr r0, =0x12345678", 2.5),
    Kernel("address from the ALU result before", "adds r5, r4, #0; ldr r0, [r5]", 4),
    Kernel("address from the load before", "ldr r5, [r4]; ldr r0, [r5]", 5),
    Kernel("store with register offset", "movs r6, #4; nop; str.w r0, [r4, r6]", 4),
    Kernel("load multiple", "ldm.w r4, {r0-r3}", 5),
    Kernel("load double", "ldrd r0, r1, [r4]", 3),
    Kernel("push and pop", "push {r0-r2}; pop {r0-r2}", 8),
    Kernel("multiply-accumulate", "mla r0, r1, r2, r0; smlal r0, r1, r2, r3", 2),
    Kernel("division", "udiv r0, r4, r1", 7),
    Kernel("branch not taken", "cmp r4, r4; bne.n 1b", 1 + 1.8),
    Kernel("branch taken", "cmp r4, r4; beq.n 2f; nop; nop; 2:", 3),
    Kernel("call and return", "bl leaf", 2 + 3),
    Kernel("return through the stack", "bl deep", 2 + 3 + 6),
    Kernel("IT block", "cmp r4, r4; it eq; moveq r0, r1; nop", 3.3),
    Kernel("a row of unaligned 32-bit instructions", "nop" + "; add.w r0, r1, r2" * 3, 5),
    Kernel("unaligned 32-bit branch target", "add.w r0, r1, r2", 2, before="nop"),
    Kernel("FP multiply-accumulate", "vfma.f32 s0, s1, s2", 3),
    Kernel("FP result used at once", "vadd.f32 s0, s1, s2; vmul.f32 s3, s0, s4", 3),
)

_PROGRAM = """
    .syntax unified
    .thumb
    .fpu fpv4-sp-d16
    .section .vectors, "a"
    .word 0x20010000
    .word reset + 1
    .text
    .macro function name
    .balign 4
    .thumb_func
    .global \\name
    .type \\name, %function
\\name:
    .endm
    function kernel_begin
    bx lr
    function kernel_end
    bx lr
    function leaf
    bx lr
    function deep
    push {r4, lr}
    pop {r4, pc}
    function run
    push {r4, lr}
    bl kernel_begin
    .balign 4
    BEFORE
1:
    BODY
    subs r7, #1
    bne 1b
    bl kernel_end
    pop {r4, pc}
    .pool
    function reset
    ldr r0, =0xE000ED88
    ldr r1, [r0]
    orr r1, r1, #0xF00000
    str r1, [r0]
    dsb
    isb
    ldr r4, =0x20000100
    str r4, [r4]
    movs r1, #3
    movs r7, #FIRST
    bl run
    movs r7, #SECOND
    bl run
    movs r0, #0x18
    ldr r1, =0x20026
    bkpt 0xab
    b .
    .pool
"""


def build(folder: Path, kernel: Kernel) -> Path:
    """Link the kernel for QEMU's MPS2 machines (code at 0)."""
    source = _PROGRAM.replace("BEFORE", kernel.before).replace("BODY", kernel.body)
    return link(folder / "kernel.elf", source, FIRST=ROUNDS[0], SECOND=ROUNDS[1])
