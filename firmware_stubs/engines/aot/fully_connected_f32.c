/* FULLY_CONNECTED, float32.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_f32.h"

void hil_fully_connected_f32(const hil_fully_connected_f32_params *p, const float *input,
                             float *output)
{
    const int32_t depth = p->in_features;
    const int32_t channels = p->out_features;
    const hil_output_stage_f32 stage = {p->bias, p->act_min, p->act_max};
    for (int32_t r = 0; r < p->rows; r++, input += depth, output += channels) {
        const float *w = p->weights;
        int32_t c = 0;
        for (; c + 4 <= channels; c += 4, w += 4 * depth) {
            float sums[4];
            hil_dot_1x4_f32(input, w, depth, sums);
            for (int32_t i = 0; i < 4; i++) {
                output[c + i] = hil_finish_f32(&stage, c + i, sums[i]);
            }
        }
        for (; c < channels; c++, w += depth) {
            output[c] = hil_finish_f32(&stage, c, hil_dot_1x1_f32(input, w, depth));
        }
    }
}
