/* SVDF: each filter's dot product with the input joins its memory of the last ones, and a second dot
 * product goes over that memory.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_aot_ops.h"
#include "hil_quant.h"

static int32_t feature_s8(const hil_svdf_s8_params *p, const int8_t *input, int32_t filter)
{
    const int8_t *const weights = p->weights_feature + filter * p->inputs;
    int32_t sum = p->feature_bias[filter];

    for (int32_t i = 0; i < p->inputs; ++i) {
        sum += input[i] * weights[i];
    }
    sum = hil_requantize(sum, p->feature_multiplier, p->feature_shift);
    return hil_clamp(sum, INT16_MIN, INT16_MAX);
}

void hil_svdf_s8(const hil_svdf_s8_params *p, const int8_t *input, int16_t *state, int8_t *output)
{
    const int32_t older = p->memory - 1;

    for (int32_t b = 0; b < p->batches; ++b, input += p->inputs) {
        for (int32_t f = 0; f < p->filters;) {
            int32_t sum = p->bias[f / p->rank];

            for (int32_t r = 0; r < p->rank; ++r, ++f, state += p->memory) {
                const int16_t *const weights = p->weights_time + f * p->memory;

                memmove(state, state + 1, (uint32_t)older * sizeof(*state));
                state[older] = (int16_t)feature_s8(p, input, f);
                for (int32_t i = 0; i < p->memory; ++i) {
                    sum = hil_wrap_add(sum, state[i] * weights[i]);
                }
            }
            sum = hil_requantize(sum, p->output_multiplier, p->output_shift);
            *output++ = hil_clamp_s8(hil_wrap_add(sum, p->output_zero_point), INT8_MIN, INT8_MAX);
        }
    }
}

static float dot_f32(const float *a, const float *b, int32_t count)
{
    float sum = 0.0f;

    for (int32_t i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

void hil_svdf_f32(const hil_svdf_f32_params *p, const float *input, float *state, float *output)
{
    const int32_t older = p->memory - 1;

    for (int32_t b = 0; b < p->batches; ++b, input += p->inputs) {
        for (int32_t f = 0; f < p->filters;) {
            const float bias = p->bias[f / p->rank];
            float sum = 0.0f;

            for (int32_t r = 0; r < p->rank; ++r, ++f, state += p->memory) {
                memmove(state, state + 1, (uint32_t)older * sizeof(*state));
                state[older] = dot_f32(p->weights_feature + f * p->inputs, input, p->inputs);
                sum += dot_f32(p->weights_time + f * p->memory, state, p->memory);
            }
            *output++ = hil_clamp_f32(sum + bias, p->act_min, p->act_max);
        }
    }
}
