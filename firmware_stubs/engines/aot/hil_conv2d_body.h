/* CONV_2D for one variant, HIL_VARIANT. Two output pixels at a time against four output channels at
 * a time. What the windows of the two pixels see is first copied to scratch, the zero point standing
 * in for taps outside of the image, so that the inner loop is one dot product without any bounds. A
 * 1x1 kernel reads the input directly.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_CONV2D_PARAMS HIL_JOIN(HIL_NAME(hil_conv2d), params)

typedef HIL_NAME(hil_element) HIL_NAME(element);
typedef HIL_NAME(hil_weight) HIL_NAME(weight);
typedef HIL_NAME(hil_output) HIL_NAME(output);
typedef HIL_NAME(hil_sum) HIL_NAME(sum);
typedef HIL_NAME(hil_stage) HIL_NAME(stage);

/* What the window at `at` sees of the group's channels, as one dense row. */
static const HIL_NAME(element) *HIL_NAME(fetch)(const HIL_CONV2D_PARAMS *p, const hil_position *at,
                                                const HIL_NAME(element) *input,
                                                int32_t first_channel, int32_t pad,
                                                HIL_NAME(element) *patch)
{
    const hil_window *w = &p->window;
    const int32_t channels = w->in_c / p->groups;
    if (hil_reads_directly(w)) {
        return input + hil_input_index(w, at, at->y, at->x) + first_channel;
    }
    if (!hil_window_inside(w, at)) {
        memset(patch, pad, (size_t)(w->kernel_h * w->kernel_w * channels) * sizeof(*patch));
    }
    hil_copy_taps(w, at, input, first_channel, channels, (int32_t)sizeof(*patch), patch);
    return patch;
}

/* All output channels of a group for the two rows x and y. */
static void HIL_NAME(two_pixels)(const HIL_NAME(stage) *stage, const HIL_NAME(element) *x,
                                 const HIL_NAME(element) *y, const HIL_NAME(weight) *weights,
                                 int32_t depth, int32_t channels, HIL_NAME(output) *out_x,
                                 HIL_NAME(output) *out_y)
{
    int32_t c = 0;
    for (; c + 4 <= channels; c += 4, weights += 4 * depth) {
        HIL_NAME(sum) sums[8];
        HIL_NAME(hil_dot_2x4)(x, y, weights, depth, sums);
        for (int32_t i = 0; i < 4; i++) {
            /* Both before either is stored: the tables are then read once. */
            const HIL_NAME(output) of_x = HIL_NAME(hil_finish)(stage, c + i, sums[i]);
            const HIL_NAME(output) of_y = HIL_NAME(hil_finish)(stage, c + i, sums[4 + i]);
            out_x[c + i] = of_x;
            out_y[c + i] = of_y;
        }
    }
    for (; c < channels; c++, weights += depth) {
        out_x[c] = HIL_NAME(hil_finish)(stage, c, HIL_NAME(hil_dot_1x1)(x, weights, depth));
        out_y[c] = HIL_NAME(hil_finish)(stage, c, HIL_NAME(hil_dot_1x1)(y, weights, depth));
    }
}

static void HIL_NAME(one_group)(const HIL_CONV2D_PARAMS *p, const HIL_NAME(stage) *all, int32_t pad,
                                int32_t group, const HIL_NAME(element) *input,
                                HIL_NAME(output) *output, HIL_NAME(element) *scratch)
{
    const hil_window *w = &p->window;
    const int32_t in_channels = w->in_c / p->groups;
    const int32_t channels = w->out_c / p->groups;
    const int32_t depth = w->kernel_h * w->kernel_w * in_channels;
    const int32_t first = group * channels;
    const HIL_NAME(weight) *const weights = p->weights + first * depth;
    const HIL_NAME(stage) stage = HIL_NAME(hil_stage_at)(all, first);
    hil_position at = hil_first_position(w);
    HIL_NAME(output) *out = output + first;
    int32_t pixels = w->batches * w->out_h * w->out_w;
    while (pixels > 0) {
        /* A last pixel without a partner is its own: computed twice, written twice. */
        const int32_t step = pixels > 1 ? 1 : 0;
        const int32_t from = group * in_channels;
        const HIL_NAME(element) *const x = HIL_NAME(fetch)(p, &at, input, from, pad, scratch);
        const HIL_NAME(element) *y = x;
        if (step) {
            hil_next_position(w, &at);
            y = HIL_NAME(fetch)(p, &at, input, from, pad, scratch + depth);
        }
        HIL_NAME(two_pixels)(&stage, x, y, weights, depth, channels, out, out + step * w->out_c);
        hil_next_position(w, &at);
        out += 2 * w->out_c;
        pixels -= 2;
    }
}

/* All groups; `pad` is the byte that taps outside of the image are filled with. */
static inline void HIL_NAME(all_groups)(const HIL_CONV2D_PARAMS *p, const HIL_NAME(stage) *stage,
                                        int32_t pad, const HIL_NAME(element) *input,
                                        HIL_NAME(output) *output, HIL_NAME(element) *scratch)
{
    for (int32_t group = 0; group < p->groups; group++) {
        HIL_NAME(one_group)(p, stage, pad, group, input, output, scratch);
    }
}

#ifndef HIL_QUANTIZES_INPUT
void HIL_NAME(hil_conv2d)(const HIL_CONV2D_PARAMS *p, const HIL_NAME(element) *input,
                          HIL_NAME(output) *output, void *scratch)
{
    const hil_window *w = &p->window;
    HIL_NAME(all_groups)(p, &p->stage, p->input_zero_point, input, output, scratch);
    HIL_NAME(hil_limit)(&p->stage, output, w->batches * w->out_h * w->out_w * w->out_c);
}
#undef HIL_CONV2D_PARAMS
#undef HIL_VARIANT
#endif
