/* DEPTHWISE_CONV_2D, int8. Inside the image the window is read where it lies; at the border it is
 * first copied to scratch, the zero point standing in for taps outside, so that one inner loop
 * without bounds serves both.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s8.h"
#include "hil_window.h"

/* A window to read: `data` is its first tap's first channel; steps in elements. */
typedef struct {
    const int8_t *data;
    int32_t row_step, column_step;
} view;

static view look(const hil_depthwise_conv2d_s8_params *p, const hil_position *at,
                 const int8_t *input, int8_t *patch) {
    const hil_window *w = &p->window;
    if (hil_window_inside(w, at)) {
        const view inside = {input + hil_input_index(w, at, at->y, at->x),
                             w->in_w * w->in_c * w->dilation_h, w->in_c * w->dilation_w};
        return inside;
    }
    memset(patch, p->input_zero_point, (size_t)(w->kernel_h * w->kernel_w * w->in_c));
    hil_copy_taps(w, at, input, 0, w->in_c, 1, patch);
    const view border = {patch, w->kernel_w * w->in_c, w->in_c};
    return border;
}

/* 3x3, one output channel for each input channel. */
static void pixel_3x3(const hil_output_stage_s8 *stage, const view *v, const int8_t *weights,
                      int32_t channels, int8_t *out) {
    const int8_t *r0 = v->data;
    const int8_t *r1 = r0 + v->row_step;
    const int8_t *r2 = r1 + v->row_step;
    const int32_t step = v->column_step;
    for (int32_t c = 0; c < channels; c++, weights += 9) {
        int32_t sum = stage->bias[c];
        sum += r0[0] * weights[0] + r0[step] * weights[1] + r0[2 * step] * weights[2];
        sum += r1[0] * weights[3] + r1[step] * weights[4] + r1[2 * step] * weights[5];
        sum += r2[0] * weights[6] + r2[step] * weights[7] + r2[2 * step] * weights[8];
        r0++, r1++, r2++;
        out[c] = hil_finish_s8(stage, c, sum);
    }
}

/* Any kernel, any depth multiplier. */
static void pixel(const hil_depthwise_conv2d_s8_params *p, const hil_output_stage_s8 *stage,
                  const view *v, int8_t *out) {
    const hil_window *w = &p->window;
    const int8_t *weights = p->weights;
    int32_t c = 0;
    for (int32_t in = 0; in < w->in_c; in++) {
        for (int32_t m = 0; m < p->depth_multiplier; m++, c++) {
            int32_t sum = stage->bias[c];
            const int8_t *row = v->data + in;
            for (int32_t ky = 0; ky < w->kernel_h; ky++, row += v->row_step) {
                const int8_t *tap = row;
                for (int32_t kx = 0; kx < w->kernel_w; kx++, tap += v->column_step) {
                    sum += *tap * *weights++;
                }
            }
            out[c] = hil_finish_s8(stage, c, sum);
        }
    }
}

void hil_depthwise_conv2d_s8(const hil_depthwise_conv2d_s8_params *p, const int8_t *input,
                             int8_t *output, void *scratch) {
    const hil_window *w = &p->window;
    const hil_output_stage_s8 stage = {
        p->bias, p->multiplier, p->shift, p->output_zero_point, p->act_min, p->act_max,
    };
    const int is_3x3 = w->kernel_h == 3 && w->kernel_w == 3 && p->depth_multiplier == 1;
    const int32_t pixels = w->batches * w->out_h * w->out_w;
    hil_position at = hil_first_position(w);
    for (int32_t i = 0; i < pixels; i++, output += w->out_c) {
        const view v = look(p, &at, input, scratch);
        if (is_3x3) {
            pixel_3x3(&stage, &v, p->weights, w->out_c, output);
        } else {
            pixel(p, &stage, &v, output);
        }
        hil_next_position(w, &at);
    }
}
