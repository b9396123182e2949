/* Quantizing the input of hybrid ops while the model runs.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_hybrid.h"

#include <math.h>
#include <string.h>

#include "hil_quant.h"

static void find_range(const float *input, int32_t count, float *low, float *high)
{
    *low = *high = input[0];
    for (int32_t i = 1; i < count; i++) {
        *low = input[i] < *low ? input[i] : *low;
        *high = input[i] > *high ? input[i] : *high;
    }
}

/* Steps of `inverse_scale` from `offset`, ties away from zero. */
static void quantize(const float *input, int32_t count, float inverse_scale, int32_t offset,
                     int32_t low, int8_t *output)
{
    const float start = (float)offset;
    for (int32_t i = 0; i < count; i++) {
        const int32_t value = hil_round_half_away(start + input[i] * inverse_scale);
        output[i] = hil_clamp_s8(value, low, 127);
    }
}

/* The offset at which 0.0 is exact, from the end of the range that gives the smaller error. */
static int32_t offset_of(double low, double high, double scale)
{
    const double from_low = -128.0 - low / scale, from_high = 127.0 - high / scale;
    const double low_error = 128.0 + fabs(low / scale), high_error = 127.0 + fabs(high / scale);
    const double offset = low_error < high_error ? from_low : from_high;
    if (offset <= -128.0) {
        return -128;
    }
    return offset >= 127.0 ? 127 : (int32_t)round(offset);
}

void hil_quantize_input(const float *input, int32_t count, int32_t asymmetric, int8_t *output,
                        hil_stage_hybrid *stage)
{
    float low, high;
    find_range(input, count, &low, &high);
    if (asymmetric) {
        low = low < 0.0f ? low : 0.0f;
        high = high > 0.0f ? high : 0.0f;
    }
    stage->input_offset = 0;
    if (low == 0.0f && high == 0.0f) {
        memset(output, 0, (size_t)count);
        stage->input_scale = 1.0f;
        return;
    }
    if (asymmetric) {
        const double scale = ((double)high - (double)low) / 255.0;
        stage->input_scale = (float)scale;
        stage->input_offset = offset_of(low, high, scale);
        quantize(input, count, 1.0f / stage->input_scale, stage->input_offset, -128, output);
    } else {
        const float range = fabsf(low) > fabsf(high) ? fabsf(low) : fabsf(high);
        stage->input_scale = range / 127.0f;
        quantize(input, count, 127.0f / range, 0, -127, output);
    }
}
