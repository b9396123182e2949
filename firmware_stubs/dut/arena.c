/* The arena's high-water mark: it is painted before anything runs.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"
#include "hil_model.h"

/* The arena's paint differs from byte to byte, so that a tensor of one value never hides in it. */
static uint8_t arena_paint(uint32_t offset)
{
    return (uint8_t)(0xA7u + 0x35u * offset);
}

void hil_paint_arena(void)
{
    for (uint32_t i = 0; i < hil_arena_bytes; i++) {
        hil_arena[i] = arena_paint(i);
    }
}

uint32_t hil_arena_used(void)
{
    uint32_t used = hil_arena_bytes;

    while (used > 0 && hil_arena[used - 1u] == arena_paint(used - 1u)) {
        used--;
    }
    return used;
}
