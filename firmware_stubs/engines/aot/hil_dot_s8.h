/* Dot products of int8 rows with blocks of output channels: the inner loops of CONV_2D and
 * FULLY_CONNECTED. Weights of a block of four lie side by side (see hil_aot.h), so that one
 * pointer walks them and every loaded value is used more than once.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DOT_S8_H
#define HIL_DOT_S8_H

#include <stdint.h>

#include "hil_finish.h"
#include "hil_inner.h"

/* One element of the two rows x and y against the four weights at w + 4 * k. */
#define HIL_STEP_2X4(k)            \
    do {                           \
        const int32_t a = x[k];    \
        const int32_t b = y[k];    \
        x0 += a * w[4 * (k)];      \
        y0 += b * w[4 * (k)];      \
        x1 += a * w[4 * (k) + 1];  \
        y1 += b * w[4 * (k) + 1];  \
        x2 += a * w[4 * (k) + 2];  \
        y2 += b * w[4 * (k) + 2];  \
        x3 += a * w[4 * (k) + 3];  \
        y3 += b * w[4 * (k) + 3];  \
    } while (0)

/* Two rows times four channels: sums[0..3] of row x, sums[4..7] of row y. */
HIL_INNER_LOOP void hil_dot_2x4_s8(const int8_t *x, const int8_t *y, const int8_t *w,
                                   int32_t depth, int32_t sums[8]) {
    int32_t x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    int32_t y0 = 0, y1 = 0, y2 = 0, y3 = 0;
    for (int32_t n = depth / 4; n > 0; n--) {
        HIL_STEP_2X4(0);
        HIL_STEP_2X4(1);
        HIL_STEP_2X4(2);
        HIL_STEP_2X4(3);
        x += 4;
        y += 4;
        w += 16;
    }
    for (int32_t n = depth % 4; n > 0; n--) {
        HIL_STEP_2X4(0);
        x++;
        y++;
        w += 4;
    }
    sums[0] = x0, sums[1] = x1, sums[2] = x2, sums[3] = x3;
    sums[4] = y0, sums[5] = y1, sums[6] = y2, sums[7] = y3;
}

/* One element of the row x against the four weights at w + 4 * k. */
#define HIL_STEP_1X4(k)            \
    do {                           \
        const int32_t a = x[k];    \
        s0 += a * w[4 * (k)];      \
        s1 += a * w[4 * (k) + 1];  \
        s2 += a * w[4 * (k) + 2];  \
        s3 += a * w[4 * (k) + 3];  \
    } while (0)

/* One row times four channels. */
HIL_INNER_LOOP void hil_dot_1x4_s8(const int8_t *x, const int8_t *w, int32_t depth,
                                   int32_t sums[4]) {
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t n = depth / 4; n > 0; n--) {
        HIL_STEP_1X4(0);
        HIL_STEP_1X4(1);
        HIL_STEP_1X4(2);
        HIL_STEP_1X4(3);
        x += 4;
        w += 16;
    }
    for (int32_t n = depth % 4; n > 0; n--) {
        HIL_STEP_1X4(0);
        x++;
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

/* The variants whose inputs and weights are int8 share these loops. */
#define hil_dot_2x4_s8_pot hil_dot_2x4_s8
#define hil_dot_1x4_s8_pot hil_dot_1x4_s8
#define hil_dot_1x1_s8_pot hil_dot_1x1_s8
#define hil_dot_2x4_hybrid hil_dot_2x4_s8
#define hil_dot_1x4_hybrid hil_dot_1x4_s8
#define hil_dot_1x1_hybrid hil_dot_1x1_s8

#endif
