/* CAST between number types: floats are cut towards zero, integers keep their low bits.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_aot_ops.h"

#define DEFINE_CAST(from, from_suffix, to, to_suffix, expression)                          \
    void hil_cast_##from_suffix##_##to_suffix(const hil_cast_params *p, const from *input, \
                                              to *output)                                  \
    {                                                                                      \
        for (int32_t i = 0; i < p->elements; ++i) {                                        \
            const from x = input[i];                                                       \
            output[i] = (expression);                                                      \
        }                                                                                  \
    }

/* Elements below 32 bits by way of int32: that conversion of a float is one instruction. */
#define DEFINE_CASTS(from, suffix)                               \
    DEFINE_CAST(from, suffix, int8_t, s8, (int8_t)(int32_t)x)    \
    DEFINE_CAST(from, suffix, uint8_t, u8, (uint8_t)(int32_t)x)  \
    DEFINE_CAST(from, suffix, int16_t, s16, (int16_t)(int32_t)x) \
    DEFINE_CAST(from, suffix, int32_t, s32, (int32_t)x)          \
    DEFINE_CAST(from, suffix, int64_t, s64, (int64_t)x)          \
    DEFINE_CAST(from, suffix, float, f32, (float)x)              \
    DEFINE_CAST(from, suffix, uint8_t, b, x != 0)

DEFINE_CASTS(int8_t, s8)
DEFINE_CASTS(uint8_t, u8)
DEFINE_CASTS(int16_t, s16)
DEFINE_CASTS(int32_t, s32)
DEFINE_CASTS(int64_t, s64)
DEFINE_CASTS(float, f32)
