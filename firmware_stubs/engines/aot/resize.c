/* RESIZE_NEAREST_NEIGHBOR for any element size.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_aot_ops.h"

static uint8_t *resize_row(const hil_resize_nearest_params *p, const uint8_t *row, uint8_t *to)
{
    const int32_t bytes = p->pixel_bytes;
    for (int32_t x = 0; x < p->out_w; ++x) {
        memcpy(to, row + p->columns[x] * bytes, (size_t)bytes);
        to += bytes;
    }
    return to;
}

void hil_resize_nearest(const hil_resize_nearest_params *p, const void *input, void *output)
{
    const uint8_t *image = input;
    uint8_t *to = output;
    const int32_t in_row_bytes = p->in_w * p->pixel_bytes;
    const int32_t out_row_bytes = p->out_w * p->pixel_bytes;
    for (int32_t b = 0; b < p->batches; ++b) {
        for (int32_t y = 0; y < p->out_h; ++y) {
            if (y > 0 && p->rows[y] == p->rows[y - 1]) {
                memcpy(to, to - out_row_bytes, (size_t)out_row_bytes);
                to += out_row_bytes;
            } else {
                to = resize_row(p, image + p->rows[y] * in_row_bytes, to);
            }
        }
        image += p->in_h * in_row_bytes;
    }
}
