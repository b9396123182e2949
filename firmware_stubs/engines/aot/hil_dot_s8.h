/* Dot products of int8 rows with blocks of output channels: the inner loops of CONV_2D and
 * FULLY_CONNECTED. Weights of a block of four lie side by side (see hil_aot.h), so that one
 * pointer walks them and every loaded value is used more than once.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DOT_S8_H
#define HIL_DOT_S8_H

#include <stdint.h>

#include "hil_quant.h"

/* Where results of the dot products go and how they get there. */
typedef struct {
    const int32_t *bias;
    const int32_t *multiplier;
    const int8_t *shift;
    int32_t zero_point, act_min, act_max;
} hil_output_stage_s8;

static inline int8_t hil_finish_s8(const hil_output_stage_s8 *stage, int32_t channel,
                                   int32_t sum) {
    const int32_t scaled =
        hil_requantize(sum, stage->multiplier[channel], stage->shift[channel]);
    return hil_clamp_s8(scaled + stage->zero_point, stage->act_min, stage->act_max);
}

/* Two rows times four channels: sums[0..3] of row x, sums[4..7] of row y. */
static inline void hil_dot_2x4_s8(const int8_t *x, const int8_t *y, const int8_t *w,
                                  int32_t depth, int32_t sums[8]) {
    int32_t x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    int32_t y0 = 0, y1 = 0, y2 = 0, y3 = 0;
    const int8_t *const end = x + depth;
    while (x != end) {
        const int32_t a = *x++;
        const int32_t b = *y++;
        x0 += a * w[0];
        y0 += b * w[0];
        x1 += a * w[1];
        y1 += b * w[1];
        x2 += a * w[2];
        y2 += b * w[2];
        x3 += a * w[3];
        y3 += b * w[3];
        w += 4;
    }
    sums[0] = x0, sums[1] = x1, sums[2] = x2, sums[3] = x3;
    sums[4] = y0, sums[5] = y1, sums[6] = y2, sums[7] = y3;
}

/* One row times four channels. */
static inline void hil_dot_1x4_s8(const int8_t *x, const int8_t *w, int32_t depth,
                                  int32_t sums[4]) {
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const int8_t *const end = x + depth;
    while (x != end) {
        const int32_t a = *x++;
        s0 += a * w[0];
        s1 += a * w[1];
        s2 += a * w[2];
        s3 += a * w[3];
        w += 4;
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

/* One row times one channel. */
static inline int32_t hil_dot_1x1_s8(const int8_t *x, const int8_t *w, int32_t depth) {
    int32_t sum = 0;
    for (int32_t i = 0; i < depth; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

#endif
