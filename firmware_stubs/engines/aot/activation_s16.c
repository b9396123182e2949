/* RELU, RELU6, LEAKY_RELU, LOGISTIC and TANH on int16.
 * Source of the arithmetic: reference/integer_ops/logistic.h and tanh.h of TensorFlow Lite.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

void hil_relu_s16(const hil_relu_s16_params *p, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        const int32_t x = input[i];
        const int32_t scaled = x < 0 ? hil_requantize(x, p->negative_multiplier, p->negative_shift)
                                     : hil_requantize(x, p->multiplier, p->shift);
        output[i] = (int16_t)hil_clamp(scaled, p->act_min, p->act_max);
    }
}

/* The input in steps of 1/12288. */
static inline int32_t to_steps(const hil_sigmoid_s16_params *p, int32_t x)
{
    const int32_t half = p->shift > 0 ? 1 << (p->shift - 1) : 0;
    return (x * p->multiplier + half) >> p->shift;
}

/* The sigmoid of a positive number, `bits` of whose binary digits lie between points of the table, in
 * 16 + bits fractional bits; `beyond` where the table has ended. */
static inline int32_t interpolated(const uint16_t *table, uint32_t x, int32_t bits, int32_t beyond)
{
    const uint32_t index = x >> bits;
    if (index >= 255) {
        return beyond;
    }
    const int32_t low = table[index], high = table[index + 1];
    const int32_t rest = (int32_t)(x & ((UINT32_C(1) << bits) - 1u));
    return (int32_t)((uint32_t)low << bits) + rest * (high - low);
}

void hil_logistic_s16(const hil_sigmoid_s16_params *p, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        const int32_t x = to_steps(p, input[i]);
        const uint32_t magnitude = x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
        const int32_t value = interpolated(p->table, magnitude, 9, 0x7FFF << 10);
        const int32_t half = 1 << 9;
        output[i] = (int16_t)((x >= 0 ? value + half : (1 << 25) - value + half - 1) >> 10);
    }
}

/* tanh(x) = 2 * sigmoid(2 * x) - 1. */
void hil_tanh_s16(const hil_sigmoid_s16_params *p, const int16_t *input, int16_t *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        const int32_t x = to_steps(p, input[i]);
        const uint32_t magnitude = x < 0 ? 0u - (uint32_t)x : (uint32_t)x;
        const int32_t value = interpolated(p->table, magnitude, 8, 0xFFFF << 8) - (1 << 23);
        output[i] = (int16_t)(((x >= 0 ? value : -value - 1) + (1 << 7)) >> 8);
    }
}
