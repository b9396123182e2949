/* The part of a pooling window that lies inside the image.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_POOL_H
#define HIL_POOL_H

#include "hil_quant.h"
#include "hil_window.h"

typedef struct {
    int32_t first; /* index of the first tap inside, channel 0 */
    int32_t rows, columns;
    int32_t row_step;
} hil_taps;

static inline hil_taps hil_taps_inside(const hil_window *w, const hil_position *at)
{
    const int32_t top = hil_max(at->y, 0);
    const int32_t left = hil_max(at->x, 0);
    const hil_taps taps = {hil_input_index(w, at, top, left),
                           hil_min(at->y + w->kernel_h, w->in_h) - top,
                           hil_min(at->x + w->kernel_w, w->in_w) - left, w->in_w * w->in_c};
    return taps;
}

#endif
