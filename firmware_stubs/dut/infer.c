/* Running the model, and its first output as numbers.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_dut.h"
#include "hil_model.h"
#include "hil_port.h"

static void put_count(const char *name, uint64_t value)
{
    hil_put(name);
    hil_put_u64(value);
    hil_put_line_end();
}

#ifdef HIL_WINDOW_PIN
/* A meter's window is all inferences of a command: between two of them the pin would be high for
 * less than a meter's sample. Some meters, and MLPerf Tiny's runner, want a pulse at both ends of it
 * instead: at least 1 ms for the runner's meters, which sample, 10 us for an edge. */
#ifdef HIL_MLPERF_MODEL
#define PULSE_PER_SECOND 1000u
#else
#define PULSE_PER_SECOND 100000u
#endif

static void mark_window(int open)
{
#if defined HIL_MLPERF_MODEL || defined HIL_WINDOW_PULSES
    (void)open;
    hil_port_window(1);
    /* an iteration takes 4 cycles or more */
    for (volatile uint32_t left = hil_port_clock_hz() / (4u * PULSE_PER_SECOND); left > 0;) {
        left = left - 1u;
    }
    hil_port_window(0);
#else
    hil_port_window(open);
#endif
}
#endif

#if defined HIL_MLPERF_MODEL || defined HIL_WINDOW_PIN
#define INFERENCE_WINDOW(open)
#else
#define INFERENCE_WINDOW(open) hil_port_window(open)
#endif

/* One inference: one window for profilers and meters. */
int hil_infer_once(void)
{
    uint32_t started;
    int status;

    hil_marks_clear();
    INFERENCE_WINDOW(1);
    started = hil_port_cycles();
    hil_infer_window_begin();
    status = hil_model_invoke();
    hil_infer_window_end();
    hil_marks_set_total(hil_port_cycles() - started);
    INFERENCE_WINDOW(0);
    hil_clock_poll();
    return status;
}

static int invoke_times(uint32_t times)
{
    int status = 0;

    while (times-- > 0 && status == 0) {
        status = hil_infer_once();
    }
    return status;
}

bool hil_put_model_error(void)
{
    if (hil_model_status == 0) {
        return false;
    }
    hil_put("e-[model-init ");
    hil_put_i32(hil_model_status);
    hil_put("]");
    hil_put_line_end();
    return true;
}

bool hil_put_invoke_error(int status)
{
    if (status == 0) {
        return false;
    }
    hil_put("e-[invoke ");
    hil_put_i32(status);
    hil_put("]");
    hil_put_line_end();
    return true;
}

static int timed(uint32_t runs)
{
#ifdef HIL_WINDOW_PIN
    uint64_t started;
    uint64_t ended;
    int status;

    mark_window(1);
    started = hil_clock_us();
    status = invoke_times(runs);
    ended = hil_clock_us();
    mark_window(0);
    /* said after the window: a UART that sends takes power */
    put_count("m-lap-us-", started);
    put_count("m-lap-us-", ended);
#else
    int status;

    put_count("m-lap-us-", hil_clock_us());
    status = invoke_times(runs);
    put_count("m-lap-us-", hil_clock_us());
#endif
    return status;
}

void hil_infer(uint32_t runs, uint32_t warmups)
{
    put_count("m-warmup-start-", warmups);
    if (hil_put_invoke_error(invoke_times(warmups))) {
        return;
    }
    hil_put("m-warmup-done");
    hil_put_line_end();
    put_count("m-infer-start-", runs);
    if (hil_put_invoke_error(timed(runs))) {
        return;
    }
    hil_put("m-infer-done");
    hil_put_line_end();
    hil_put_results();
}

static float element(const hil_io *tensor, uint32_t index)
{
    const uint8_t *data = tensor->data;

    switch (tensor->dtype) {
    case HIL_INT8:
        return (float)((int32_t)(int8_t)data[index] - tensor->zero_point);
    case HIL_UINT8:
    case HIL_BOOL:
        return (float)((int32_t)data[index] - tensor->zero_point);
    case HIL_INT16: {
        int16_t value;
        memcpy(&value, data + 2u * index, sizeof value);
        return (float)(value - tensor->zero_point);
    }
    case HIL_INT32: {
        int32_t value;
        memcpy(&value, data + 4u * index, sizeof value);
        return (float)((int64_t)value - tensor->zero_point);
    }
    case HIL_INT64: {
        int64_t value;
        memcpy(&value, data + 8u * index, sizeof value);
        return (float)(value - tensor->zero_point);
    }
    default: {
        float value;
        memcpy(&value, data + 4u * index, sizeof value);
        return value;
    }
    }
}

#ifndef HIL_MLPERF_SCORE
static uint32_t element_bytes(uint8_t dtype)
{
    static const uint8_t bytes[] = {
        [HIL_FLOAT32] = 4, [HIL_INT8] = 1,  [HIL_UINT8] = 1, [HIL_INT16] = 2,
        [HIL_INT32] = 4,   [HIL_INT64] = 8, [HIL_BOOL] = 1};

    return dtype < sizeof bytes ? bytes[dtype] : 4u;
}
#endif

static float scale_of(const hil_io *tensor)
{
    /* scale 0: not quantized (the header says so); comparing the bits avoids a float compare */
    uint32_t scale_bits;

    memcpy(&scale_bits, &tensor->scale, sizeof scale_bits);
    return scale_bits == 0 || tensor->dtype == HIL_FLOAT32 ? 1.0f : tensor->scale;
}

#ifdef HIL_MLPERF_SCORE
float hil_output_value(uint32_t index)
{
    return scale_of(&hil_outputs[0]) * element(&hil_outputs[0], index);
}

void hil_put_results(void)
{
    hil_put("m-results-[");
    hil_put_milli(hil_mlperf_score());
    hil_put("]");
    hil_put_line_end();
}
#else
void hil_put_results(void)
{
    const hil_io *tensor = &hil_outputs[0];
    const uint32_t count = tensor->bytes / element_bytes(tensor->dtype);
    const float scale = scale_of(tensor);

    hil_put("m-results-[");
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0) {
            hil_put(",");
        }
        hil_put_milli(scale * element(tensor, i));
    }
    hil_put("]");
    hil_put_line_end();
}
#endif
