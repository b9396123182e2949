/* MEAN on int8.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

static int32_t sum_of_one(const hil_mean_s8_params *p, const int8_t *from) {
    const int32_t inner = p->inner, stride = p->inner_stride;
    hil_cursor at = {0};
    int32_t sum = 0;
    do {
        const int8_t *x = from + at.offset;
        for (int32_t i = 0; i < inner; ++i) {
            sum += *x;
            x += stride;
        }
    } while (hil_walk_next(&p->reduced, &at));
    return sum;
}

void hil_mean_s8(const hil_mean_s8_params *p, const int8_t *input, int8_t *output) {
    hil_cursor at = {0};
    do {
        const int32_t sum = hil_wrap_add(sum_of_one(p, input + at.offset), p->sum_offset);
        const int32_t mean = hil_requantize(sum, p->multiplier, p->shift);
        *output++ = hil_clamp_s8(hil_wrap_add(mean, p->output_zero_point), -128, 127);
    } while (hil_walk_next(&p->kept, &at));
}
