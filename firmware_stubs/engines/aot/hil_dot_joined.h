/* Dot products as in hil_dot_s8.h, of weights that are joined: of two channels in a word, the bytes of the
 * first (even) and of the second (odd), each halfword is 256 * second + first, which has 16 bits. A row
 * against the halfwords as they are gives 256 times the second channel's sum plus the first's; only the
 * first has to be taken apart. Sums are of 24 bits (the host has proved it), so that the
 * second's is what remains when the first is taken off, modulo 2^32. The last depth % 4 elements are not joined.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DOT_JOINED_H
#define HIL_DOT_JOINED_H

/* s##1 and s##3 have 256 times their channels' sums and those of s##0 and s##2. */
#define HIL_SEPARATE(s)                            \
    do {                                           \
        s##1 = hil_wrap_subtract(s##1, s##0) >> 8; \
        s##3 = hil_wrap_subtract(s##3, s##2) >> 8; \
    } while (0)

#if HIL_DSP

#define HIL_JOINED_PAIR_1(word, p, s, c0, c1)                       \
    do {                                                            \
        const int32_t joined_ = word;                               \
        s##c1 = hil_mac_pair_32(s##c1, p, joined_);                 \
        s##c0 = hil_mac_pair_32(s##c0, p, hil_even_bytes(joined_)); \
    } while (0)

#define HIL_JOINED_QUAD_1(x, s)                                 \
    do {                                                        \
        const int32_t row = hil_load_word(x);                   \
        const int32_t even = hil_even_bytes(row);               \
        const int32_t odd = hil_odd_bytes(row);                 \
        HIL_JOINED_PAIR_1(hil_load_word(w), even, s, 0, 1);     \
        HIL_JOINED_PAIR_1(hil_load_word(w + 4), even, s, 2, 3); \
        HIL_JOINED_PAIR_1(hil_load_word(w + 8), odd, s, 0, 1);  \
        HIL_JOINED_PAIR_1(hil_load_word(w + 12), odd, s, 2, 3); \
    } while (0)

#else

/* A joined halfword, wherever the compiler's order of bytes is little endian. */
static inline int32_t hil_joined(const int8_t *v)
{
    return 256 * v[1] + (uint8_t)v[0];
}

#define HIL_JOINED_ELEMENT(x, k, s)                            \
    do {                                                       \
        const int32_t a = x[k];                                \
        const int8_t *const v = w + (k) % 2 * 8 + (k) / 2 * 2; \
        s##0 += a * v[0];                                      \
        s##1 = hil_wrap_add(s##1, a * hil_joined(v));          \
        s##2 += a * v[4];                                      \
        s##3 = hil_wrap_add(s##3, a * hil_joined(v + 4));      \
    } while (0)

#define HIL_JOINED_QUAD_1(x, s)      \
    do {                             \
        HIL_JOINED_ELEMENT(x, 0, s); \
        HIL_JOINED_ELEMENT(x, 1, s); \
        HIL_JOINED_ELEMENT(x, 2, s); \
        HIL_JOINED_ELEMENT(x, 3, s); \
    } while (0)

#endif

#if HIL_DSP && defined(__OPTIMIZE__)
/* clang-format off */
/* The pairs p of row x and q of row y against the next word of weights. */
#define HIL_JOINED_PAIRS(c0, c1)                                              \
    "ldr.w %[t], [%[w]], #4\n\t"                                              \
    HIL_JOINED_PRODUCTS(c0, c1)
#define HIL_JOINED_PRODUCTS(c0, c1)                                           \
    "smlad %[x" c1 "], %[p], %[t], %[x" c1 "]\n\t"                            \
    "smlad %[y" c1 "], %[q], %[t], %[y" c1 "]\n\t"                            \
    "sxtb16 %[t], %[t]\n\t"                                                   \
    "smlad %[x" c0 "], %[p], %[t], %[x" c0 "]\n\t"                            \
    "smlad %[y" c0 "], %[q], %[t], %[y" c0 "]\n\t"

/* Quads of two rows up to the `end` of a block's weights. It takes the 14 registers that there are, which
 * GCC does not find; loads stand side by side where they can, each then takes one cycle. */
#define HIL_JOINED_LOOP                       \
    ".balign 4\n"                             \
    "1:\n\t"                                  \
    "ldr.w %[p], [%[x]]\n\t"                  \
    "ldr.w %[q], [%[y]]\n\t"                  \
    "ldr.w %[t], [%[w]], #4\n\t"              \
    "sxtb16 %[p], %[p]\n\t"                   \
    "sxtb16 %[q], %[q]\n\t"                   \
    HIL_JOINED_PRODUCTS("0", "1")             \
    HIL_JOINED_PAIRS("2", "3")                \
    "ldr.w %[p], [%[x]], #4\n\t"              \
    "ldr.w %[q], [%[y]], #4\n\t"              \
    "ldr.w %[t], [%[w]], #4\n\t"              \
    "sxtb16 %[p], %[p], ror #8\n\t"           \
    "sxtb16 %[q], %[q], ror #8\n\t"           \
    HIL_JOINED_PRODUCTS("0", "1")             \
    HIL_JOINED_PAIRS("2", "3")                \
    "ldr.w %[p], %[end]\n\t"                  \
    "cmp %[w], %[p]\n\t"                      \
    "bne.n 1b\n\t"
/* clang-format on */
#endif

/* Two rows times four channels: sums[0..3] of row x, sums[4..7] of row y. */
HIL_INNER_LOOP void hil_dot_2x4_s8(const int8_t *x, const int8_t *y, const int8_t *w, int32_t depth,
                                   int32_t sums[8])
{
    int32_t x0 = 0, x1 = 0, x2 = 0, x3 = 0;
    int32_t y0 = 0, y1 = 0, y2 = 0, y3 = 0;
    const int8_t *const end = w + 4 * (depth & ~3);
    if (w != end) {
#if HIL_DSP && defined(__OPTIMIZE__)
        int32_t p, q, t;
        __asm__ volatile(HIL_JOINED_LOOP
                         : [x0] "+r"(x0), [x1] "+r"(x1), [x2] "+r"(x2), [x3] "+r"(x3),
                           [y0] "+r"(y0), [y1] "+r"(y1), [y2] "+r"(y2), [y3] "+r"(y3), [x] "+r"(x),
                           [y] "+r"(y), [w] "+r"(w), [p] "=&r"(p), [q] "=&r"(q), [t] "=&r"(t)
                         : [end] "m"(end)
                         : "cc", "memory");
#else
        for (; w != end; w += 16) {
            HIL_JOINED_QUAD_1(x, x);
            HIL_JOINED_QUAD_1(y, y);
            x += 4;
            y += 4;
        }
#endif
    }
    HIL_SEPARATE(x);
    HIL_SEPARATE(y);
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
HIL_INNER_LOOP void hil_dot_1x4_s8(const int8_t *x, const int8_t *w, int32_t depth, int32_t sums[4])
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t n = depth / 4; n > 0; n--) {
        HIL_JOINED_QUAD_1(x, s);
        x += 4;
        w += 16;
    }
    HIL_SEPARATE(s);
    for (int32_t n = depth % 4; n > 0; n--) {
        HIL_LAST_1(x, s);
        x++;
        w += 4;
    }
    sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

#define hil_dot_2x4_s8_pot hil_dot_2x4_s8
#define hil_dot_1x4_s8_pot hil_dot_1x4_s8
#define hil_dot_1x1_s8_pot hil_dot_1x1_s8

#endif
