/* ADD, SUB, MUL on int16.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_VARIANT s16
#define HIL_ELEMENT int16_t
#define HIL_HEAD_ROOM 15
#include "hil_elementwise_body.h"

static inline void add_shifted_row(const hil_add_s16_shift_params *p, const int16_t *a,
                                   const int16_t *b, int16_t *output, const int32_t sign)
{
    const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step;
    const int32_t act_min = p->act_min, act_max = p->act_max;
    for (int32_t i = 0; i < p->shape.inner; ++i) {
        const int32_t sum = hil_rounding_shift_right(*a, p->a_right) +
                            sign * hil_rounding_shift_right(*b, p->b_right);
        output[i] = (int16_t)hil_clamp(sum, act_min, act_max);
        a += a_step;
        b += b_step;
    }
}

void hil_add_s16_shift(const hil_add_s16_shift_params *p, const int16_t *a, const int16_t *b,
                       int16_t *output)
{
    hil_cursor at_a = {0}, at_b = {0};
    do {
        add_shifted_row(p, a + at_a.offset, b + at_b.offset, output, 1);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}

void hil_sub_s16_shift(const hil_add_s16_shift_params *p, const int16_t *a, const int16_t *b,
                       int16_t *output)
{
    hil_cursor at_a = {0}, at_b = {0};
    do {
        add_shifted_row(p, a + at_a.offset, b + at_b.offset, output, -1);
        output += p->shape.inner;
        (void)hil_walk_next(&p->shape.b, &at_b);
    } while (hil_walk_next(&p->shape.a, &at_a));
}
