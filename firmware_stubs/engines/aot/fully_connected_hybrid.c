/* FULLY_CONNECTED, float32 with int8 weights: one row at a time is quantized to scratch, then see
 * hil_fully_connected_body.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s8.h"
#include "hil_hybrid.h"

#define HIL_QUANTIZES_INPUT
#define HIL_VARIANT hybrid
#include "hil_fully_connected_body.h"

void hil_fully_connected_hybrid(const hil_fully_connected_hybrid_params *p, const float *input,
                                float *output, void *scratch)
{
    const int32_t depth = p->in_features;
    for (int32_t r = 0; r < p->rows; r++, input += depth, output += p->out_features) {
        hil_stage_hybrid stage = p->stage;
        hil_quantize_input(input, depth, p->asymmetric, scratch, &stage);
        one_row_hybrid(&stage, p->weights, depth, p->out_features, 0, scratch, output);
    }
}
