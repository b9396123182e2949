/* Dot products of float32 rows with blocks of output channels: the inner loops of CONV_2D and
 * FULLY_CONNECTED. The order of additions is that of TFLite's reference kernels.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DOT_F32_H
#define HIL_DOT_F32_H

#include <stdint.h>

#include "hil_quant.h"

typedef struct {
    const float *bias;
    float act_min, act_max;
} hil_output_stage_f32;

static inline float hil_finish_f32(const hil_output_stage_f32 *stage, int32_t channel, float sum)
{
    return hil_clamp_f32(sum + stage->bias[channel], stage->act_min, stage->act_max);
}

/* Two rows times four channels: sums[0..3] of row x, sums[4..7] of row y. */
static inline void hil_dot_2x4_f32(const float *x, const float *y, const float *w, int32_t depth,
                                   float sums[8])
{
    float x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    float y0 = 0, y1 = 0, y2 = 0, y3 = 0;
    const float *const end = x + depth;
    while (x != end) {
        const float a = *x++;
        const float b = *y++;
        x0 += a * w[0];
        x1 += a * w[1];
        x2 += a * w[2];
        x3 += a * w[3];
        y0 += b * w[0];
        y1 += b * w[1];
        y2 += b * w[2];
        y3 += b * w[3];
        w += 4;
    }
    sums[0] = x0, sums[1] = x1, sums[2] = x2, sums[3] = x3;
    sums[4] = y0, sums[5] = y1, sums[6] = y2, sums[7] = y3;
}

/* One row times four channels. */
static inline void hil_dot_1x4_f32(const float *x, const float *w, int32_t depth, float sums[4])
{
    float s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const float *const end = x + depth;
    while (x != end) {
        const float a = *x++;
        s0 += a * w[0];
        s1 += a * w[1];
        s2 += a * w[2];
        s3 += a * w[3];
        w += 4;
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

/* One row times one channel. */
static inline float hil_dot_1x1_f32(const float *x, const float *w, int32_t depth)
{
    float sum = 0;
    for (int32_t i = 0; i < depth; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

#endif
