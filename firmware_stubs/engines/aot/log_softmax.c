/* LOG_SOFTMAX. Source of the integer arithmetic: reference/log_softmax.h and common.h of TensorFlow
 * Lite. Fixed-point formats are written Qi.f.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "hil_aot_ops.h"
#include "hil_fixed.h"

#define SUM_INTEGER_BITS 12 /* the sum of exponentials is Q12.19 */
#define LOG_FRACTION_BITS 26
#define OUTPUT_SHIFT (LOG_FRACTION_BITS - 4) /* the output has 4 fractional bits */

/* log(x / sqrt(sqrt(1/2))) in Q6.25 for r = x in Q0.31, [1/2, 1): a rational function. */
static int32_t log_of_fraction(int32_t r)
{
    const int32_t root4_half = 1805811301;                  /* sqrt(sqrt(1/2)) */
    const int32_t alpha_n = 117049297, alpha_d = 127690142; /* 11/240, 1/20 of 2^(1/4) */
    const int32_t alpha_i = 1057819769, alpha_f = 638450708;
    const int32_t p = (int32_t)(((int64_t)r + root4_half + 1) / 2); /* half of the sum, rounded */
    const int32_t q = 2 * (r - root4_half);
    const int32_t square = hil_rounding_doubling_high_mul(q, q);
    const int32_t cube = hil_rounding_doubling_high_mul(q, square);
    const int32_t numerator = hil_wrap_add(hil_rounding_doubling_high_mul(q, r),
                                           hil_rounding_doubling_high_mul(cube, alpha_n));
    const int32_t factor =
        hil_wrap_add(hil_wrap_add(alpha_i, q), hil_rounding_doubling_high_mul(alpha_d, square));
    const int32_t denominator = hil_wrap_add(hil_rounding_doubling_high_mul(p, factor),
                                             hil_rounding_doubling_high_mul(alpha_f, q));
    return hil_rounding_doubling_high_mul(hil_rounding_shift_right(numerator, 6),
                                          hil_one_over_one_plus_x(denominator));
}

/* log(x) in Q5.26 for x in Q12.19, x >= 1. x = r * 2^n is taken apart in two ways, one for x and one
 * for x * sqrt(1/2); that with the smaller r is used. */
static int32_t log_q12(int32_t x)
{
    const int32_t log_2 = 1488522236, root_half = 1518500250, quarter = 1 << 23; /* Q0.31, Q6.25 */
    const int32_t zeros = hil_leading_zeros((uint32_t)x);
    const int32_t r_a = hil_shift_left_saturated(
        hil_rounding_doubling_high_mul(hil_shift_left_saturated(x, zeros - 1), root_half), 1);
    const int32_t power_a = (SUM_INTEGER_BITS - zeros) * (1 << 25) + quarter;

    const int32_t scaled = hil_rounding_doubling_high_mul(x, root_half);
    const int32_t room = hil_leading_zeros((uint32_t)scaled) - 1;
    const int32_t r_b = hil_shift_left_saturated(x, room);
    const int32_t power_b = (SUM_INTEGER_BITS - room) * (1 << 25) - quarter;

    const int32_t power = hil_rounding_doubling_high_mul(hil_max(power_a, power_b), log_2);
    return hil_shift_left_saturated(hil_wrap_add(power, log_of_fraction(hil_min(r_a, r_b))), 1);
}

static int32_t row_log_sum(const hil_log_softmax_s8_params *p, const int8_t *row, int32_t maximum)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < p->depth; ++i) {
        const int32_t distance = maximum - row[i];
        if (distance < p->exp_count) {
            sum += hil_rounding_shift_right(p->exp_table[distance], SUM_INTEGER_BITS);
        }
    }
    return log_q12(sum);
}

void hil_log_softmax_s8(const hil_log_softmax_s8_params *p, const int8_t *input, int8_t *output)
{
    for (int32_t r = 0; r < p->rows; ++r, input += p->depth, output += p->depth) {
        int32_t maximum = input[0];
        for (int32_t i = 1; i < p->depth; ++i) {
            maximum = hil_max(maximum, input[i]);
        }
        const int32_t log_sum = row_log_sum(p, input, maximum);
        const int32_t lowest =
            hil_requantize(hil_wrap_add(log_sum, INT32_MIN), p->back_multiplier, p->back_shift);
        const int32_t below = hil_max(p->smallest - 1, lowest);
        for (int32_t i = 0; i < p->depth; ++i) {
            const int32_t difference = input[i] - maximum;
            int32_t value = INT8_MIN;
            if (difference > below) {
                const int32_t exact =
                    hil_wrap_subtract(hil_requantize(difference, p->multiplier, p->shift), log_sum);
                value = hil_rounding_shift_right(exact, OUTPUT_SHIFT) + INT8_MAX;
            }
            output[i] = hil_clamp_s8(value, INT8_MIN, INT8_MAX);
        }
    }
}

void hil_log_softmax_f32(const hil_rows_params *p, const float *input, float *output)
{
    for (int32_t r = 0; r < p->rows; ++r, input += p->depth, output += p->depth) {
        float maximum = input[0];
        for (int32_t i = 1; i < p->depth; ++i) {
            maximum = input[i] > maximum ? input[i] : maximum;
        }
        float sum = 0.0f;
        for (int32_t i = 0; i < p->depth; ++i) {
            sum += expf(input[i] - maximum);
        }
        const float log_sum = logf(sum);
        for (int32_t i = 0; i < p->depth; ++i) {
            output[i] = input[i] - maximum - log_sum;
        }
    }
}
