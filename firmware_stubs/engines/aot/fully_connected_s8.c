/* FULLY_CONNECTED, int8.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s8.h"

static int32_t sum_of(const int8_t *x, int32_t n) {
    int32_t sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += x[i];
    }
    return sum;
}

void hil_fully_connected_s8(const hil_fully_connected_s8_params *p, const int8_t *input,
                            int8_t *output) {
    const int32_t depth = p->in_features;
    const int32_t channels = p->out_features;
    const hil_output_stage_s8 stage = {
        p->bias, p->multiplier, p->shift, p->output_zero_point, p->act_min, p->act_max,
    };
    for (int32_t r = 0; r < p->rows; r++, input += depth, output += channels) {
        /* The part of (w - weights_zero_point) * x that depends on the input alone. */
        const int32_t offset =
            p->weights_zero_point ? -p->weights_zero_point * sum_of(input, depth) : 0;
        const int8_t *w = p->weights;
        int32_t c = 0;
        for (; c + 4 <= channels; c += 4, w += 4 * depth) {
            int32_t sums[4];
            hil_dot_1x4_s8(input, w, depth, sums);
            for (int32_t i = 0; i < 4; i++) {
                output[c + i] = hil_finish_s8(&stage, c + i, sums[i] + stage.bias[c + i] + offset);
            }
        }
        for (; c < channels; c++, w += depth) {
            const int32_t sum = hil_dot_1x1_s8(input, w, depth);
            output[c] = hil_finish_s8(&stage, c, sum + stage.bias[c] + offset);
        }
    }
}
