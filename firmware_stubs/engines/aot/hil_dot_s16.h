/* Dot products of int16 rows with int8 or int16 weights in sums of 32 or 64 bits: the inner loops of
 * CONV_2D and FULLY_CONNECTED, and their names for each variant of hil_variants.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DOT_S16_H
#define HIL_DOT_S16_H

#include <stdint.h>

#include "hil_dsp.h"
#include "hil_finish.h"
#include "hil_inner.h"

#define HIL_DOT_PASTE3_(a, b, c) a##b##c
#define HIL_DOT_PASTE3(a, b, c) HIL_DOT_PASTE3_(a, b, c)

#define HIL_DOT(name) name##_w8_32
#define HIL_DOT_WEIGHT int8_t
#define HIL_DOT_WEIGHT_BYTES 1
#define HIL_DOT_BITS 32
#include "hil_dot_s16_body.h"

#define HIL_DOT(name) name##_w8_64
#define HIL_DOT_WEIGHT int8_t
#define HIL_DOT_WEIGHT_BYTES 1
#define HIL_DOT_BITS 64
#include "hil_dot_s16_body.h"

#define HIL_DOT(name) name##_w16_32
#define HIL_DOT_WEIGHT int16_t
#define HIL_DOT_WEIGHT_BYTES 2
#define HIL_DOT_BITS 32
#include "hil_dot_s16_body.h"

#define HIL_DOT(name) name##_w16_64
#define HIL_DOT_WEIGHT int16_t
#define HIL_DOT_WEIGHT_BYTES 2
#define HIL_DOT_BITS 64
#include "hil_dot_s16_body.h"

#define HIL_DOT_ALIASES(V, KIND)                                                                  \
    static inline void hil_dot_1x4_##V(const int16_t *x, const hil_weight_##V *w, int32_t depth,  \
                                       hil_sum_##V *sums)                                         \
    {                                                                                             \
        hil_dot_1x4_##KIND(x, w, depth, sums);                                                    \
    }                                                                                             \
    static inline void hil_dot_2x4_##V(const int16_t *x, const int16_t *y,                        \
                                       const hil_weight_##V *w, int32_t depth, hil_sum_##V *sums) \
    {                                                                                             \
        hil_dot_2x4_##KIND(x, y, w, depth, sums);                                                 \
    }                                                                                             \
    static inline hil_sum_##V hil_dot_1x1_##V(const int16_t *x, const hil_weight_##V *w,          \
                                              int32_t depth)                                      \
    {                                                                                             \
        return hil_dot_1x1_##KIND(x, w, depth);                                                   \
    }

HIL_DOT_ALIASES(s16x8_b32, w8_32)
HIL_DOT_ALIASES(s16x8, w8_32)
HIL_DOT_ALIASES(s16x8_pot, w8_32)
HIL_DOT_ALIASES(s16x8_wide, w8_64)
HIL_DOT_ALIASES(s16x8_wide_pot, w8_64)
HIL_DOT_ALIASES(s16x16_pot, w16_32)
HIL_DOT_ALIASES(s16x16_wide_pot, w16_64)
HIL_DOT_ALIASES(s16x16_wide, w16_64)

#endif
