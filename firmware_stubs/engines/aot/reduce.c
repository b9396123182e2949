/* REDUCE_MAX, REDUCE_MIN, SUM of int32, ARG_MAX and ARG_MIN.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

/* `so_far` begins with the first element, which `expression` sees once more: MAX and MIN do not
 * mind, and sums pass `begin` as 0. */
#define DEFINE_REDUCE(name, type, begin, expression)                       \
    void name(const hil_reduce_params *p, const type *input, type *output) \
    {                                                                      \
        const int32_t inner = p->inner, stride = p->inner_stride;          \
        hil_cursor at = {0};                                               \
        do {                                                               \
            const type *const first = input + at.offset;                   \
            hil_cursor taken = {0};                                        \
            type so_far = (begin);                                         \
            do {                                                           \
                const type *from = first + taken.offset;                   \
                for (int32_t i = 0; i < inner; ++i) {                      \
                    const type x = *from;                                  \
                    so_far = (expression);                                 \
                    from += stride;                                        \
                }                                                          \
            } while (hil_walk_next(&p->reduced, &taken));                  \
            *output++ = so_far;                                            \
        } while (hil_walk_next(&p->kept, &at));                            \
    }

#define DEFINE_EXTREMES(type, suffix)                                             \
    DEFINE_REDUCE(hil_reduce_max_##suffix, type, *first, x > so_far ? x : so_far) \
    DEFINE_REDUCE(hil_reduce_min_##suffix, type, *first, x < so_far ? x : so_far)

DEFINE_EXTREMES(int8_t, s8)
DEFINE_EXTREMES(int16_t, s16)
DEFINE_EXTREMES(int32_t, s32)
DEFINE_EXTREMES(int64_t, s64)
DEFINE_EXTREMES(float, f32)

DEFINE_REDUCE(hil_sum_s32, int32_t, 0, hil_wrap_add(so_far, x))

static void put_index(const hil_arg_params *p, void *output, int32_t at, int32_t index)
{
    if (p->index_bytes == 4) {
        ((int32_t *)output)[at] = index;
    } else {
        ((int64_t *)output)[at] = index;
    }
}

/* Of equal elements the first. */
#define DEFINE_ARG(name, type, sign)                                         \
    void name(const hil_arg_params *p, const type *input, void *output)      \
    {                                                                        \
        for (int32_t o = 0; o < p->outer; ++o) {                             \
            for (int32_t i = 0; i < p->inner; ++i) {                         \
                const type *const from = input + o * p->size * p->inner + i; \
                int32_t best = 0;                                            \
                for (int32_t a = 1; a < p->size; ++a) {                      \
                    if (from[a * p->inner] sign from[best * p->inner]) {     \
                        best = a;                                            \
                    }                                                        \
                }                                                            \
                put_index(p, output, o * p->inner + i, best);                \
            }                                                                \
        }                                                                    \
    }

#define DEFINE_ARGS(type, suffix)             \
    DEFINE_ARG(hil_arg_max_##suffix, type, >) \
    DEFINE_ARG(hil_arg_min_##suffix, type, <)

DEFINE_ARGS(int8_t, s8)
DEFINE_ARGS(uint8_t, u8)
DEFINE_ARGS(int32_t, s32)
DEFINE_ARGS(float, f32)
