/* CONV_2D, float32. The same walk as conv2d_s8.c: two output pixels at a time against four output
 * channels at a time, windows copied to scratch with zeros for taps outside of the image.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_f32.h"
#include "hil_window.h"

/* What the window at `at` sees of the group's channels, as one dense row. */
static const float *fetch(const hil_conv2d_f32_params *p, const hil_position *at,
                          const float *input, int32_t first_channel, float *patch)
{
    const hil_window *w = &p->window;
    const int32_t channels = w->in_c / p->groups;
    if (hil_reads_directly(w)) {
        return input + hil_input_index(w, at, at->y, at->x) + first_channel;
    }
    if (!hil_window_inside(w, at)) {
        memset(patch, 0, (size_t)(w->kernel_h * w->kernel_w * channels) * sizeof *patch);
    }
    hil_copy_taps(w, at, input, first_channel, channels, sizeof *patch, patch);
    return patch;
}

/* All output channels of a group for the two rows x and y. */
static void two_pixels(const hil_output_stage_f32 *stage, const float *x, const float *y,
                       const float *weights, int32_t depth, int32_t channels, float *out_x,
                       float *out_y)
{
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4, weights += 4 * depth) {
        float sums[8];
        hil_dot_2x4_f32(x, y, weights, depth, sums);
        for (int32_t i = 0; i < 4; i++) {
            out_x[c + i] = hil_finish_f32(stage, c + i, sums[i]);
            out_y[c + i] = hil_finish_f32(stage, c + i, sums[4 + i]);
        }
    }
    for (; c < channels; c++, weights += depth) {
        out_x[c] = hil_finish_f32(stage, c, hil_dot_1x1_f32(x, weights, depth));
        out_y[c] = hil_finish_f32(stage, c, hil_dot_1x1_f32(y, weights, depth));
    }
}

static void one_group(const hil_conv2d_f32_params *p, int32_t group, const float *input,
                      float *output, float *scratch)
{
    const hil_window *w = &p->window;
    const int32_t in_channels = w->in_c / p->groups;
    const int32_t channels = w->out_c / p->groups;
    const int32_t depth = w->kernel_h * w->kernel_w * in_channels;
    const int32_t first = group * channels;
    const float *const weights = p->weights + first * depth;
    const hil_output_stage_f32 stage = {p->bias + first, p->act_min, p->act_max};
    hil_position at = hil_first_position(w);
    float *out = output + first;
    int32_t pixels = w->batches * w->out_h * w->out_w;
    while (pixels > 0) {
        /* A last pixel without a partner is its own: computed twice, written twice. */
        const int32_t step = pixels > 1 ? 1 : 0;
        const float *const x = fetch(p, &at, input, group * in_channels, scratch);
        const float *y = x;
        if (step) {
            hil_next_position(w, &at);
            y = fetch(p, &at, input, group * in_channels, scratch + depth);
        }
        two_pixels(&stage, x, y, weights, depth, channels, out, out + step * w->out_c);
        hil_next_position(w, &at);
        out += 2 * w->out_c;
        pixels -= 2;
    }
}

void hil_conv2d_f32(const hil_conv2d_f32_params *p, const float *input, float *output,
                    void *scratch)
{
    for (int32_t group = 0; group < p->groups; group++) {
        one_group(p, group, input, output, scratch);
    }
}
