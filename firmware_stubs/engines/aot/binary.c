/* Functions of two elements with broadcasting: MAXIMUM, MINIMUM, comparisons, logic, PRELU,
 * SQUARED_DIFFERENCE, and SELECT_V2 of three.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_aot_ops.h"
#include "hil_quant.h"

/* `x` and `y` are an element of each operand, `p` the parameters. A function pointer would cost a
 * call per element. */
#define DEFINE_BINARY(name, params, in_a, in_b, out, expression)          \
    void name(const params *p, const in_a *a, const in_b *b, out *output) \
    {                                                                     \
        const int32_t inner = p->shape.inner;                             \
        const int32_t a_step = p->shape.a_step, b_step = p->shape.b_step; \
        hil_cursor at_a = {0}, at_b = {0};                                \
        do {                                                              \
            const in_a *from_a = a + at_a.offset;                         \
            const in_b *from_b = b + at_b.offset;                         \
            for (int32_t i = 0; i < inner; ++i) {                         \
                const in_a x = *from_a;                                   \
                const in_b y = *from_b;                                   \
                output[i] = (expression);                                 \
                from_a += a_step;                                         \
                from_b += b_step;                                         \
            }                                                             \
            output += inner;                                              \
            (void)hil_walk_next(&p->shape.b, &at_b);                      \
        } while (hil_walk_next(&p->shape.a, &at_a));                      \
    }

#define DEFINE_EXTREMES(type, suffix)                                                       \
    DEFINE_BINARY(hil_maximum_##suffix, hil_binary_params, type, type, type, x > y ? x : y) \
    DEFINE_BINARY(hil_minimum_##suffix, hil_binary_params, type, type, type, x < y ? x : y)

DEFINE_EXTREMES(int8_t, s8)
DEFINE_EXTREMES(uint8_t, u8)
DEFINE_EXTREMES(int16_t, s16)
DEFINE_EXTREMES(int32_t, s32)
DEFINE_EXTREMES(int64_t, s64)
DEFINE_EXTREMES(float, f32)

#define DEFINE_COMPARISONS(type, suffix)                                                   \
    DEFINE_BINARY(hil_equal_##suffix, hil_binary_params, type, type, uint8_t, x == y)      \
    DEFINE_BINARY(hil_not_equal_##suffix, hil_binary_params, type, type, uint8_t, x != y)  \
    DEFINE_BINARY(hil_less_##suffix, hil_binary_params, type, type, uint8_t, x < y)        \
    DEFINE_BINARY(hil_less_equal_##suffix, hil_binary_params, type, type, uint8_t, x <= y) \
    DEFINE_BINARY(hil_greater_##suffix, hil_binary_params, type, type, uint8_t, x > y)     \
    DEFINE_BINARY(hil_greater_equal_##suffix, hil_binary_params, type, type, uint8_t, x >= y)

DEFINE_COMPARISONS(uint8_t, u8)
DEFINE_COMPARISONS(int32_t, s32)
DEFINE_COMPARISONS(int64_t, s64)
DEFINE_COMPARISONS(float, f32)

/* An int8 operand on the scale that both share in the comparison. */
static inline int32_t scaled(int8_t value, const hil_operand *operand)
{
    return hil_requantize(hil_shift_left(value - operand->zero_point, operand->head_room),
                          operand->multiplier, operand->shift);
}

#define X_IS(sign) (scaled(x, &p->a) sign scaled(y, &p->b))

DEFINE_BINARY(hil_equal_s8, hil_compare_params, int8_t, int8_t, uint8_t, X_IS(==))
DEFINE_BINARY(hil_not_equal_s8, hil_compare_params, int8_t, int8_t, uint8_t, X_IS(!=))
DEFINE_BINARY(hil_less_s8, hil_compare_params, int8_t, int8_t, uint8_t, X_IS(<))
DEFINE_BINARY(hil_less_equal_s8, hil_compare_params, int8_t, int8_t, uint8_t, X_IS(<=))
DEFINE_BINARY(hil_greater_s8, hil_compare_params, int8_t, int8_t, uint8_t, X_IS(>))
DEFINE_BINARY(hil_greater_equal_s8, hil_compare_params, int8_t, int8_t, uint8_t, X_IS(>=))

DEFINE_BINARY(hil_logical_and, hil_binary_params, uint8_t, uint8_t, uint8_t, x != 0 && y != 0)
DEFINE_BINARY(hil_logical_or, hil_binary_params, uint8_t, uint8_t, uint8_t, x != 0 || y != 0)

DEFINE_BINARY(hil_prelu_f32, hil_binary_params, float, float, float, x >= 0.0f ? x : x * y)

static inline int8_t prelu(const hil_prelu_s8_params *p, int8_t x, int8_t alpha)
{
    const int32_t value = x - p->zero_point;
    const int32_t product = value * (alpha - p->alpha_zero_point);
    const int32_t result = value >= 0
                               ? hil_requantize(value, p->multiplier, p->shift)
                               : hil_requantize(product, p->alpha_multiplier, p->alpha_shift);

    return (int8_t)hil_clamp(hil_wrap_add(result, p->output_zero_point), INT8_MIN, INT8_MAX);
}

DEFINE_BINARY(hil_prelu_s8, hil_prelu_s8_params, int8_t, int8_t, int8_t, prelu(p, x, y))

static inline int8_t squared_difference(const hil_squared_difference_s8_params *p, int8_t x,
                                        int8_t y)
{
    const int32_t difference = scaled(x, &p->a) - scaled(y, &p->b);
    const int32_t square = hil_requantize(difference * difference, p->multiplier, p->shift);

    return (int8_t)hil_clamp(hil_wrap_add(square, p->zero_point), INT8_MIN, INT8_MAX);
}

DEFINE_BINARY(hil_squared_difference_s8, hil_squared_difference_s8_params, int8_t, int8_t, int8_t,
              squared_difference(p, x, y))
DEFINE_BINARY(hil_squared_difference_f32, hil_binary_params, float, float, float, (x - y) * (x - y))

/* Modulo 2^32, as the reference's int computes where it does not overflow. */
static inline int32_t square_s32(uint32_t difference)
{
    return (int32_t)(difference * difference);
}

DEFINE_BINARY(hil_squared_difference_s32, hil_binary_params, int32_t, int32_t, int32_t,
              square_s32((uint32_t)x - (uint32_t)y))

void hil_select(const hil_select_params *p, const uint8_t *condition, const void *a, const void *b,
                void *output)
{
    const size_t unit = (size_t)p->unit;
    uint8_t *to = output;
    hil_cursor at = {0}, at_a = {0}, at_b = {0};
    do {
        const uint8_t *from_a = (const uint8_t *)a + at_a.offset;
        const uint8_t *from_b = (const uint8_t *)b + at_b.offset;
        const uint8_t *test = condition + at.offset;
        for (int32_t i = 0; i < p->inner; ++i) {
            memcpy(to, *test != 0 ? from_a : from_b, unit);
            to += unit;
            test += p->step;
            from_a += p->a_step;
            from_b += p->b_step;
        }
        (void)hil_walk_next(&p->a, &at_a);
        (void)hil_walk_next(&p->b, &at_b);
    } while (hil_walk_next(&p->condition, &at));
}

void hil_logical_not(const hil_activation_f32_params *p, const uint8_t *input, uint8_t *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        output[i] = input[i] == 0;
    }
}

void hil_neg_s32(const hil_activation_f32_params *p, const int32_t *input, int32_t *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        output[i] = hil_wrap_subtract(0, input[i]);
    }
}
