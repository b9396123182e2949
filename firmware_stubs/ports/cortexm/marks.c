/* Marks around ops and inferences: seen by an emulator as addresses that execution passes, and on
 * silicon as readings of the cycle counter.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_dut.h"
#include "hil_model.h"
#include "hil_port.h"

#define SLOTS 512
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)

/* Assembly, so that every slot is 2 bytes and the two windows are never folded into one function. */
/* clang-format off */
__asm__(".syntax unified\n"
        ".section .text.hil_mark_sled, \"ax\", %progbits\n"
        ".thumb\n"
        ".balign 4\n"
        ".global hil_mark_sled\n"
        ".type hil_mark_sled, %function\n"
        "hil_mark_sled:\n"
        ".rept " TEXT(SLOTS) "\n"
        "    bx lr\n"
        ".endr\n"
        ".size hil_mark_sled, . - hil_mark_sled\n"
        ".global hil_mark_slots\n"
        ".equ hil_mark_slots, " TEXT(SLOTS) "\n"
        ".section .text.hil_infer_window, \"ax\", %progbits\n"
        ".thumb\n"
        ".balign 4\n"
        ".global hil_infer_window_begin\n"
        ".type hil_infer_window_begin, %function\n"
        "hil_infer_window_begin:\n"
        "    bx lr\n"
        ".size hil_infer_window_begin, . - hil_infer_window_begin\n"
        ".balign 4\n"
        ".global hil_infer_window_end\n"
        ".type hil_infer_window_end, %function\n"
        "hil_infer_window_end:\n"
        "    bx lr\n"
        ".size hil_infer_window_end, . - hil_infer_window_end\n"
        ".text\n");
/* clang-format on */

extern const uint8_t hil_mark_sled[];

/* One word per op and one for the whole inference, reserved by the linker script for as many ops
 * as the model has. The count is the symbol's address. */
extern uint32_t hil_mark_cycles[];
extern uint8_t hil_mark_records[];

static inline uint32_t records(void)
{
    return (uint32_t)(uintptr_t)hil_mark_records;
}

static inline void pass_slot(uint32_t slot)
{
    void (*const at)(void) = (void (*)(void))((uintptr_t)hil_mark_sled + 2u * slot + 1u);

    at();
}

void hil_op_begin(uint32_t index)
{
    if (index < records()) {
        hil_mark_cycles[index + 1u] -= hil_port_cycles();
    }
    pass_slot(index < SLOTS - 1 ? index : SLOTS - 1);
}

void hil_op_end(uint32_t index)
{
    const uint32_t now = hil_port_cycles();

    pass_slot(SLOTS - 1);
    if (index < records()) {
        hil_mark_cycles[index + 1u] += now;
    }
}

void hil_marks_clear(void)
{
    memset(hil_mark_cycles, 0, 4u * (records() + 1u));
}

void hil_marks_set_total(uint32_t cycles)
{
    hil_mark_cycles[0] = cycles;
}

uint32_t hil_marks_total(void)
{
    return hil_mark_cycles[0];
}

uint32_t hil_marks_cycles(uint32_t index)
{
    return index < records() ? hil_mark_cycles[index + 1u] : 0u;
}
