/* AVERAGE_POOL_2D and MAX_POOL_2D on integers, channel innermost: HIL_ELEMENT, names by HIL_VARIANT.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_finish.h"
#include "hil_pool.h"
#include "hil_quant.h"

/* The mean, ties away from zero. */
static int32_t rounded_mean(int32_t sum, int32_t count)
{
    return (sum + (sum > 0 ? count / 2 : -(count / 2))) / count;
}

void HIL_NAME(hil_average_pool)(const hil_pool_params *p, const HIL_ELEMENT *input,
                                HIL_ELEMENT *output)
{
    const hil_window *w = &p->window;
    hil_position at = hil_first_position(w);
    for (int32_t i = w->batches * w->out_h * w->out_w; i > 0; i--, output += w->out_c) {
        const hil_taps taps = hil_taps_inside(w, &at);
        const HIL_ELEMENT *const corner = input + taps.first;
        for (int32_t c = 0; c < w->out_c; c++) {
            int32_t sum = 0;
            const HIL_ELEMENT *row = corner + c;
            for (int32_t y = 0; y < taps.rows; y++, row += taps.row_step) {
                const HIL_ELEMENT *tap = row;
                for (int32_t x = 0; x < taps.columns; x++, tap += w->in_c) {
                    sum += *tap;
                }
            }
            output[c] = (HIL_ELEMENT)hil_clamp(rounded_mean(sum, taps.rows * taps.columns),
                                               p->act_min, p->act_max);
        }
        hil_next_position(w, &at);
    }
}

void HIL_NAME(hil_max_pool)(const hil_pool_params *p, const HIL_ELEMENT *input, HIL_ELEMENT *output)
{
    const hil_window *w = &p->window;
    hil_position at = hil_first_position(w);
    for (int32_t i = w->batches * w->out_h * w->out_w; i > 0; i--, output += w->out_c) {
        const hil_taps taps = hil_taps_inside(w, &at);
        const HIL_ELEMENT *const corner = input + taps.first;
        for (int32_t c = 0; c < w->out_c; c++) {
            int32_t largest = INT16_MIN;
            const HIL_ELEMENT *row = corner + c;
            for (int32_t y = 0; y < taps.rows; y++, row += taps.row_step) {
                const HIL_ELEMENT *tap = row;
                for (int32_t x = 0; x < taps.columns; x++, tap += w->in_c) {
                    largest = hil_max(largest, *tap);
                }
            }
            output[c] = (HIL_ELEMENT)hil_clamp(largest, p->act_min, p->act_max);
        }
        hil_next_position(w, &at);
    }
}
