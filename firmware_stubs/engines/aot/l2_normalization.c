/* L2_NORMALIZATION: every row divided by its length. Source of the integer arithmetic:
 * GetInvSqrtQuantizedMultiplierExp in common.h of TensorFlow Lite.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "hil_aot_ops.h"
#include "hil_fixed.h"

#define OUTPUT_SHIFT 7 /* the output's scale is 2^-7 */
#define NEWTON_STEPS 5
#define SMALLEST_LENGTH 1e-6f

/* 1 / sqrt(x) as *multiplier * 2^(result - 31), by Newton's method in Q3.28 from the start 1. */
static int32_t inverse_root(int32_t x, int32_t *multiplier)
{
    const int32_t three_halves = (1 << 28) + (1 << 27), root_half = 1518500250;
    int32_t right = 11, y = 1 << 28;

    if (x <= 1) {
        *multiplier = INT32_MAX;
        return 0;
    }
    for (; x >= 1 << 29; ++right) {
        x /= 4;
    }
    const int32_t pairs = (hil_leading_zeros((uint32_t)x) - 1) / 2 - 1;
    right -= pairs;
    x = hil_shift_left(x, 2 * pairs);
    const int32_t half = hil_rounding_shift_right(x >> 1, 1);
    for (int i = 0; i < NEWTON_STEPS; ++i) {
        const int32_t squared = hil_rounding_doubling_high_mul(y, y);
        const int32_t cubed =
            hil_shift_left_saturated(hil_rounding_doubling_high_mul(squared, y), 6);
        const int32_t next = hil_wrap_subtract(hil_rounding_doubling_high_mul(three_halves, y),
                                               hil_rounding_doubling_high_mul(half, cubed));
        y = hil_shift_left_saturated(next, 3);
    }
    y = hil_rounding_doubling_high_mul(y, root_half);
    *multiplier = right < 0 ? hil_shift_left(y, -right) : y;
    return right < 0 ? 0 : -right;
}

void hil_l2_normalization_s8(const hil_l2_normalization_s8_params *p, const int8_t *input,
                             int8_t *output)
{
    for (int32_t r = 0; r < p->rows; ++r, input += p->depth, output += p->depth) {
        int32_t squares = 0, multiplier;
        for (int32_t i = 0; i < p->depth; ++i) {
            const int32_t value = input[i] - p->input_zero_point;
            squares += value * value;
        }
        const int32_t shift = inverse_root(squares, &multiplier) + OUTPUT_SHIFT;
        for (int32_t i = 0; i < p->depth; ++i) {
            const int32_t value = input[i] - p->input_zero_point;
            output[i] = hil_clamp_s8(hil_requantize(value, multiplier, shift), INT8_MIN, INT8_MAX);
        }
    }
}

void hil_l2_normalization_f32(const hil_rows_params *p, const float *input, float *output)
{
    for (int32_t r = 0; r < p->rows; ++r, input += p->depth, output += p->depth) {
        float squares = 0.0f;
        for (int32_t i = 0; i < p->depth; ++i) {
            squares += input[i] * input[i];
        }
        float length = sqrtf(squares);
        length = length > SMALLEST_LENGTH ? length : SMALLEST_LENGTH;
        for (int32_t i = 0; i < p->depth; ++i) {
            output[i] = input[i] / length;
        }
    }
}
