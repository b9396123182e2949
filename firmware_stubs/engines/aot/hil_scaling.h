/* Scaling down without overflow, as ADD and SUB need it three times an element.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_SCALING_H
#define HIL_SCALING_H

#include <stdint.h>

/* A multiplier and a right shift (a shift <= 0 of the params) with what their rounding needs. */
typedef struct {
    int32_t multiplier, right;
    int32_t half;       /* 2^(right - 1), 0 without a shift */
    int32_t tie_to_low; /* all ones: negative ties go away from zero; 0 without a shift */
} hil_scaling;

static inline hil_scaling hil_make_scaling(int32_t multiplier, int32_t shift)
{
    const int32_t right = -shift;
    const hil_scaling s = {multiplier, right, right > 0 ? 1 << (right - 1) : 0, right > 0 ? -1 : 0};
    return s;
}

/* hil_requantize for right shifts of -2^30 <= x < 2^30, where nothing can overflow. The product
 * is doubled first, so that the result is its upper word and 64-bit shifts are not needed. */
static inline int32_t hil_scale_down(int32_t x, hil_scaling s)
{
    const int64_t doubled = (int64_t)(2 * x) * s.multiplier;
    const int32_t high = (int32_t)((doubled + INT64_C(0x80000000)) >> 32);
    return (high + s.half + ((high >> 31) & s.tie_to_low)) >> s.right;
}

#endif
