/* DEPTHWISE_CONV_2D of int8, one output channel for each input channel, four channels at a time: over
 * all pixels whose windows lie inside the image, so that weights and constants of the four stay in the
 * cache of a slow flash; then those at the border, from a patch each, for all channels.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */

/* Steps in elements: between rows and columns of taps, and from the last row of taps of a pixel to
 * the first of the next. */
typedef struct {
    int32_t kernel_h, kernel_w;
    int32_t row_step, column_step, to_next, out_step;
} HIL_NAME(steps);

static inline void HIL_NAME(store_4)(const HIL_NAME(stage) *stage, int32_t s0, int32_t s1,
                                     int32_t s2, int32_t s3, HIL_NAME(output) *out)
{
    const HIL_NAME(output) o0 = HIL_NAME(hil_finish)(stage, 0, s0);
    const HIL_NAME(output) o1 = HIL_NAME(hil_finish)(stage, 1, s1);
    out[0] = o0, out[1] = o1;
    const HIL_NAME(output) o2 = HIL_NAME(hil_finish)(stage, 2, s2);
    const HIL_NAME(output) o3 = HIL_NAME(hil_finish)(stage, 3, s3);
    out[2] = o2, out[3] = o3;
}

/* `pixels` of a row; `x` is the first tap of the first, `w` the weights [taps][4]. */
static __attribute__((noinline)) void HIL_NAME(run)(const HIL_NAME(steps) *steps,
                                                    const HIL_NAME(stage) *all, int32_t channel,
                                                    const int8_t *w, const int8_t *x,
                                                    HIL_NAME(output) *out, int32_t pixels)
{
    const HIL_NAME(stage) stage = HIL_NAME(hil_stage_at)(all, channel);
    const int32_t row_step = steps->row_step, step = steps->column_step;
    const int32_t to_next = steps->to_next, out_step = steps->out_step;
    if (steps->kernel_h == 3 && steps->kernel_w == 3) {
        for (; pixels > 0; pixels--) {
            int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            HIL_ROW_OF_3(x, w, s);
            x += row_step;
            HIL_KEEP_POINTER(x);
            HIL_ROW_OF_3(x, w + 12, s);
            x += row_step;
            HIL_KEEP_POINTER(x);
            HIL_ROW_OF_3(x, w + 24, s);
            x += to_next;
            HIL_KEEP_POINTER(x);
            HIL_NAME(store_4)(&stage, s0, s1, s2, s3, out);
            out += out_step;
        }
        return;
    }
    const int32_t rows = steps->kernel_h, columns = steps->kernel_w;
    for (; pixels > 0; pixels--, x += to_next - row_step, out += out_step) {
        int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
        const int8_t *weights = w;
        for (int32_t ky = 0; ky < rows; ky++, x += row_step) {
            const int8_t *tap = x;
            for (int32_t kx = 0; kx < columns; kx++, tap += step, weights += 4) {
                HIL_TAP_4(tap, weights, s);
            }
        }
        HIL_NAME(store_4)(&stage, s0, s1, s2, s3, out);
    }
}

/* Outputs low <= i < high along an axis, whose windows do not leave the image. */
static void HIL_NAME(inside)(int32_t size, int32_t reach, int32_t stride, int32_t pad, int32_t out,
                             int32_t *low, int32_t *high)
{
    const int32_t last = size - 1 - reach + pad;
    *low = (pad + stride - 1) / stride;
    *high = last < 0 ? 0 : hil_min(last / stride + 1, out);
}

/* The first `channels` channels, a multiple of four, of all pixels inside. */
static void HIL_NAME(blocks_inside)(const HIL_DEPTHWISE_PARAMS *p, const HIL_NAME(stage) *stage,
                                    int32_t channels, const int8_t *input, HIL_NAME(output) *output)
{
    const hil_window *const w = &p->window;
    const int32_t row = w->in_w * w->in_c;
    const int32_t row_step = row * w->dilation_h;
    const HIL_NAME(steps) steps = {w->kernel_h,
                                   w->kernel_w,
                                   row_step,
                                   w->in_c * w->dilation_w,
                                   w->stride_w * w->in_c - (w->kernel_h - 1) * row_step,
                                   w->out_c};
    int32_t top, bottom, left, right;
    HIL_NAME(inside)(w->in_h, (w->kernel_h - 1) * w->dilation_h, w->stride_h, w->pad_top, w->out_h,
                     &top, &bottom);
    HIL_NAME(inside)(w->in_w, (w->kernel_w - 1) * w->dilation_w, w->stride_w, w->pad_left, w->out_w,
                     &left, &right);
    for (int32_t c = 0; c < channels && left < right; c += 4) {
        const int8_t *const weights = p->weights + c * w->kernel_h * w->kernel_w;
        for (int32_t b = 0; b < w->batches; b++) {
            for (int32_t y = top; y < bottom; y++) {
                const int32_t in_y = b * w->in_h + y * w->stride_h - w->pad_top;
                const int32_t in_x = left * w->stride_w - w->pad_left;
                HIL_NAME(run)(&steps, stage, c, weights, input + in_y * row + in_x * w->in_c + c,
                              output + ((b * w->out_h + y) * w->out_w + left) * w->out_c + c,
                              right - left);
            }
        }
    }
}

/* The first `channels` channels of all pixels at the border. */
static void HIL_NAME(blocks_at_border)(const HIL_DEPTHWISE_PARAMS *p, const HIL_NAME(stage) *stage,
                                       int32_t channels, int32_t pad, const int8_t *input,
                                       HIL_NAME(output) *output, int8_t *scratch)
{
    const hil_window *const w = &p->window;
    const int32_t taps = w->kernel_h * w->kernel_w;
    const HIL_NAME(steps) steps = {w->kernel_h, w->kernel_w, w->kernel_w * w->in_c, w->in_c, 0, 0};
    hil_position at = hil_first_position(w);
    for (int32_t n = w->batches * w->out_h * w->out_w; n > 0; n--, output += w->out_c) {
        if (!hil_window_inside(w, &at)) {
            const HIL_NAME(view) v = HIL_NAME(look)(p, &at, input, pad, scratch);
            for (int32_t c = 0; c < channels; c += 4) {
                HIL_NAME(run)(&steps, stage, c, p->weights + c * taps, v.data + c, output + c, 1);
            }
        }
        hil_next_position(w, &at);
    }
}

/* All channels but the last out_c % 4; the number of those that are done. */
static int32_t HIL_NAME(blocks)(const HIL_DEPTHWISE_PARAMS *p, const HIL_NAME(stage) *stage,
                                int32_t pad, const int8_t *input, HIL_NAME(output) *output,
                                int8_t *scratch)
{
    const int32_t channels = p->window.out_c & ~3;
    if (channels) {
        HIL_NAME(blocks_inside)(p, stage, channels, input, output);
        HIL_NAME(blocks_at_border)(p, stage, channels, pad, input, output, scratch);
    }
    return channels;
}
