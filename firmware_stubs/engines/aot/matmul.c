/* Products of two matrices that are both computed at run time, or used as they are in the model.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

/* `term` and `finish` see the operands' elements as *x and *y, and the column as c. */
#define DEFINE_MATMUL(name, params, element, accumulator, bias_type, term, finish)           \
    void name(const params *p, const element *a, const element *b, const bias_type *bias,    \
              element *output)                                                               \
    {                                                                                        \
        const hil_matmul_shape *const s = &p->shape;                                         \
        hil_cursor at_a = {0}, at_b = {0};                                                   \
        do {                                                                                 \
            for (int32_t r = 0; r < s->rows; ++r) {                                          \
                for (int32_t c = 0; c < s->columns; ++c) {                                   \
                    const element *x = a + at_a.offset + r * s->a_row;                       \
                    const element *y = b + at_b.offset + c * s->b_column;                    \
                    accumulator sum = 0;                                                     \
                    for (int32_t i = 0; i < s->depth; ++i, x += s->a_step, y += s->b_step) { \
                        sum += (term);                                                       \
                    }                                                                        \
                    if (bias) {                                                              \
                        sum += bias[c];                                                      \
                    }                                                                        \
                    *output++ = (finish);                                                    \
                }                                                                            \
            }                                                                                \
            (void)hil_walk_next(&s->b, &at_b);                                               \
        } while (hil_walk_next(&s->a, &at_a));                                               \
    }

DEFINE_MATMUL(hil_matmul_f32, hil_matmul_f32_params, float, float, float, *x **y,
              hil_clamp_f32(sum, p->act_min, p->act_max))
DEFINE_MATMUL(hil_matmul_s8, hil_matmul_params, int8_t, int32_t, int32_t,
              (*x - p->a_zero_point) * (*y - p->b_zero_point),
              hil_clamp_s8(hil_wrap_add(hil_requantize(sum, p->multiplier, p->shift),
                                        p->output_zero_point),
                           p->act_min, p->act_max))
/* Multiplier and shift are those of hil_rescale_s64. */
DEFINE_MATMUL(hil_matmul_s16, hil_matmul_params, int16_t, int64_t, int64_t, *x **y,
              (int16_t)hil_clamp((int32_t)hil_rescale_s64(sum, p->multiplier, p->shift), p->act_min,
                                 p->act_max))
