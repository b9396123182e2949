/* UNIDIRECTIONAL_SEQUENCE_LSTM: the steps of a sequence, one after the other. A step's outputs are
 * the next one's hidden state.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>
#include <string.h>

#include "hil_aot_ops.h"
#include "hil_gemmlowp_s16.h"

enum { INPUT_GATE, FORGET_GATE, CELL_GATE, OUTPUT_GATE };

static int32_t dot_s8(const int8_t *a, const int8_t *b, int32_t count)
{
    int32_t sum = 0;

    for (int32_t i = 0; i < count; ++i) {
        sum += a[i] * b[i];
    }
    return sum;
}

static int32_t gate_s8(const hil_lstm_s8_params *p, int32_t which, int32_t cell,
                       const int8_t *input, const int8_t *hidden)
{
    const hil_lstm_gate_s8 *const gate = &p->gates[which];
    const int32_t fresh = dot_s8(gate->weights + cell * p->sizes.inputs, input, p->sizes.inputs);
    const int32_t kept = dot_s8(gate->recurrent + cell * p->sizes.cells, hidden, p->sizes.cells);
    const int32_t first = hil_saturate_s16(
        hil_requantize(hil_wrap_add(fresh, gate->bias[cell]), gate->multiplier, gate->shift));
    const int32_t second = hil_requantize(hil_wrap_add(kept, gate->recurrent_bias[cell]),
                                          gate->recurrent_multiplier, gate->recurrent_shift);

    return hil_saturate_s16(hil_wrap_add(second, first));
}

static int8_t cell_s8(const hil_lstm_s8_params *p, int32_t cell, const int8_t *input,
                      const int8_t *hidden, int16_t *state)
{
    const int32_t in = hil_fixed_sigmoid(gate_s8(p, INPUT_GATE, cell, input, hidden), 3);
    const int32_t forget = hil_fixed_sigmoid(gate_s8(p, FORGET_GATE, cell, input, hidden), 3);
    const int32_t update = hil_fixed_tanh(gate_s8(p, CELL_GATE, cell, input, hidden), 3);
    const int32_t out = hil_fixed_sigmoid(gate_s8(p, OUTPUT_GATE, cell, input, hidden), 3);
    const int32_t kept = hil_rounding_shift_right(forget * *state, 15);
    const int32_t added = hil_rounding_shift_right(in * update, 15 + p->cell_bits);
    const int32_t value =
        hil_clamp(hil_saturate_s16(kept + hil_wrap_s16(added)), p->cell_min, p->cell_max);

    *state = (int16_t)value;
    return hil_clamp_s8(hil_wrap_add(hil_requantize(out * hil_fixed_tanh(value, p->cell_bits),
                                                    p->hidden_multiplier, p->hidden_shift),
                                     p->hidden_zero_point),
                        INT8_MIN, INT8_MAX);
}

void hil_lstm_s8(const hil_lstm_s8_params *p, const int8_t *input, int8_t *hidden, int16_t *cells,
                 int8_t *output)
{
    const hil_lstm_sizes *const s = &p->sizes;

    for (int32_t b = 0; b < s->batches; ++b, hidden += s->cells, cells += s->cells) {
        for (int32_t t = 0; t < s->steps; ++t) {
            const int32_t row = b * s->batch_stride + t * s->step_stride;
            int8_t *const to = output + row * s->cells;

            for (int32_t c = 0; c < s->cells; ++c) {
                to[c] = cell_s8(p, c, input + row * s->inputs, hidden, cells + c);
            }
            memcpy(hidden, to, (uint32_t)s->cells);
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

static float gate_f32(const hil_lstm_f32_params *p, int32_t which, int32_t cell, const float *input,
                      const float *hidden)
{
    const hil_lstm_gate_f32 *const gate = &p->gates[which];

    return gate->bias[cell] +
           dot_f32(gate->weights + cell * p->sizes.inputs, input, p->sizes.inputs) +
           dot_f32(gate->recurrent + cell * p->sizes.cells, hidden, p->sizes.cells);
}

static float sigmoid_f32(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

static float cell_f32(const hil_lstm_f32_params *p, int32_t cell, const float *input,
                      const float *hidden, float *state)
{
    const float in = sigmoid_f32(gate_f32(p, INPUT_GATE, cell, input, hidden));
    const float forget = sigmoid_f32(gate_f32(p, FORGET_GATE, cell, input, hidden));
    const float update = tanhf(gate_f32(p, CELL_GATE, cell, input, hidden));
    const float out = sigmoid_f32(gate_f32(p, OUTPUT_GATE, cell, input, hidden));

    *state = hil_clamp_f32(forget * *state + in * update, -p->cell_clip, p->cell_clip);
    return out * tanhf(*state);
}

void hil_lstm_f32(const hil_lstm_f32_params *p, const float *input, float *hidden, float *cells,
                  float *output)
{
    const hil_lstm_sizes *const s = &p->sizes;

    for (int32_t b = 0; b < s->batches; ++b, hidden += s->cells, cells += s->cells) {
        for (int32_t t = 0; t < s->steps; ++t) {
            const int32_t row = b * s->batch_stride + t * s->step_stride;
            float *const to = output + row * s->cells;

            for (int32_t c = 0; c < s->cells; ++c) {
                to[c] = cell_f32(p, c, input + row * s->inputs, hidden, cells + c);
            }
            memcpy(hidden, to, (uint32_t)s->cells * sizeof(*to));
        }
    }
}
