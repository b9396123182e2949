/* SOFTMAX on float32.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "hil_aot_ops.h"

void hil_softmax_f32(const hil_softmax_f32_params *p, const float *input, float *output)
{
    const int32_t depth = p->depth;
    for (int32_t r = 0; r < p->rows; ++r) {
        float maximum = input[0];
        for (int32_t i = 1; i < depth; ++i) {
            maximum = input[i] > maximum ? input[i] : maximum;
        }
        float sum = 0.0f;
        for (int32_t i = 0; i < depth; ++i) {
            const float value = expf((input[i] - maximum) * p->beta);
            output[i] = value;
            sum += value;
        }
        for (int32_t i = 0; i < depth; ++i) {
            output[i] /= sum;
        }
        input += depth;
        output += depth;
    }
}
