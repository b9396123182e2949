/* CONV_2D, int8. Two output pixels at a time against four output channels at a time. What the
 * windows of the two pixels see is first copied to scratch, the zero point standing in for taps
 * outside of the image, so that the inner loop is one dot product without any bounds. A 1x1
 * kernel reads the input directly.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s8.h"
#include "hil_window.h"

/* What the window at `at` sees of the group's channels, as one dense row. */
static const int8_t *fetch(const hil_conv2d_s8_params *p, const hil_position *at,
                           const int8_t *input, int32_t first_channel, int8_t *patch) {
    const hil_window *w = &p->window;
    const int32_t channels = w->in_c / p->groups;
    if (hil_reads_directly(w)) {
        return input + hil_input_index(w, at, at->y, at->x) + first_channel;
    }
    if (!hil_window_inside(w, at)) {
        memset(patch, p->input_zero_point, (size_t)(w->kernel_h * w->kernel_w * channels));
    }
    hil_copy_taps(w, at, input, first_channel, channels, 1, patch);
    return patch;
}

/* All output channels of a group for the two rows x and y. */
static void two_pixels(const hil_output_stage_s8 *stage, const int8_t *x, const int8_t *y,
                       const int8_t *weights, int32_t depth, int32_t channels, int8_t *out_x,
                       int8_t *out_y) {
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4, weights += 4 * depth) {
        int32_t sums[8];
        hil_dot_2x4_s8(x, y, weights, depth, sums);
        for (int32_t i = 0; i < 4; i++) {
            const int32_t bias = stage->bias[c + i];
            out_x[c + i] = hil_finish_s8(stage, c + i, sums[i] + bias);
            out_y[c + i] = hil_finish_s8(stage, c + i, sums[4 + i] + bias);
        }
    }
    for (; c < channels; c++, weights += depth) {
        const int32_t bias = stage->bias[c];
        out_x[c] = hil_finish_s8(stage, c, hil_dot_1x1_s8(x, weights, depth) + bias);
        out_y[c] = hil_finish_s8(stage, c, hil_dot_1x1_s8(y, weights, depth) + bias);
    }
}

static void one_group(const hil_conv2d_s8_params *p, int32_t group, const int8_t *input,
                      int8_t *output, int8_t *scratch) {
    const hil_window *w = &p->window;
    const int32_t in_channels = w->in_c / p->groups;
    const int32_t channels = w->out_c / p->groups;
    const int32_t depth = w->kernel_h * w->kernel_w * in_channels;
    const int32_t first = group * channels;
    const int8_t *const weights = p->weights + first * depth;
    const hil_output_stage_s8 stage = {
        p->bias + first,      p->multiplier + first, p->shift + first,
        p->output_zero_point, p->act_min,            p->act_max,
    };
    hil_position at = hil_first_position(w);
    int8_t *out = output + first;
    int32_t pixels = w->batches * w->out_h * w->out_w;
    while (pixels > 0) {
        /* A last pixel without a partner is its own: computed twice, written twice. */
        const int32_t step = pixels > 1 ? 1 : 0;
        const int8_t *const x = fetch(p, &at, input, group * in_channels, scratch);
        const int8_t *y = x;
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

void hil_conv2d_s8(const hil_conv2d_s8_params *p, const int8_t *input, int8_t *output,
                   void *scratch) {
    for (int32_t group = 0; group < p->groups; group++) {
        one_group(p, group, input, output, scratch);
    }
}
