/* ADD, SUB, MUL, DIV on float32.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

/* They differ in one operator only; a function pointer would cost a call per element. */
#define DEFINE_ELEMENTWISE(name, sign)                                                            \
    void name(const hil_elementwise_f32_params *p, const float *a, const float *b, float *output) \
    {                                                                                             \
        const int32_t inner = p->shape.inner;                                                     \
        const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step;                         \
        const float act_min = p->act_min, act_max = p->act_max;                                   \
        hil_cursor at_a = {0}, at_b = {0};                                                        \
        do {                                                                                      \
            const float *x = a + at_a.offset;                                                     \
            const float *y = b + at_b.offset;                                                     \
            for (int32_t i = 0; i < inner; ++i) {                                                 \
                output[i] = hil_clamp_f32(*x sign * y, act_min, act_max);                         \
                x += a_step;                                                                      \
                y += b_step;                                                                      \
            }                                                                                     \
            output += inner;                                                                      \
            (void)hil_walk_next(&p->shape.b, &at_b);                                              \
        } while (hil_walk_next(&p->shape.a, &at_a));                                              \
    }

DEFINE_ELEMENTWISE(hil_add_f32, +)
DEFINE_ELEMENTWISE(hil_sub_f32, -)
DEFINE_ELEMENTWISE(hil_mul_f32, *)
DEFINE_ELEMENTWISE(hil_div_f32, /)
