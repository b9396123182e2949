/* CONV_2D, float32 with int8 weights: one image at a time is quantized to scratch, then see
 * hil_conv2d_body.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s8.h"
#include "hil_hybrid.h"
#include "hil_window.h"

#define HIL_QUANTIZES_INPUT
#define HIL_VARIANT hybrid
#include "hil_conv2d_body.h"

void hil_conv2d_hybrid(const hil_conv2d_hybrid_params *p, const float *input, float *output,
                       void *scratch)
{
    const hil_window *w = &p->window;
    const int32_t image = w->in_h * w->in_w * w->in_c;
    int8_t *const quantized = scratch;
    for (int32_t b = 0; b < p->images; b++) {
        hil_stage_hybrid stage = p->stage;
        hil_quantize_input(input, image, p->asymmetric, quantized, &stage);
        all_groups_hybrid(p, &stage, stage.input_offset, quantized, output, quantized + image);
        input += image;
        output += w->out_h * w->out_w * w->out_c;
    }
}
