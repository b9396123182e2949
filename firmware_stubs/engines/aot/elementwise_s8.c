/* ADD, SUB, MUL on int8.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

/* Head room that TFLite gives the operands of ADD and SUB before they are scaled. */
#define LEFT_SHIFT 20

/* x * multiplier * 2^(shift - 31) with shift <= 0; `right` is -shift. */
static inline int32_t scale_down(int32_t x, int32_t multiplier, int32_t right) {
    const int32_t high = (int32_t)(((int64_t)x * multiplier + (INT64_C(1) << 30)) >> 31);
    return hil_rounding_shift_right(high, right);
}

static inline int32_t scaled_operand(int32_t x, int32_t zero_point, int32_t multiplier,
                                     int32_t right) {
    return scale_down(hil_shift_left(x - zero_point, LEFT_SHIFT), multiplier, right);
}

/* One row of a + sign * b; sign is a constant at each call and folds away. */
static inline void add_row(const hil_add_s8_params *p, const int8_t *a, const int8_t *b,
                           int8_t *output, const int32_t sign) {
    const int32_t inner = p->shape.inner;
    const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step;
    const int32_t a_zero_point = p->a_zero_point, b_zero_point = p->b_zero_point;
    const int32_t a_multiplier = p->a_multiplier, b_multiplier = p->b_multiplier;
    const int32_t a_right = -p->a_shift, b_right = -p->b_shift;
    const int32_t multiplier = p->output_multiplier, right = -p->output_shift;
    const int32_t zero_point = p->output_zero_point;
    const int32_t act_min = p->act_min, act_max = p->act_max;
    for (int32_t i = 0; i < inner; ++i) {
        const int32_t x = scaled_operand(*a, a_zero_point, a_multiplier, a_right);
        const int32_t y = scaled_operand(*b, b_zero_point, b_multiplier, b_right);
        const int32_t sum = scale_down(x + sign * y, multiplier, right);
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
