/* DEPTHWISE_CONV_2D for one variant, HIL_VARIANT. Inside the image the window is read where it lies;
 * at the border it is first copied to scratch, the zero point standing in for taps outside, so that
 * one inner loop without bounds serves both.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_DEPTHWISE_PARAMS HIL_JOIN(HIL_NAME(hil_depthwise_conv2d), params)

typedef HIL_NAME(hil_element) HIL_NAME(element);
typedef HIL_NAME(hil_weight) HIL_NAME(weight);
typedef HIL_NAME(hil_output) HIL_NAME(output);
typedef HIL_NAME(hil_sum) HIL_NAME(sum);
typedef HIL_NAME(hil_stage) HIL_NAME(stage);

/* A window to read: `data` is its first tap's first channel; steps in elements. */
typedef struct {
    const HIL_NAME(element) *data;
    int32_t row_step, column_step;
} HIL_NAME(view);

static HIL_NAME(view)
    HIL_NAME(look)(const HIL_DEPTHWISE_PARAMS *p, const hil_position *at,
                   const HIL_NAME(element) *input, int32_t pad, HIL_NAME(element) *patch)
{
    const hil_window *w = &p->window;
    if (hil_window_inside(w, at)) {
        const HIL_NAME(view) inside = {input + hil_input_index(w, at, at->y, at->x),
                                       w->in_w * w->in_c * w->dilation_h, w->in_c * w->dilation_w};
        return inside;
    }
    memset(patch, pad, (size_t)(w->kernel_h * w->kernel_w * w->in_c) * sizeof(*patch));
    hil_copy_taps(w, at, input, 0, w->in_c, (int32_t)sizeof(*patch), patch);
    const HIL_NAME(view) border = {patch, w->kernel_w * w->in_c, w->in_c};
    return border;
}

#ifdef HIL_DEPTHWISE_BLOCKS
#include "hil_depthwise_blocks_body.h"
#else
/* 3x3, one output channel for each input channel. */
static void HIL_NAME(pixel_3x3)(const HIL_NAME(stage) *stage, const HIL_NAME(view) *v,
                                const HIL_NAME(weight) *weights, int32_t channels,
                                HIL_NAME(output) *out)
{
    const HIL_NAME(element) *r0 = v->data;
    const HIL_NAME(element) *r1 = r0 + v->row_step;
    const HIL_NAME(element) *r2 = r1 + v->row_step;
    const int32_t step = v->column_step;
    for (int32_t c = 0; c < channels; c++, weights += 9) {
        HIL_NAME(sum) sum = (HIL_NAME(sum))r0[0] * weights[0];
        sum += (HIL_NAME(sum))r0[step] * weights[1];
        sum += (HIL_NAME(sum))r0[2 * step] * weights[2];
        sum += (HIL_NAME(sum))r1[0] * weights[3];
        sum += (HIL_NAME(sum))r1[step] * weights[4];
        sum += (HIL_NAME(sum))r1[2 * step] * weights[5];
        sum += (HIL_NAME(sum))r2[0] * weights[6];
        sum += (HIL_NAME(sum))r2[step] * weights[7];
        sum += (HIL_NAME(sum))r2[2 * step] * weights[8];
        r0++, r1++, r2++;
        out[c] = HIL_NAME(hil_finish)(stage, c, sum);
    }
}

#endif

/* Any kernel, any depth multiplier; input channels from `first` on, 0 unless the multiplier is 1. */
static void HIL_NAME(pixel)(const HIL_DEPTHWISE_PARAMS *p, const HIL_NAME(stage) *stage,
                            const HIL_NAME(view) *v, int32_t first, HIL_NAME(output) *out)
{
    const hil_window *w = &p->window;
    const HIL_NAME(weight) *weights = p->weights + first * w->kernel_h * w->kernel_w;
    int32_t c = first;
    for (int32_t in = first; in < w->in_c; in++) {
        for (int32_t m = 0; m < p->depth_multiplier; m++, c++) {
            HIL_NAME(sum) sum = 0;
            const HIL_NAME(element) *row = v->data + in;
            for (int32_t ky = 0; ky < w->kernel_h; ky++, row += v->row_step) {
                const HIL_NAME(element) *tap = row;
                for (int32_t kx = 0; kx < w->kernel_w; kx++, tap += v->column_step) {
                    sum += (HIL_NAME(sum))*tap * *weights++;
                }
            }
            out[c] = HIL_NAME(hil_finish)(stage, c, sum);
        }
    }
}

/* All pixels; `pad` is the byte that taps outside of the image are filled with. */
static inline void HIL_NAME(all_pixels)(const HIL_DEPTHWISE_PARAMS *p, const HIL_NAME(stage) *stage,
                                        int32_t pad, const HIL_NAME(element) *input,
                                        HIL_NAME(output) *output, HIL_NAME(element) *scratch)
{
    const hil_window *w = &p->window;
    int32_t first = 0;
#ifdef HIL_DEPTHWISE_BLOCKS
    if (p->depth_multiplier == 1) {
        first = HIL_NAME(blocks)(p, stage, pad, input, output, scratch);
        if (first == w->out_c) {
            return;
        }
    }
#else
    const int is_3x3 = w->kernel_h == 3 && w->kernel_w == 3 && p->depth_multiplier == 1;
#endif
    const int32_t pixels = w->batches * w->out_h * w->out_w;
    hil_position at = hil_first_position(w);
    for (int32_t i = 0; i < pixels; i++, output += w->out_c) {
        const HIL_NAME(view) v = HIL_NAME(look)(p, &at, input, pad, scratch);
#ifndef HIL_DEPTHWISE_BLOCKS
        if (is_3x3) {
            HIL_NAME(pixel_3x3)(stage, &v, p->weights, w->out_c, output);
        } else
#endif
        {
            HIL_NAME(pixel)(p, stage, &v, first, output);
        }
        hil_next_position(w, &at);
    }
}

#ifndef HIL_QUANTIZES_INPUT
void HIL_NAME(hil_depthwise_conv2d)(const HIL_DEPTHWISE_PARAMS *p, const HIL_NAME(element) *input,
                                    HIL_NAME(output) *output, void *scratch)
{
    const hil_window *w = &p->window;
    HIL_NAME(all_pixels)(p, &p->stage, p->input_zero_point, input, output, scratch);
    HIL_NAME(hil_limit)(&p->stage, output, w->batches * w->out_h * w->out_w * w->out_c);
}
#undef HIL_DEPTHWISE_PARAMS
#undef HIL_VARIANT
#endif
