/* SOFTMAX on int8. Fixed-point formats are written Qi.f: i integer and f fractional bits.
 * Source of the arithmetic: reference/softmax.h of TensorFlow Lite and gemmlowp's fixedpoint.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_fixed.h"
#include "hil_quant.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is Q12.19 */

static int32_t row_maximum(const int8_t *row, int32_t depth)
{
    int32_t maximum = row[0];
    for (int32_t i = 1; i < depth; ++i) {
        maximum = hil_max(maximum, row[i]);
    }
    return maximum;
}

static int32_t row_sum(const hil_softmax_s8_params *p, const int8_t *row, int32_t maximum)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; ++i) {
        const int32_t distance = maximum - row[i];
        if (distance < p->exp_count) {
            sum = hil_wrap_add(sum,
                               hil_rounding_shift_right(p->exp_table[distance], SUM_INTEGER_BITS));
        }
    }
    return sum;
}

/* A product of reciprocal and exponential, at least 0, brought to units of 1/256. A sum of 512 or
 * more asks for a shift beyond 31, for which gemmlowp's rounding shift is not meant; compiled for
 * x86-64 and AArch64, the reference then shifts modulo 32 and always rounds up. So do we. */
static inline int32_t scaled_output(int32_t product, int32_t right)
{
    if (right > 31) {
        return hil_wrap_add(product >> (right & 31), 1);
    }
    return hil_rounding_shift_right(product, right);
}

void hil_softmax_s8(const hil_softmax_s8_params *p, const int8_t *input, int8_t *output)
{
    const int32_t exp_count = p->exp_count;
    for (int32_t r = 0; r < p->rows; ++r) {
        const int32_t maximum = row_maximum(input, p->depth);
        const uint32_t sum = (uint32_t)row_sum(p, input, maximum);
        const int32_t headroom = hil_leading_zeros(sum);
        const int32_t fraction = (int32_t)((sum << headroom) - UINT32_C(0x80000000));
        const int32_t reciprocal = hil_one_over_one_plus_x(fraction);
        const int32_t right = SUM_INTEGER_BITS - headroom + 31 - 8;
        for (int32_t i = 0; i < p->depth; ++i) {
            const int32_t distance = maximum - input[i];
            int32_t value = 0;
            if (distance < exp_count) {
                value = scaled_output(
                    hil_rounding_doubling_high_mul(reciprocal, p->exp_table[distance]), right);
            }
            output[i] = hil_clamp_s8(hil_min(value, 255) - 128, -128, 127);
        }
        input += p->depth;
        output += p->depth;
    }
}
