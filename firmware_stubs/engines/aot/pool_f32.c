/* AVERAGE_POOL_2D and MAX_POOL_2D, float32, channel innermost.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <float.h>

#include "hil_aot.h"
#include "hil_pool.h"
#include "hil_quant.h"

void hil_average_pool_f32(const hil_pool_f32_params *p, const float *input, float *output)
{
    const hil_window *w = &p->window;
    hil_position at = hil_first_position(w);
    for (int32_t i = w->batches * w->out_h * w->out_w; i > 0; i--, output += w->out_c) {
        const hil_taps taps = hil_taps_inside(w, &at);
        const float *const corner = input + taps.first;
        for (int32_t c = 0; c < w->out_c; c++) {
            float sum = 0;
            const float *row = corner + c;
            for (int32_t y = 0; y < taps.rows; y++, row += taps.row_step) {
                const float *tap = row;
                for (int32_t x = 0; x < taps.columns; x++, tap += w->in_c) {
                    sum += *tap;
                }
            }
            const float mean = sum / (float)(taps.rows * taps.columns);
            output[c] = hil_clamp_f32(mean, p->act_min, p->act_max);
        }
        hil_next_position(w, &at);
    }
}

void hil_max_pool_f32(const hil_pool_f32_params *p, const float *input, float *output)
{
    const hil_window *w = &p->window;
    hil_position at = hil_first_position(w);
    for (int32_t i = w->batches * w->out_h * w->out_w; i > 0; i--, output += w->out_c) {
        const hil_taps taps = hil_taps_inside(w, &at);
        const float *const corner = input + taps.first;
        for (int32_t c = 0; c < w->out_c; c++) {
            float largest = -FLT_MAX;
            const float *row = corner + c;
            for (int32_t y = 0; y < taps.rows; y++, row += taps.row_step) {
                const float *tap = row;
                for (int32_t x = 0; x < taps.columns; x++, tap += w->in_c) {
                    largest = *tap > largest ? *tap : largest;
                }
            }
            output[c] = hil_clamp_f32(largest, p->act_min, p->act_max);
        }
        hil_next_position(w, &at);
    }
}
