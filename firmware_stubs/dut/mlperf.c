/* What MLPerf Tiny's runner sends for a task becomes the model's input. docs/mlperf.md.
 *
 * Only in firmware with a model id of MLPerf's; elsewhere this file is empty. The inference may
 * overwrite the input, so that the score needs what was sent.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifdef HIL_MLPERF_MODEL
#include <math.h>
#include <string.h>

#include "hil_dut.h"
#include "hil_model.h"

#ifdef HIL_MLPERF_SCORE
static float sent[HIL_MLPERF_ELEMENTS];
#endif

static uint32_t crc;

static float real_of(const uint8_t *data)
{
#if HIL_MLPERF_DATA == 0
    float value;
    memcpy(&value, data, sizeof value);
    return value;
#elif HIL_MLPERF_DATA == 1
    return HIL_MLPERF_SCALE * (float)((int32_t)(int8_t)*data - HIL_MLPERF_ZERO_POINT);
#else
    return HIL_MLPERF_SCALE * (float)((int32_t)*data - HIL_MLPERF_ZERO_POINT);
#endif
}

static int32_t quantized(const hil_io *tensor, float real, int32_t low, int32_t high)
{
    const float value = roundf(real / tensor->scale) + (float)tensor->zero_point;

    if (!(value > (float)low)) {
        return low; /* also NaN */
    }
    return value < (float)high ? (int32_t)value : high;
}

static void put_element(uint32_t index, float real)
{
    const hil_io *tensor = &hil_inputs[0];
    uint8_t *data = tensor->data;

    if (tensor->dtype == HIL_INT8) {
        data[index] = (uint8_t)quantized(tensor, real, INT8_MIN, INT8_MAX);
    } else if (tensor->dtype == HIL_UINT8) {
        data[index] = (uint8_t)quantized(tensor, real, 0, UINT8_MAX);
    } else if (tensor->dtype == HIL_INT16) {
        const int16_t value = (int16_t)quantized(tensor, real, INT16_MIN, INT16_MAX);
        memcpy(data + 2u * index, &value, sizeof value);
    } else {
        memcpy(data + 4u * index, &real, sizeof real);
    }
}

void hil_mlperf_take(uint32_t offset, uint8_t byte)
{
    static uint8_t element[HIL_MLPERF_ELEMENT_BYTES];
    const uint32_t index = offset / HIL_MLPERF_ELEMENT_BYTES;
    const uint32_t part = offset % HIL_MLPERF_ELEMENT_BYTES;

    crc = hil_crc32(offset == 0 ? 0 : crc, &byte, 1);
    element[part] = byte;
    if (part == HIL_MLPERF_ELEMENT_BYTES - 1u) {
        const float real = real_of(element);
#ifdef HIL_MLPERF_SCORE
        sent[index] = real;
#endif
        put_element(index, real);
    }
}

uint32_t hil_mlperf_crc(void)
{
    return crc;
}

#ifdef HIL_MLPERF_SCORE
float hil_mlperf_score(void)
{
    float sum = 0.0f;

    for (uint32_t i = 0; i < HIL_MLPERF_ELEMENTS; i++) {
        const float difference = hil_output_value(i) - sent[i];
        sum += difference * difference;
    }
    return sum / (float)HIL_MLPERF_ELEMENTS;
}
#endif
#endif
