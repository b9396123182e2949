/* Functions of one 8-bit value, computed ahead of time into a table.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"

void hil_lut_8(const hil_lut_8_params *p, const void *input, void *output)
{
    const uint8_t *table = p->table;
    const uint8_t *from = input;
    uint8_t *to = output;
    for (int32_t left = p->elements; left > 0; --left) {
        *to++ = table[*from++];
    }
}
