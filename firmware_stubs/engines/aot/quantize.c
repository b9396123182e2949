/* QUANTIZE from float32 and between types of which one is int16, DEQUANTIZE to float32.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

#define DEFINE_QUANTIZE(name, type, low, high)                                        \
    void name(const hil_quantize_params *p, const float *input, type *output)         \
    {                                                                                 \
        const float scale = p->scale;                                                 \
        const int32_t zero_point = p->zero_point;                                     \
        for (int32_t i = 0; i < p->elements; ++i) {                                   \
            const int32_t value = hil_round_half_away(input[i] / scale) + zero_point; \
            output[i] = (type)hil_clamp(value, low, high);                            \
        }                                                                             \
    }

DEFINE_QUANTIZE(hil_quantize_f32_s8, int8_t, -128, 127)
DEFINE_QUANTIZE(hil_quantize_f32_u8, uint8_t, 0, 255)
DEFINE_QUANTIZE(hil_quantize_f32_s16, int16_t, -32768, 32767)

#define DEFINE_DEQUANTIZE(name, type)                                         \
    void name(const hil_quantize_params *p, const type *input, float *output) \
    {                                                                         \
        const float scale = p->scale;                                         \
        const int32_t zero_point = p->zero_point;                             \
        for (int32_t i = 0; i < p->elements; ++i) {                           \
            output[i] = scale * (float)(input[i] - zero_point);               \
        }                                                                     \
    }

DEFINE_DEQUANTIZE(hil_dequantize_s8_f32, int8_t)
DEFINE_DEQUANTIZE(hil_dequantize_u8_f32, uint8_t)
DEFINE_DEQUANTIZE(hil_dequantize_s16_f32, int16_t)

#define DEFINE_REQUANTIZE(name, from, to, low, high)                                  \
    void name(const hil_requantize_params *p, const from *input, to *output)          \
    {                                                                                 \
        for (int32_t i = 0; i < p->elements; ++i) {                                   \
            const int32_t centred = hil_wrap_subtract(input[i], p->input_zero_point); \
            const int32_t scaled = hil_requantize(centred, p->multiplier, p->shift);  \
            const int32_t value = hil_wrap_add(scaled, p->output_zero_point);         \
            output[i] = (to)hil_clamp(value, low, high);                              \
        }                                                                             \
    }

DEFINE_REQUANTIZE(hil_requantize_s16_s16, int16_t, int16_t, -32768, 32767)
DEFINE_REQUANTIZE(hil_requantize_s16_s8, int16_t, int8_t, -128, 127)
DEFINE_REQUANTIZE(hil_requantize_s8_s16, int8_t, int16_t, -32768, 32767)
DEFINE_REQUANTIZE(hil_requantize_u8_s16, uint8_t, int16_t, -32768, 32767)
DEFINE_REQUANTIZE(hil_requantize_s16_s32, int16_t, int32_t, INT32_MIN, INT32_MAX)
DEFINE_REQUANTIZE(hil_requantize_s32_s16, int32_t, int16_t, -32768, 32767)
DEFINE_REQUANTIZE(hil_requantize_s32_s8, int32_t, int8_t, -128, 127)
