/* Dot products of int16 rows with blocks of four output channels, for one type of weights and one of
 * sums: HIL_DOT_WEIGHT (int8_t, int16_t) and HIL_DOT_BITS (32, 64), names by HIL_DOT. Included by
 * hil_dot_s16.h only.
 *
 * Weights of a block lie so that a pair of neighbours along the row is loaded at once:
 *   int16   [depth / 2][channel 0..3][2]
 *   int8    [depth / 2][channels 0 and 1, 2 and 3][2][2]: the four bytes of a word are two channels
 *           of the first neighbour and the same two of the second, as SXTB16 takes them apart
 * and the last element of an odd depth behind them, [4].
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_DOT_SUM HIL_DOT_PASTE3(int, HIL_DOT_BITS, _t)

#if HIL_DSP
#define HIL_DOT_MAC HIL_DOT_PASTE3(hil_mac_pair_, HIL_DOT_BITS, )
#if HIL_DOT_WEIGHT_BYTES == 1
#define HIL_DOT_LOAD(k)                                                                   \
    const int32_t w01 = hil_load_word(w + 8 * (k)), w23 = hil_load_word(w + 8 * (k) + 4); \
    const int32_t w0 = hil_even_bytes(w01), w1 = hil_odd_bytes(w01);                      \
    const int32_t w2 = hil_even_bytes(w23), w3 = hil_odd_bytes(w23)
#else
#define HIL_DOT_LOAD(k)                                                                 \
    const int32_t w0 = hil_load_word(w + 8 * (k)), w1 = hil_load_word(w + 8 * (k) + 2); \
    const int32_t w2 = hil_load_word(w + 8 * (k) + 4), w3 = hil_load_word(w + 8 * (k) + 6)
#endif
/* Two neighbours of the row `x` against four channels. */
#define HIL_DOT_STEP(x, k, s)                            \
    do {                                                 \
        const int32_t pair = hil_load_word(x + 2 * (k)); \
        s##0 = HIL_DOT_MAC(s##0, pair, w0);              \
        s##1 = HIL_DOT_MAC(s##1, pair, w1);              \
        s##2 = HIL_DOT_MAC(s##2, pair, w2);              \
        s##3 = HIL_DOT_MAC(s##3, pair, w3);              \
    } while (0)
#else
#if HIL_DOT_WEIGHT_BYTES == 1
#define HIL_DOT_AT(channel, neighbour) ((channel) / 2 * 4 + (neighbour) * 2 + (channel) % 2)
#else
#define HIL_DOT_AT(channel, neighbour) ((channel) * 2 + (neighbour))
#endif
#define HIL_DOT_LOAD(k) const HIL_DOT_WEIGHT *const v = w + 8 * (k)
#define HIL_DOT_STEP(x, k, s)                                             \
    do {                                                                  \
        const HIL_DOT_SUM a = x[2 * (k)], b = x[2 * (k) + 1];             \
        s##0 += a * v[HIL_DOT_AT(0, 0)], s##0 += b * v[HIL_DOT_AT(0, 1)]; \
        s##1 += a * v[HIL_DOT_AT(1, 0)], s##1 += b * v[HIL_DOT_AT(1, 1)]; \
        s##2 += a * v[HIL_DOT_AT(2, 0)], s##2 += b * v[HIL_DOT_AT(2, 1)]; \
        s##3 += a * v[HIL_DOT_AT(3, 0)], s##3 += b * v[HIL_DOT_AT(3, 1)]; \
    } while (0)
#endif

/* The last element of a row of odd depth. */
#define HIL_DOT_LAST(x, s)        \
    do {                          \
        const HIL_DOT_SUM a = *x; \
        s##0 += a * w[0];         \
        s##1 += a * w[1];         \
        s##2 += a * w[2];         \
        s##3 += a * w[3];         \
    } while (0)

/* One row times four channels. */
HIL_INNER_LOOP void HIL_DOT(hil_dot_1x4)(const int16_t *x, const HIL_DOT_WEIGHT *w, int32_t depth,
                                         HIL_DOT_SUM sums[4])
{
    HIL_DOT_SUM x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    for (const HIL_DOT_WEIGHT *const end = w + 4 * (depth & ~3); w != end;) {
        {
            HIL_DOT_LOAD(0);
            HIL_DOT_STEP(x, 0, x);
        }
        HIL_LOADS_STAY();
        {
            HIL_DOT_LOAD(1);
            HIL_DOT_STEP(x, 1, x);
        }
        x += 4;
        w += 16;
    }
    if (depth & 2) {
        HIL_DOT_LOAD(0);
        HIL_DOT_STEP(x, 0, x);
        x += 2;
        w += 8;
    }
    if (depth & 1) {
        HIL_DOT_LAST(x, x);
    }
    sums[0] = x0, sums[1] = x1, sums[2] = x2, sums[3] = x3;
}

/* Two rows times four channels: sums[0..3] of row x, sums[4..7] of row y. */
HIL_INNER_LOOP void HIL_DOT(hil_dot_2x4)(const int16_t *x, const int16_t *y,
                                         const HIL_DOT_WEIGHT *w, int32_t depth,
                                         HIL_DOT_SUM sums[8])
{
#if HIL_DOT_BITS == 64
    /* Eight sums of 64 bits do not fit the registers. */
    HIL_DOT(hil_dot_1x4)(x, w, depth, sums);
    HIL_DOT(hil_dot_1x4)(y, w, depth, sums + 4);
#else
    HIL_DOT_SUM x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    HIL_DOT_SUM y0 = 0, y1 = 0, y2 = 0, y3 = 0;
    for (const HIL_DOT_WEIGHT *const end = w + 4 * (depth & ~1); w != end;) {
        HIL_DOT_LOAD(0);
        HIL_DOT_STEP(x, 0, x);
        HIL_DOT_STEP(y, 0, y);
        x += 2;
        y += 2;
        w += 8;
    }
    if (depth & 1) {
        HIL_DOT_LAST(x, x);
        HIL_DOT_LAST(y, y);
    }
    sums[0] = x0, sums[1] = x1, sums[2] = x2, sums[3] = x3;
    sums[4] = y0, sums[5] = y1, sums[6] = y2, sums[7] = y3;
#endif
}

/* One row times one channel. */
static inline HIL_DOT_SUM HIL_DOT(hil_dot_1x1)(const int16_t *x, const HIL_DOT_WEIGHT *w,
                                               int32_t depth)
{
    HIL_DOT_SUM sum = 0;
    for (int32_t i = 0; i < depth; i++) {
        sum += (HIL_DOT_SUM)x[i] * w[i];
    }
    return sum;
}

#undef HIL_DOT
#undef HIL_DOT_WEIGHT
#undef HIL_DOT_WEIGHT_BYTES
#undef HIL_DOT_BITS
#undef HIL_DOT_SUM
#undef HIL_DOT_MAC
#undef HIL_DOT_AT
#undef HIL_DOT_LOAD
#undef HIL_DOT_STEP
#undef HIL_DOT_LAST
