/* Functions in fixed point. Formats are written Qi.f: i integer and f fractional bits.
 * Source of the arithmetic: gemmlowp's fixedpoint.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_FIXED_H
#define HIL_FIXED_H

#include <stdint.h>

#include "hil_quant.h"

/* 1 / (1 + x) in Q0.31 for x in [0, 1) in Q0.31: three Newton-Raphson steps on d * y = 1, where
 * d = (1 + x) / 2, from the start y = 48/17 - 32/17 * d. y is Q2.29. The start is off by 1/17 at most,
 * so that no step can overflow. */
static inline int32_t hil_one_over_one_plus_x(int32_t x)
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

static inline int32_t hil_leading_zeros(uint32_t x)
{
    int32_t n = 0;
    for (; n < 32 && !(x & UINT32_C(0x80000000)); ++n) {
        x <<= 1;
    }
    return n;
}

/* x * 2^left, saturated; 0 <= left <= 30. */
static inline int32_t hil_shift_left_saturated(int32_t x, int32_t left)
{
    const int64_t shifted = (int64_t)x * ((int64_t)1 << left);
    return shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

#endif
