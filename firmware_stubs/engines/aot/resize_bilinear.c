/* RESIZE_BILINEAR: integers in units of 1/1024 pixel, as reference/resize_bilinear.h has them.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"

/* round(x / 2^20), ties away from zero. */
#define ROUNDED(type, x) (((x) + ((x) > 0 ? (type)1 << 19 : -((type)1 << 19))) / ((type)1 << 20))

/* `one` is a pixel's distance; `accumulator` holds the sum of four products. */
#define DEFINE_RESIZE_BILINEAR(name, params, element, accumulator, one, finish)                    \
    void name(const params *p, const element *input, element *output)                              \
    {                                                                                              \
        const int32_t row = p->in_w * p->channels;                                                 \
        for (int32_t b = 0; b < p->batches; ++b, input += p->in_h * row) {                         \
            for (int32_t y = 0; y < p->out_h; ++y) {                                               \
                const element *upper = input + p->rows.low[y] * row;                               \
                const element *lower = input + p->rows.high[y] * row;                              \
                const accumulator down = p->row_fractions[y], up = (one) - down;                   \
                for (int32_t x = 0; x < p->out_w; ++x) {                                           \
                    const int32_t left = p->columns.low[x] * p->channels;                          \
                    const int32_t right = p->columns.high[x] * p->channels;                        \
                    const accumulator to_right = p->column_fractions[x];                           \
                    const accumulator to_left = (one) - to_right;                                  \
                    for (int32_t c = 0; c < p->channels; ++c) {                                    \
                        const accumulator sum =                                                    \
                            upper[left + c] * up * to_left + lower[left + c] * down * to_left +    \
                            upper[right + c] * up * to_right + lower[right + c] * down * to_right; \
                        *output++ = (element)(finish);                                             \
                    }                                                                              \
                }                                                                                  \
            }                                                                                      \
        }                                                                                          \
    }

DEFINE_RESIZE_BILINEAR(hil_resize_bilinear_s8, hil_resize_bilinear_params, int8_t, int32_t, 1024,
                       ROUNDED(int32_t, sum))
DEFINE_RESIZE_BILINEAR(hil_resize_bilinear_s16, hil_resize_bilinear_params, int16_t, int64_t, 1024,
                       ROUNDED(int64_t, sum))
DEFINE_RESIZE_BILINEAR(hil_resize_bilinear_f32, hil_resize_bilinear_f32_params, float, float, 1.0f,
                       sum)
