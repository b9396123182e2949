/* Sigmoid and tanh of int16 exactly as gemmlowp computes them (fixedpoint.h: logistic, tanh), which
 * TFLite's integer LSTM uses. Numbers have `bits` integer bits, results none (2^-15 a step).
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_GEMMLOWP_S16_H
#define HIL_GEMMLOWP_S16_H

#include "hil_quant.h"

/* A constant of gemmlowp's for 32 bits, rounded to 16. */
#define HIL_Q15(constant) hil_rounding_shift_right(constant, 16)

static inline int32_t hil_wrap_s16(int32_t x)
{
    return (int16_t)(uint16_t)(uint32_t)x;
}

static inline int32_t hil_saturate_s16(int32_t x)
{
    return hil_clamp(x, INT16_MIN, INT16_MAX);
}

static inline int32_t hil_shifted_s16(int32_t x, int32_t bits)
{
    return hil_saturate_s16(x * (1 << bits));
}

/* round(a * b / 2^15), ties up */
static inline int32_t hil_product_s16(int32_t a, int32_t b)
{
    return hil_saturate_s16((a * b + (1 << 14)) >> 15);
}

/* exp(x) for -1/4 <= x < 0: a Taylor polynomial around -1/8 */
static inline int32_t hil_exp_quarter_s16(int32_t a)
{
    const int32_t at = HIL_Q15(1895147668); /* exp(-1/8) */
    const int32_t x = hil_wrap_s16(a + (1 << 12));
    const int32_t x2 = hil_product_s16(x, x);
    const int32_t x3 = hil_product_s16(x2, x);
    const int32_t x4 = hil_rounding_shift_right(hil_product_s16(x2, x2), 2);
    const int32_t thirds = hil_product_s16(hil_wrap_s16(x4 + x3), HIL_Q15(715827883));
    const int32_t more = hil_rounding_shift_right(hil_wrap_s16(thirds + x2), 1);

    return hil_saturate_s16(at + hil_product_s16(at, hil_wrap_s16(x + more)));
}

/* exp(a) for a <= 0: by its quarters, then by each bit above them */
static inline int32_t hil_exp_negative_s16(int32_t a, int32_t bits)
{
    static const int32_t factors[] = {/* exp(-2^n), n from -2 on */
                                      1672461947, 1302514674, 790015084, 290630308,
                                      39332535,   720401,     242};
    const int32_t quarter = 1 << (13 - bits);
    const int32_t rest = (a & (quarter - 1)) - quarter;
    const int32_t above = rest - a;
    int32_t result = hil_exp_quarter_s16(hil_shifted_s16(rest, bits));

    if (a == 0) {
        return INT16_MAX;
    }
    if (bits > 5 && a < -(1 << (20 - bits))) { /* below -32 */
        return 0;
    }
    for (int32_t n = -2; n < bits && n <= 4; ++n) {
        if (above & (1 << (15 - bits + n))) {
            result = hil_product_s16(result, HIL_Q15(factors[n + 2]));
        }
    }
    return result;
}

/* 2 / (1 + a) with 2 integer bits, for 0 <= a <= 1: three steps of Newton's method */
static inline int32_t hil_reciprocal_s16(int32_t a)
{
    const int32_t half = (a + INT16_MAX + 1) / 2;
    int32_t x = hil_wrap_s16(HIL_Q15(1515870810) + hil_product_s16(half, HIL_Q15(-1010580540)));

    for (int32_t step = 0; step < 3; ++step) {
        const int32_t missing = hil_wrap_s16((1 << 13) - hil_product_s16(half, x));
        x = hil_wrap_s16(x + hil_shifted_s16(hil_product_s16(x, missing), 2));
    }
    return x;
}

/* bits <= 6 */
static inline int32_t hil_fixed_sigmoid(int32_t a, int32_t bits)
{
    if (a == 0) {
        return 1 << 14;
    }
    const int32_t upper =
        hil_shifted_s16(hil_reciprocal_s16(hil_exp_negative_s16(a > 0 ? -a : a, bits)), 1);
    return a > 0 ? upper : INT16_MAX - upper;
}

/* bits <= 6 */
static inline int32_t hil_fixed_tanh(int32_t a, int32_t bits)
{
    if (a == 0) {
        return 0;
    }
    const int32_t power = hil_exp_negative_s16(a > 0 ? -a : a, bits + 1);
    const int32_t size = hil_shifted_s16(hil_wrap_s16(hil_reciprocal_s16(power) - (1 << 13)), 2);
    return a > 0 ? size : hil_wrap_s16(-size);
}

#endif
