/* AVERAGE_POOL_2D and MAX_POOL_2D, int8, channel innermost.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_quant.h"
#include "hil_pool.h"

/* The mean, ties away from zero. */
static int32_t rounded_mean(int32_t sum, int32_t count) {
    return (sum + (sum > 0 ? count / 2 : -(count / 2))) / count;
}

void hil_average_pool_s8(const hil_pool_s8_params *p, const int8_t *input, int8_t *output) {
    const hil_window *w = &p->window;
    hil_position at = hil_first_position(w);
    for (int32_t i = w->batches * w->out_h * w->out_w; i > 0; i--, output += w->out_c) {
        const hil_taps taps = hil_taps_inside(w, &at);
        const int8_t *const corner = input + taps.first;
        for (int32_t c = 0; c < w->out_c; c++) {
            int32_t sum = 0;
            const int8_t *row = corner + c;
            for (int32_t y = 0; y < taps.rows; y++, row += taps.row_step) {
                const int8_t *tap = row;
                for (int32_t x = 0; x < taps.columns; x++, tap += w->in_c) {
                    sum += *tap;
                }
            }
            output[c] = hil_clamp_s8(rounded_mean(sum, taps.rows * taps.columns), p->act_min,
                                     p->act_max);
        }
        hil_next_position(w, &at);
    }
}

void hil_max_pool_s8(const hil_pool_s8_params *p, const int8_t *input, int8_t *output) {
    const hil_window *w = &p->window;
    hil_position at = hil_first_position(w);
    for (int32_t i = w->batches * w->out_h * w->out_w; i > 0; i--, output += w->out_c) {
        const hil_taps taps = hil_taps_inside(w, &at);
        const int8_t *const corner = input + taps.first;
        for (int32_t c = 0; c < w->out_c; c++) {
            int32_t largest = INT8_MIN;
            const int8_t *row = corner + c;
            for (int32_t y = 0; y < taps.rows; y++, row += taps.row_step) {
                const int8_t *tap = row;
                for (int32_t x = 0; x < taps.columns; x++, tap += w->in_c) {
                    largest = hil_max(largest, *tap);
                }
            }
            output[c] = hil_clamp_s8(largest, p->act_min, p->act_max);
        }
        hil_next_position(w, &at);
    }
}
