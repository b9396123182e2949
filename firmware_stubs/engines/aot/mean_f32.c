/* MEAN on float32.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"

static float sum_of_one(const hil_mean_f32_params *p, const float *from)
{
    const int32_t inner = p->inner, stride = p->inner_stride;
    hil_cursor at = {0};
    float sum = 0.0f;
    do {
        const float *x = from + at.offset;
        for (int32_t i = 0; i < inner; ++i) {
            sum += *x;
            x += stride;
        }
    } while (hil_walk_next(&p->reduced, &at));
    return sum;
}

void hil_mean_f32(const hil_mean_f32_params *p, const float *input, float *output)
{
    hil_cursor at = {0};
    do {
        *output++ = sum_of_one(p, input + at.offset) / p->count;
    } while (hil_walk_next(&p->kept, &at));
}
