/* MEAN on integers: HIL_ELEMENT in [HIL_MIN, HIL_MAX], names by HIL_VARIANT.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_finish.h"
#include "hil_quant.h"

static int32_t sum_of_one(const hil_mean_params *p, const HIL_ELEMENT *from)
{
    const int32_t inner = p->inner, stride = p->inner_stride;
    hil_cursor at = {0};
    int32_t sum = 0;
    do {
        const HIL_ELEMENT *x = from + at.offset;
        for (int32_t i = 0; i < inner; ++i) {
            sum += *x;
            x += stride;
        }
    } while (hil_walk_next(&p->reduced, &at));
    return sum;
}

void HIL_NAME(hil_mean)(const hil_mean_params *p, const HIL_ELEMENT *input, HIL_ELEMENT *output)
{
    hil_cursor at = {0};
    do {
        const int32_t sum = hil_wrap_add(sum_of_one(p, input + at.offset), p->sum_offset);
        const int32_t mean = hil_requantize(sum, p->multiplier, p->shift);
        *output++ =
            (HIL_ELEMENT)hil_clamp(hil_wrap_add(mean, p->output_zero_point), HIL_MIN, HIL_MAX);
    } while (hil_walk_next(&p->kept, &at));
}
