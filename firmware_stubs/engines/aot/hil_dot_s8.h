/* Dot products of int8 rows with blocks of output channels: the inner loops of CONV_2D and
 * FULLY_CONNECTED. Weights of a block of four channels lie together, so that one pointer walks them and
 * every loaded value is used more than once: quads of elements as below, then the last depth % 4
 * elements, [4] each.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DOT_S8_H
#define HIL_DOT_S8_H

#include <stdint.h>

#include "hil_dsp.h"
#include "hil_finish.h"
#include "hil_inner.h"

/* A word of weights holds two channels of the elements k and k + 2 of a row, as SXTB16 takes it apart
 * into a pair for each channel; the word of a row gives the pairs (0, 2) and (1, 3) likewise. The four
 * words of a quad of elements are, in this order: elements 0 and 2 of channels 0 and 1, of channels 2
 * and 3, elements 1 and 3 of channels 0 and 1, of channels 2 and 3. */
#if HIL_DSP

/* The pair `p` of the row `s` against the two channels of a word of weights. */
#define HIL_PAIR_1(word, p, s, c0, c1)                           \
    do {                                                         \
        s##c0 = hil_mac_pair_32(s##c0, p, hil_even_bytes(word)); \
        s##c1 = hil_mac_pair_32(s##c1, p, hil_odd_bytes(word));  \
    } while (0)

#define HIL_QUAD_1(x, s)                                 \
    do {                                                 \
        const int32_t row = hil_load_word(x);            \
        const int32_t even = hil_even_bytes(row);        \
        const int32_t odd = hil_odd_bytes(row);          \
        HIL_PAIR_1(hil_load_word(w), even, s, 0, 1);     \
        HIL_PAIR_1(hil_load_word(w + 4), even, s, 2, 3); \
        HIL_PAIR_1(hil_load_word(w + 8), odd, s, 0, 1);  \
        HIL_PAIR_1(hil_load_word(w + 12), odd, s, 2, 3); \
    } while (0)

#define HIL_PAIR_2(at, px, py, c0, c1)                \
    do {                                              \
        const int32_t word = hil_load_word(w + (at)); \
        const int32_t first = hil_even_bytes(word);   \
        x##c0 = hil_mac_pair_32(x##c0, px, first);    \
        y##c0 = hil_mac_pair_32(y##c0, py, first);    \
        const int32_t second = hil_odd_bytes(word);   \
        x##c1 = hil_mac_pair_32(x##c1, px, second);   \
        y##c1 = hil_mac_pair_32(y##c1, py, second);   \
    } while (0)

#define HIL_QUAD_2(x, y)                                         \
    do {                                                         \
        const int32_t x_even = hil_even_bytes(hil_load_word(x)); \
        const int32_t y_even = hil_even_bytes(hil_load_word(y)); \
        HIL_PAIR_2(0, x_even, y_even, 0, 1);                     \
        HIL_LOADS_STAY();                                        \
        HIL_PAIR_2(4, x_even, y_even, 2, 3);                     \
        HIL_LOADS_STAY();                                        \
        const int32_t x_odd = hil_odd_bytes(hil_load_word(x));   \
        const int32_t y_odd = hil_odd_bytes(hil_load_word(y));   \
        HIL_PAIR_2(8, x_odd, y_odd, 0, 1);                       \
        HIL_LOADS_STAY();                                        \
        HIL_PAIR_2(12, x_odd, y_odd, 2, 3);                      \
    } while (0)

#else

/* The element k of a quad of the row x, for four channels. */
#define HIL_ELEMENT_1(x, k, s)                                 \
    do {                                                       \
        const int32_t a = x[k];                                \
        const int8_t *const v = w + (k) % 2 * 8 + (k) / 2 * 2; \
        s##0 += a * v[0];                                      \
        s##1 += a * v[1];                                      \
        s##2 += a * v[4];                                      \
        s##3 += a * v[5];                                      \
    } while (0)

#define HIL_QUAD_1(x, s)        \
    do {                        \
        HIL_ELEMENT_1(x, 0, s); \
        HIL_ELEMENT_1(x, 1, s); \
        HIL_ELEMENT_1(x, 2, s); \
        HIL_ELEMENT_1(x, 3, s); \
    } while (0)

#define HIL_ELEMENT_2(k)                                       \
    do {                                                       \
        const int32_t a = x[k], b = y[k];                      \
        const int8_t *const v = w + (k) % 2 * 8 + (k) / 2 * 2; \
        x0 += a * v[0], y0 += b * v[0];                        \
        x1 += a * v[1], y1 += b * v[1];                        \
        x2 += a * v[4], y2 += b * v[4];                        \
        x3 += a * v[5], y3 += b * v[5];                        \
    } while (0)

#define HIL_QUAD_2(x, y)  \
    do {                  \
        HIL_ELEMENT_2(0); \
        HIL_ELEMENT_2(1); \
        HIL_ELEMENT_2(2); \
        HIL_ELEMENT_2(3); \
    } while (0)

#endif

/* One of the last elements, whose four weights lie side by side. */
#define HIL_LAST_1(x, s)      \
    do {                      \
        const int32_t a = *x; \
        s##0 += a * w[0];     \
        s##1 += a * w[1];     \
        s##2 += a * w[2];     \
        s##3 += a * w[3];     \
    } while (0)

/* Two rows times four channels: sums[0..3] of row x, sums[4..7] of row y. */
HIL_INNER_LOOP void hil_dot_2x4_any(const int8_t *x, const int8_t *y, const int8_t *w,
                                    int32_t depth, int32_t sums[8])
{
    int32_t x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    int32_t y0 = 0, y1 = 0, y2 = 0, y3 = 0;
    for (const int8_t *const end = w + 4 * (depth & ~3); w != end;) {
        HIL_QUAD_2(x, y);
        x += 4;
        y += 4;
        w += 16;
    }
    for (int32_t n = depth % 4; n > 0; n--) {
        HIL_LAST_1(x, x);
        HIL_LAST_1(y, y);
        x++;
        y++;
        w += 4;
    }
    sums[0] = x0, sums[1] = x1, sums[2] = x2, sums[3] = x3;
    sums[4] = y0, sums[5] = y1, sums[6] = y2, sums[7] = y3;
}

/* One row times four channels. */
HIL_INNER_LOOP void hil_dot_1x4_any(const int8_t *x, const int8_t *w, int32_t depth,
                                    int32_t sums[4])
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t n = depth / 4; n > 0; n--) {
        HIL_QUAD_1(x, s);
        x += 4;
        w += 16;
    }
    for (int32_t n = depth % 4; n > 0; n--) {
        HIL_LAST_1(x, s);
        x++;
        w += 4;
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

/* One row times one channel. */
static inline int32_t hil_dot_1x1_s8(const int8_t *x, const int8_t *w, int32_t depth)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < depth; i++) {
        sum += x[i] * w[i];
    }
    return sum;
}

/* The variants whose inputs and weights are int8 share these loops. */
#define hil_dot_2x4_s8_any hil_dot_2x4_any
#define hil_dot_1x4_s8_any hil_dot_1x4_any
#define hil_dot_1x1_s8_any hil_dot_1x1_s8
#define hil_dot_2x4_hybrid hil_dot_2x4_any
#define hil_dot_1x4_hybrid hil_dot_1x4_any
#define hil_dot_1x1_hybrid hil_dot_1x1_s8

#include "hil_dot_joined.h"

#endif
