/* What the profiler plugin must know of a Thumb instruction. Runs on the host.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 *
 * Encodings: Armv7-M Architecture Reference Manual, A5.1 to A5.3.
 */
#include <stdbool.h>
#include <stdint.h>

/* Whether an instruction begins with this half-word and has another. */
static inline bool is_wide(uint16_t first)
{
    return first >> 11 >= 0x1D;
}

/* Whether an instruction that begins so may read memory. */
static inline bool may_load(uint16_t first)
{
    uint16_t top5 = first >> 11;

    if (is_wide(first)) {
        if (top5 == 0x1F && !(first & 0x0400)) /* 1111 10: single loads and stores, arithmetic */
            return !(first & 0x0200) && (first & 0x0010);
        if (top5 == 0x1D && !(first & 0x0400)) /* 1110 10: multiple, dual, tables, arithmetic */
            return !(first & 0x0200);
        return top5 != 0x1E && (first & 0xFE00) != 0xEE00; /* neither immediate nor FP arithmetic */
    }
    return top5 == 0x09 || top5 == 0x0D || top5 == 0x0F || top5 == 0x11 || top5 == 0x13 ||
           top5 == 0x19 || (first >> 12 == 5 && (first >> 9 & 7) >= 3) || first >> 9 == 0x5E;
}

static inline bool narrow_may_leave(uint16_t first)
{
    if ((first & 0xFC00) == 0x4400) /* with high registers: BX, BLX; ADD and MOV of the PC */
        return (first & 0x0300) == 0x0300 ||
               ((first & 0x0087) == 0x0087 && (first & 0x0300) != 0x0100);
    if ((first & 0xF500) == 0xB100) /* CBZ, CBNZ */
        return true;
    if ((first & 0xFF00) == 0xBF00) /* IT and NOP stay; WFI and the like end a block of QEMU's */
        return !(first & 0x000F) && (first & 0x00F0);
    return (first & 0xFFE0) == 0xB660 ||                               /* CPS */
           (first & 0xFF00) == 0xBD00 || (first & 0xFF00) == 0xBE00 || /* POP PC; BKPT */
           (first & 0xF000) == 0xD000 || (first & 0xF800) == 0xE000;   /* B, SVC */
}

/* Whether control may go elsewhere than to the next instruction. True also where that is not clear;
 * what is false here never ends a block but for reasons of the emulator. */
static inline bool may_leave(uint16_t first, uint16_t second)
{
    if (!is_wide(first))
        return narrow_may_leave(first);
    if ((first & 0xF800) == 0xF000) /* branches, barriers and system registers; else arithmetic */
        return second & 0x8000;
    if ((first & 0xFE10) == 0xF810) /* loads of one register; of the PC (or a preload) */
        return second >> 12 == 15;
    if ((first & 0xFE50) == 0xE810) /* LDM */
        return second & 0x8000;
    return (first & 0xFFF0) == 0xE8D0; /* TBB, TBH, exclusive loads */
}
