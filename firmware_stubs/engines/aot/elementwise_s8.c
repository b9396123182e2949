/* ADD, SUB, MUL on int8.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

/* Head room that TFLite gives the operands of ADD and SUB before they are scaled. */
#define LEFT_SHIFT 20

/* A multiplier and a right shift (a shift <= 0 of the params) with what their rounding needs. */
typedef struct {
    int32_t multiplier, right;
    int32_t half;       /* 2^(right - 1), 0 without a shift */
    int32_t tie_to_low; /* all ones: ties of negative numbers go away from zero; 0 without a shift */
} scaling;

static inline scaling make_scaling(int32_t multiplier, int32_t shift) {
    const int32_t right = -shift;
    const scaling s = {multiplier, right, right > 0 ? 1 << (right - 1) : 0, right > 0 ? -1 : 0};
    return s;
}

/* hil_requantize for right shifts of numbers below 2^29, where nothing can overflow. The product
 * is doubled first, so that the result is its upper word and 64-bit shifts are not needed. */
static inline int32_t scale_down(int32_t x, scaling s) {
    const int64_t doubled = (int64_t)(2 * x) * s.multiplier;
    const int32_t high = (int32_t)((doubled + INT64_C(0x80000000)) >> 32);
    return (high + s.half + ((high >> 31) & s.tie_to_low)) >> s.right;
}

/* One row of a + sign * b; sign is a constant at each call and folds away. */
static inline void add_row(const hil_add_s8_params *p, const int8_t *a, const int8_t *b,
                           int8_t *output, const int32_t sign) {
    const int32_t inner = p->shape.inner;
    const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step;
    const int32_t a_zero_point = p->a_zero_point, b_zero_point = p->b_zero_point;
    const scaling of_a = make_scaling(p->a_multiplier, p->a_shift);
    const scaling of_b = make_scaling(p->b_multiplier, p->b_shift);
    const scaling of_sum = make_scaling(p->output_multiplier, p->output_shift);
    const int32_t zero_point = p->output_zero_point;
    const int32_t act_min = p->act_min, act_max = p->act_max;
    for (int32_t i = 0; i < inner; ++i) {
        const int32_t x = scale_down(hil_shift_left(*a - a_zero_point, LEFT_SHIFT), of_a);
        const int32_t y = scale_down(hil_shift_left(*b - b_zero_point, LEFT_SHIFT), of_b);
        const int32_t sum = scale_down(x + sign * y, of_sum);
        output[i] = hil_clamp_s8(sum + zero_point, act_min, act_max);
        a += a_step;
        b += b_step;
    }
}

void hil_add_s8(const hil_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    hil_cursor at_a = {0}, at_b = {0};
    do {
        add_row(p, a + at_a.offset, b + at_b.offset, output, 1);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}

void hil_sub_s8(const hil_add_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    hil_cursor at_a = {0}, at_b = {0};
    do {
        add_row(p, a + at_a.offset, b + at_b.offset, output, -1);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}

static inline void mul_row(const hil_mul_s8_params *p, const int8_t *a, const int8_t *b,
                           int8_t *output) {
    const int32_t inner = p->shape.inner;
    const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step;
    const int32_t a_zero_point = p->a_zero_point, b_zero_point = p->b_zero_point;
    const int32_t multiplier = p->multiplier, shift = p->shift;
    const int32_t zero_point = p->output_zero_point;
    const int32_t act_min = p->act_min, act_max = p->act_max;
    for (int32_t i = 0; i < inner; ++i) {
        const int32_t product = (*a - a_zero_point) * (*b - b_zero_point);
        const int32_t scaled = hil_requantize(product, multiplier, shift);
        output[i] = hil_clamp_s8(hil_wrap_add(scaled, zero_point), act_min, act_max);
        a += a_step;
        b += b_step;
    }
}

void hil_mul_s8(const hil_mul_s8_params *p, const int8_t *a, const int8_t *b, int8_t *output) {
    hil_cursor at_a = {0}, at_b = {0};
    do {
        mul_row(p, a + at_a.offset, b + at_b.offset, output);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}
