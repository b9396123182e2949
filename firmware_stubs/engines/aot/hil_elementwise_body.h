/* ADD, SUB and MUL on integers: HIL_ELEMENT, names by HIL_VARIANT. HIL_HEAD_ROOM is how far TFLite
 * shifts the operands of ADD and SUB to the left before they are scaled.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_finish.h"
#include "hil_quant.h"
#include "hil_scaling.h"

/* One row of a + sign * b; sign is a constant at each call and folds away. */
static inline void add_row(const hil_add_params *p, const HIL_ELEMENT *a, const HIL_ELEMENT *b,
                           HIL_ELEMENT *output, const int32_t sign)
{
    const int32_t inner = p->shape.inner;
    const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step;
    const int32_t a_zero_point = p->a_zero_point, b_zero_point = p->b_zero_point;
    const hil_scaling of_a = hil_make_scaling(p->a_multiplier, p->a_shift);
    const hil_scaling of_b = hil_make_scaling(p->b_multiplier, p->b_shift);
    const hil_scaling of_sum = hil_make_scaling(p->output_multiplier, p->output_shift);
    const int32_t zero_point = p->output_zero_point;
    const int32_t act_min = p->act_min, act_max = p->act_max;
    for (int32_t i = 0; i < inner; ++i) {
        const int32_t x = hil_scale_down(hil_shift_left(*a - a_zero_point, HIL_HEAD_ROOM), of_a);
        const int32_t y = hil_scale_down(hil_shift_left(*b - b_zero_point, HIL_HEAD_ROOM), of_b);
        const int32_t sum = hil_scale_down(x + sign * y, of_sum);
        output[i] = (HIL_ELEMENT)hil_clamp(sum + zero_point, act_min, act_max);
        a += a_step;
        b += b_step;
    }
}

void HIL_NAME(hil_add)(const hil_add_params *p, const HIL_ELEMENT *a, const HIL_ELEMENT *b,
                       HIL_ELEMENT *output)
{
    hil_cursor at_a = {0}, at_b = {0};
    do {
        add_row(p, a + at_a.offset, b + at_b.offset, output, 1);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}

void HIL_NAME(hil_sub)(const hil_add_params *p, const HIL_ELEMENT *a, const HIL_ELEMENT *b,
                       HIL_ELEMENT *output)
{
    hil_cursor at_a = {0}, at_b = {0};
    do {
        add_row(p, a + at_a.offset, b + at_b.offset, output, -1);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}

static inline void mul_row(const hil_mul_params *p, const HIL_ELEMENT *a, const HIL_ELEMENT *b,
                           HIL_ELEMENT *output)
{
    const int32_t inner = p->shape.inner;
    const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step;
    const int32_t a_zero_point = p->a_zero_point, b_zero_point = p->b_zero_point;
    const int32_t multiplier = p->multiplier, shift = p->shift;
    const int32_t zero_point = p->output_zero_point;
    const int32_t act_min = p->act_min, act_max = p->act_max;
    for (int32_t i = 0; i < inner; ++i) {
        const int32_t product = (*a - a_zero_point) * (*b - b_zero_point);
        const int32_t scaled = hil_requantize(product, multiplier, shift);
        output[i] = (HIL_ELEMENT)hil_clamp(hil_wrap_add(scaled, zero_point), act_min, act_max);
        a += a_step;
        b += b_step;
    }
}

void HIL_NAME(hil_mul)(const hil_mul_params *p, const HIL_ELEMENT *a, const HIL_ELEMENT *b,
                       HIL_ELEMENT *output)
{
    hil_cursor at_a = {0}, at_b = {0};
    do {
        mul_row(p, a + at_a.offset, b + at_b.offset, output);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}
