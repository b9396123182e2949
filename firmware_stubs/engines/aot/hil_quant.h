/* Requantization exactly as TFLite's reference kernels do it in their default build (double
 * rounding: a rounding high multiply, then a rounding shift), clamps, and small helpers.
 * Source of the arithmetic: tensorflow/lite/kernels/internal/common.h and gemmlowp fixedpoint.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_QUANT_H
#define HIL_QUANT_H

#include <stdint.h>
#include <string.h>

#include "hil_dsp.h"

/* Wrapping arithmetic: what the hardware does, without C's undefined overflow. */
static inline int32_t hil_wrap_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t hil_wrap_subtract(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

static inline int32_t hil_shift_left(int32_t x, int32_t bits)
{
    return (int32_t)((uint32_t)x << bits);
}

/* round(a * b / 2^31), ties towards plus infinity, saturated. Any a and b. */
static inline int32_t hil_rounding_doubling_high_mul(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* x / 2^exponent, ties away from zero; 0 <= exponent <= 31. */
static inline int32_t hil_rounding_shift_right(int32_t x, int32_t exponent)
{
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0);
    return (x >> exponent) + (remainder > threshold);
}

/* x * multiplier * 2^(shift - 31); multiplier and shift as quant.py's quantize_multiplier gives
 * them: 0 <= multiplier < 2^31, -31 <= shift <= 30 (shift > 0 is a left shift). */
static inline int32_t hil_requantize(int32_t x, int32_t multiplier, int32_t shift)
{
    const int32_t left = shift & ~(shift >> 31); /* max(shift, 0) */
    const int64_t product = (int64_t)hil_shift_left(x, left) * multiplier;
    const int32_t high = (int32_t)((product + (INT64_C(1) << 30)) >> 31);
    if (shift >= 0) {
        return high;
    }
    /* hil_rounding_shift_right in fewer instructions: `high` is never INT32_MIN, since the
     * multiplier is below 2^31, so that taking one from a negative number cannot overflow. */
    const int32_t halved = (high + (high >> 31)) >> (-shift - 1);
    return (halved >> 1) + (halved & 1);
}

/* hil_requantize of sum + bias, plus `more`. `packed` is bias * 2^8 + right: -2^23 <= bias < 2^23, a shift
 * to the right by 1 to 31; |sum + bias| < 2^30, so that its double has 32 bits and the rounded upper
 * word of the product is what is looked for. Ties of negative numbers are made to go down, away from
 * zero, by the one that is taken off. */
static inline int32_t hil_requantize_packed(int32_t sum, int32_t packed, int32_t multiplier,
                                            int32_t more)
{
    const int32_t high = hil_high_word_rounded(2 * (sum + (packed >> 8)), multiplier);
    return hil_shift_and_add(high + (high >> 31), packed, more);
}

/* hil_requantize with a multiplier of 2^30 and a shift of -(right + 1): x * 2^-(right + 2), rounded
 * twice; 0 <= right <= 29. */
static inline int32_t hil_requantize_pot(int32_t x, int32_t right)
{
    const int32_t half = hil_shift_and_add(x, 1, 0);
    return hil_shift_and_add(half + (half >> 31), right + 1, 0);
}

/* (x * multiplier + 2^(shift - 1)) / 2^shift, rounded down: TFLite's requantization of 64-bit sums.
 * |x| < 2^47, 0 <= multiplier < 2^15, 1 <= shift <= 62. */
static inline int64_t hil_rescale_s64(int64_t x, int32_t multiplier, int32_t shift)
{
    return ((x * multiplier >> (shift - 1)) + 1) >> 1;
}

/* Round to nearest, ties away from zero; values beyond int32 end at +-2^30, NaN at 0. Exact: the
 * truncated part and the remainder are both representable. */
static inline int32_t hil_round_half_away(float x)
{
    const float limit = 1073741824.0f;
    if (!(x > -limit)) {
        return x <= -limit ? -(1 << 30) : 0;
    }
    if (x >= limit) {
        return 1 << 30;
    }
    const int32_t whole = (int32_t)x;
    const float rest = x - (float)whole;
    return whole + (rest >= 0.5f) - (rest <= -0.5f);
}

static inline int32_t hil_clamp(int32_t x, int32_t low, int32_t high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

static inline int8_t hil_clamp_s8(int32_t x, int32_t low, int32_t high)
{
    return (int8_t)hil_clamp(x, low, high);
}

static inline int32_t hil_clamp_s64(int64_t x, int32_t low, int32_t high)
{
    x = x < low ? low : x;
    return (int32_t)(x > high ? high : x);
}

static inline float hil_clamp_f32(float x, float low, float high)
{
    x = x < low ? low : x;
    return x > high ? high : x;
}

static inline int32_t hil_min(int32_t a, int32_t b)
{
    return a < b ? a : b;
}
static inline int32_t hil_max(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

#endif
