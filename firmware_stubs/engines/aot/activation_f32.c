/* Activations on float32.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "hil_aot_ops.h"
#include "hil_quant.h"

void hil_relu_f32(const hil_relu_f32_params *p, const float *input, float *output)
{
    const float act_min = p->act_min, act_max = p->act_max;
    for (int32_t i = 0; i < p->elements; ++i) {
        output[i] = hil_clamp_f32(input[i], act_min, act_max);
    }
}

void hil_leaky_relu_f32(const hil_leaky_relu_f32_params *p, const float *input, float *output)
{
    const float alpha = p->alpha;
    for (int32_t i = 0; i < p->elements; ++i) {
        const float x = input[i];
        output[i] = x > 0.0f ? x : x * alpha;
    }
}

/* Beyond these bounds the reference kernel takes 1 and exp(x). */
#define LOGISTIC_UPPER 16.619047164916992188f
#define LOGISTIC_LOWER (-9.0f)

void hil_logistic_f32(const hil_activation_f32_params *p, const float *input, float *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        const float x = input[i];
        if (x > LOGISTIC_UPPER) {
            output[i] = 1.0f;
        } else if (x < LOGISTIC_LOWER) {
            output[i] = expf(x);
        } else {
            output[i] = 1.0f / (1.0f + expf(-x));
        }
    }
}

void hil_tanh_f32(const hil_activation_f32_params *p, const float *input, float *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        output[i] = tanhf(input[i]);
    }
}

void hil_hard_swish_f32(const hil_activation_f32_params *p, const float *input, float *output)
{
    for (int32_t i = 0; i < p->elements; ++i) {
        const float x = input[i];
        output[i] = x * hil_clamp_f32(x + 3.0f, 0.0f, 6.0f) / 6.0f;
    }
}
