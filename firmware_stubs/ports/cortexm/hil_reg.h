/* Memory-mapped registers, for ports on a Cortex-M.
 *
 * A port defines all of its registers and fields in a file registers.h of its folder, by these
 * macros and by the names of the vendor's header, and lists them with their sources in registers.md
 * beside it (docs/porting.md).
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_REG_H
#define HIL_REG_H

#include <stdbool.h>
#include <stdint.h>

#define REG(address) (*(volatile uint32_t *)(address))

/* A value at the place of a field, which is given by its mask. */
#define FIELD(mask, value) ((uint32_t)(value) * ((mask) & (~(mask) + 1u)))
#define FIELD_OF(mask, word) (((word) & (mask)) / ((mask) & (~(mask) + 1u)))

#define HIL_REG_POLLS \
    100000u /* longer than any start-up time in data sheets, at clocks after reset */

/* Waits until the bits of the mask have the value; false where they never do, as in an emulator that
 * sets no ready bit. */
static inline bool hil_reg_wait(volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (uint32_t polls = 0; polls < HIL_REG_POLLS; polls++) {
        if ((*reg & mask) == value) {
            return true;
        }
    }
    return false;
}

#endif
