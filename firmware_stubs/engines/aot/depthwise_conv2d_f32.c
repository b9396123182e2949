/* DEPTHWISE_CONV_2D, float32. Windows that reach over the border are copied to scratch first,
 * with zeros for taps outside of the image.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_f32.h"
#include "hil_window.h"

/* A window to read: `data` is its first tap's first channel; steps in elements. */
typedef struct {
    const float *data;
    int32_t row_step, column_step;
} view;

static view look(const hil_depthwise_conv2d_f32_params *p, const hil_position *at,
                 const float *input, float *patch)
{
    const hil_window *w = &p->window;
    if (hil_window_inside(w, at)) {
        const view inside = {input + hil_input_index(w, at, at->y, at->x),
                             w->in_w * w->in_c * w->dilation_h, w->in_c * w->dilation_w};
        return inside;
    }
    memset(patch, 0, (size_t)(w->kernel_h * w->kernel_w * w->in_c) * sizeof *patch);
    hil_copy_taps(w, at, input, 0, w->in_c, sizeof *patch, patch);
    const view border = {patch, w->kernel_w * w->in_c, w->in_c};
    return border;
}

static float dot(const hil_window *w, const view *v, int32_t channel, const float *weights)
{
    float sum = 0;
    const float *row = v->data + channel;
    for (int32_t ky = 0; ky < w->kernel_h; ky++, row += v->row_step) {
        const float *tap = row;
        for (int32_t kx = 0; kx < w->kernel_w; kx++, tap += v->column_step) {
            sum += *tap * *weights++;
        }
    }
    return sum;
}

static float dot_3x3(const view *v, int32_t channel, const float *weights)
{
    const float *const r0 = v->data + channel;
    const float *const r1 = r0 + v->row_step;
    const float *const r2 = r1 + v->row_step;
    const int32_t step = v->column_step;
    float sum = r0[0] * weights[0];
    sum += r0[step] * weights[1];
    sum += r0[2 * step] * weights[2];
    sum += r1[0] * weights[3];
    sum += r1[step] * weights[4];
    sum += r1[2 * step] * weights[5];
    sum += r2[0] * weights[6];
    sum += r2[step] * weights[7];
    sum += r2[2 * step] * weights[8];
    return sum;
}

static void pixel(const hil_depthwise_conv2d_f32_params *p, const view *v, float *out)
{
    const hil_window *w = &p->window;
    const hil_output_stage_f32 stage = {p->bias, p->act_min, p->act_max};
    const int is_3x3 = w->kernel_h == 3 && w->kernel_w == 3;
    const int32_t taps = w->kernel_h * w->kernel_w;
    const float *weights = p->weights;
    int32_t c = 0;
    for (int32_t in = 0; in < w->in_c; in++) {
        for (int32_t m = 0; m < p->depth_multiplier; m++, c++, weights += taps) {
            const float sum = is_3x3 ? dot_3x3(v, in, weights) : dot(w, v, in, weights);
            out[c] = hil_finish_f32(&stage, c, sum);
        }
    }
}

void hil_depthwise_conv2d_f32(const hil_depthwise_conv2d_f32_params *p, const float *input,
                              float *output, void *scratch)
{
    const hil_window *w = &p->window;
    const int32_t pixels = w->batches * w->out_h * w->out_w;
    hil_position at = hil_first_position(w);
    for (int32_t i = 0; i < pixels; i++, output += w->out_c) {
        const view v = look(p, &at, input, scratch);
        pixel(p, &v, output);
        hil_next_position(w, &at);
    }
}
