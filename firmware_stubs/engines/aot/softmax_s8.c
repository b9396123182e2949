/* SOFTMAX on int8. Fixed-point formats are written Qi.f: i integer and f fractional bits.
 * Source of the arithmetic: reference/softmax.h of TensorFlow Lite and gemmlowp's fixedpoint.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is Q12.19 */

/* 1 / (1 + x) in Q0.31 for x in [0, 1) in Q0.31: three Newton-Raphson steps on d * y = 1, where
 * d = (1 + x) / 2, from the start y = 48/17 - 32/17 * d. y is Q2.29. The start is off by 1/17 at most,
 * so that no step can overflow. */
static int32_t one_over_one_plus_x(int32_t x)
{
    const int32_t half_denominator = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    const int32_t k48_over_17 = 1515870810, k_neg_32_over_17 = -1010580540, one_q2 = 1 << 29;
    int32_t y = hil_wrap_add(k48_over_17,
                             hil_rounding_doubling_high_mul(half_denominator, k_neg_32_over_17));
    for (int i = 0; i < 3; ++i) {
        const int32_t product = hil_rounding_doubling_high_mul(half_denominator, y);
        const int32_t error = hil_rounding_doubling_high_mul(y, one_q2 - product); /* Q4.27 */
        y += 4 * error;                                                            /* Q2.29 */
    }
    /* y / 2 in Q0.31: Q1.30 read as Q0.31 halves it, so one doubling is left, saturated. */
    const int64_t doubled = (int64_t)y * 2;
    return doubled > INT32_MAX ? INT32_MAX : (int32_t)doubled;
}

static int32_t leading_zeros(uint32_t x)
{
    int32_t n = 0;
    for (; n < 32 && !(x & UINT32_C(0x80000000)); ++n) {
        x <<= 1;
    }
    return n;
}

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
        const int32_t headroom = leading_zeros(sum);
        const int32_t fraction = (int32_t)((sum << headroom) - UINT32_C(0x80000000));
        const int32_t reciprocal = one_over_one_plus_x(fraction);
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
