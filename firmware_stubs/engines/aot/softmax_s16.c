/* SOFTMAX on int16. Source of the arithmetic: reference/softmax.h of TensorFlow Lite (SoftmaxInt16).
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

/* A table of 513 points over all int16 values, interpolated linearly. */
static int32_t look_up(const int16_t *table, int32_t x)
{
    const int16_t *const at = table + 256 + (x >> 7);
    const int32_t slope = (int16_t)(at[1] - at[0]);
    return (int16_t)(at[0] + ((slope * (x & 0x7F) + 64) >> 7));
}

static int32_t leading_zeros(uint32_t x)
{
    int32_t n = 0;
    for (; n < 32 && !(x & UINT32_C(0x80000000)); ++n) {
        x <<= 1;
    }
    return n;
}

/* exp(row[i] - maximum) in Q0.15 to `output`, which may be the row. Returns their sum, Q16.15. */
static int32_t exponentials(const hil_softmax_s16_params *p, const int16_t *row, int16_t *output)
{
    int32_t maximum = row[0];
    for (int32_t i = 1; i < p->depth; ++i) {
        maximum = hil_max(maximum, row[i]);
    }
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; ++i) {
        const int32_t distance = hil_requantize(row[i] - maximum, p->multiplier, p->shift);
        const int32_t centred = hil_clamp(hil_wrap_add(distance, 32767), -32768, 32767);
        output[i] = (int16_t)look_up(p->exp_table, centred);
        sum += output[i];
    }
    return sum;
}

void hil_softmax_s16(const hil_softmax_s16_params *p, const int16_t *input, int16_t *output)
{
    for (int32_t r = 0; r < p->rows; ++r, input += p->depth, output += p->depth) {
        const int32_t sum = exponentials(p, input, output);
        /* sum = (1 + x) * 2^n with x in [0, 1): 1 / (1 + x) comes from the table. */
        const int32_t zeros = leading_zeros((uint32_t)sum);
        const int32_t mantissa =
            (int32_t)((((int64_t)sum << (zeros - 1)) + (1 << 13)) >> 14) - (1 << 15) - (1 << 16);
        const int32_t reciprocal = look_up(p->reciprocal_table, hil_clamp(mantissa, -32768, 32767));
        const int32_t right = 31 - zeros;
        for (int32_t i = 0; i < p->depth; ++i) {
            const int32_t product = output[i] * reciprocal;
            const int32_t value = (int32_t)(((int64_t)product + (1 << (right - 1))) >> right);
            output[i] = (int16_t)hil_clamp(value, 0, 32767);
        }
    }
}
