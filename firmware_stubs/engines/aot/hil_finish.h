/* From the sum of a dot product to an output element, for each variant of hil_variants.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_FINISH_H
#define HIL_FINISH_H

#include <stddef.h>

#include "hil_dsp.h"
#include "hil_quant.h"
#include "hil_variants.h"

/* `sum` includes neither bias nor zero points, except for what the host has folded into the bias. */
#define HIL_FINISH(V)                                                                        \
    static inline hil_output_##V hil_finish_##V(const hil_stage_##V *stage, int32_t channel, \
                                                hil_sum_##V sum)

#define HIL_SHIFT_OF(stage, channel) ((int32_t)(stage)->shift[(channel) & (stage)->shift_mask])

/* Saturated only: hil_limit_s8 comes after it. */
HIL_FINISH(s8)
{
    const int32_t *const constants = stage->channels + 2 * channel;
    return (int8_t)hil_saturate_s8(
        hil_requantize_packed(sum, constants[0], constants[1], stage->zero_point));
}

HIL_FINISH(s8_any)
{
    const int32_t scaled = hil_requantize(sum + stage->bias[channel], stage->multiplier[channel],
                                          stage->shift[channel]);
    return hil_clamp_s8(scaled + stage->zero_point, stage->act_min, stage->act_max);
}

/* hil_requantize for a multiplier of 2^30: half of the number, ties up, then a division by a power
 * of two, ties away from zero. Saturated only. */
HIL_FINISH(s8_pot)
{
    const int32_t scaled =
        hil_requantize_pot(sum + stage->bias[channel], HIL_SHIFT_OF(stage, channel));
    return (int8_t)hil_saturate_s8(scaled + stage->zero_point);
}

HIL_FINISH(s16x8_b32)
{
    const int32_t scaled = hil_requantize(sum + stage->bias[channel], stage->multiplier[channel],
                                          stage->shift[channel]);
    return (int16_t)hil_clamp(scaled, stage->act_min, stage->act_max);
}

HIL_FINISH(s16x8)
{
    const int64_t product = (int64_t)(sum + stage->bias[channel]) * stage->multiplier[channel];
    const int32_t scaled = ((int32_t)(product >> 16) >> HIL_SHIFT_OF(stage, channel)) + 1;
    return (int16_t)hil_clamp(scaled >> 1, stage->act_min, stage->act_max);
}

/* What does not fit 32 bits loses its upper half, as in TFLite's kernel. */
HIL_FINISH(s16x8_wide)
{
    const int64_t scaled = hil_rescale_s64(sum + stage->bias[channel], stage->multiplier[channel],
                                           HIL_SHIFT_OF(stage, channel));
    return (int16_t)hil_clamp((int32_t)scaled, stage->act_min, stage->act_max);
}

HIL_FINISH(s16x8_pot)
{
    const int32_t scaled = ((sum + stage->bias[channel]) >> HIL_SHIFT_OF(stage, channel)) + 1;
    return (int16_t)hil_clamp(scaled >> 1, stage->act_min, stage->act_max);
}

HIL_FINISH(s16x8_wide_pot)
{
    const int64_t scaled = ((sum + stage->bias[channel]) >> HIL_SHIFT_OF(stage, channel)) + 1;
    return (int16_t)hil_clamp((int32_t)(scaled >> 1), stage->act_min, stage->act_max);
}

HIL_FINISH(s16x16_pot)
{
    const int32_t scaled = ((sum + stage->bias[channel]) >> HIL_SHIFT_OF(stage, channel)) + 1;
    return (int16_t)hil_clamp(scaled >> 1, stage->act_min, stage->act_max);
}

HIL_FINISH(s16x16_wide_pot)
{
    const int64_t scaled = ((sum + stage->bias[channel]) >> HIL_SHIFT_OF(stage, channel)) + 1;
    return (int16_t)hil_clamp_s64(scaled >> 1, stage->act_min, stage->act_max);
}

HIL_FINISH(s16x16_wide)
{
    const int64_t scaled = hil_rescale_s64(sum + stage->bias[channel], stage->multiplier[channel],
                                           HIL_SHIFT_OF(stage, channel));
    return (int16_t)hil_clamp_s64(scaled, stage->act_min, stage->act_max);
}

HIL_FINISH(hybrid)
{
    const float scale = stage->scale[channel & stage->scale_mask];
    if (stage->input_offset) {
        sum -= stage->input_offset * stage->weight_sums[channel];
    }
    float value = stage->scales_first ? (float)sum * (scale * stage->input_scale)
                                      : (float)sum * scale * stage->input_scale;
    if (stage->bias) {
        value += stage->bias[channel];
    }
    return hil_clamp_f32(value, stage->act_min, stage->act_max);
}

/* The stage as channel `first` and those after it see it. */
#define HIL_STAGE_AT(V, ELEMENT, WEIGHT, SUM, OUTPUT)                                       \
    static inline hil_stage_##V hil_stage_at_##V(const hil_stage_##V *stage, int32_t first) \
    {                                                                                       \
        hil_stage_##V at = *stage;                                                          \
        at.bias += first;                                                                   \
        if (at.multiplier) {                                                                \
            at.multiplier += first;                                                         \
        }                                                                                   \
        at.shift += first & at.shift_mask;                                                  \
        return at;                                                                          \
    }
HIL_TABLE_VARIANTS(HIL_STAGE_AT)

static inline hil_stage_s8 hil_stage_at_s8(const hil_stage_s8 *stage, int32_t first)
{
    hil_stage_s8 at = *stage;
    at.channels += 2 * first;
    return at;
}

static inline hil_stage_hybrid hil_stage_at_hybrid(const hil_stage_hybrid *stage, int32_t first)
{
    hil_stage_hybrid at = *stage;
    if (at.bias) {
        at.bias += first;
    }
    at.scale += first & at.scale_mask;
    if (at.weight_sums) {
        at.weight_sums += first;
    }
    return at;
}

/* A fused activation, over all elements of an output, where hil_finish has not done it: int8 outputs
 * mostly use their whole range, for which saturation is all there is to do. */
static inline void hil_limit_to(int32_t low, int32_t high, int8_t *output, int32_t elements)
{
    if (low == INT8_MIN && high == INT8_MAX) {
        return;
    }
    int32_t i = 0;
#if HIL_DSP
    const int32_t lows = (int32_t)((uint32_t)(uint8_t)low * 0x01010101u);
    const int32_t highs = (int32_t)((uint32_t)(uint8_t)high * 0x01010101u);
    for (; i + 4 <= elements; i += 4) {
        const int32_t four = hil_clamp_bytes(hil_load_word(output + i), lows, highs);
        memcpy(output + i, &four, sizeof(four));
    }
#endif
    for (; i < elements; i++) {
        output[i] = hil_clamp_s8(output[i], low, high);
    }
}

#define hil_limit_s8(stage, output, n) hil_limit_to((stage)->act_min, (stage)->act_max, output, n)
#define hil_limit_s8_pot hil_limit_s8
/* All others are done. */
#define hil_limit_s8_any(stage, output, n) ((void)(stage), (void)(output), (void)(n))
#define hil_limit_s16x8_b32 hil_limit_s8_any
#define hil_limit_s16x8 hil_limit_s8_any
#define hil_limit_s16x8_wide hil_limit_s8_any
#define hil_limit_s16x8_pot hil_limit_s8_any
#define hil_limit_s16x8_wide_pot hil_limit_s8_any
#define hil_limit_s16x16_pot hil_limit_s8_any
#define hil_limit_s16x16_wide_pot hil_limit_s8_any
#define hil_limit_s16x16_wide hil_limit_s8_any

/* Names of the variant that a body is compiled for. */
#define HIL_JOIN_(a, b) a##_##b
#define HIL_JOIN(a, b) HIL_JOIN_(a, b)
#define HIL_NAME(name) HIL_JOIN(name, HIL_VARIANT)

#endif
