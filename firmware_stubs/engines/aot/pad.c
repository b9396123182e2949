/* PAD and PADV2 for any element size.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_aot_ops.h"

static uint8_t *fill(uint8_t *to, int32_t bytes, const uint8_t *value, int32_t unit)
{
    if (unit == 1) {
        memset(to, value[0], (size_t)bytes);
    } else {
        for (int32_t i = 0; i < bytes; i += unit) {
            memcpy(to + i, value, (size_t)unit);
        }
    }
    return to + bytes;
}

static int inside(const hil_pad_params *p, const int32_t *index)
{
    for (int32_t d = 0; d < p->rank; ++d) {
        if (index[d] < p->before[d] || index[d] >= p->before[d] + p->in_dims[d]) {
            return 0;
        }
    }
    return 1;
}

/* Step to the next row of the output; 0 after the last. */
static int next_row(const hil_pad_params *p, int32_t *index)
{
    for (int32_t d = p->rank - 1; d >= 0; --d) {
        if (++index[d] < p->out_dims[d]) {
            return 1;
        }
        index[d] = 0;
    }
    return 0;
}

void hil_pad(const hil_pad_params *p, const void *input, void *output)
{
    const uint8_t *from = input;
    uint8_t *to = output;
    int32_t index[HIL_MAX_DIMS] = {0};
    do {
        if (inside(p, index)) {
            to = fill(to, p->before_bytes, p->value, p->unit);
            memcpy(to, from, (size_t)p->row_bytes);
            from += p->row_bytes;
            to = fill(to + p->row_bytes, p->after_bytes, p->value, p->unit);
        } else {
            to = fill(to, p->before_bytes + p->row_bytes + p->after_bytes, p->value, p->unit);
        }
    } while (next_row(p, index));
}
