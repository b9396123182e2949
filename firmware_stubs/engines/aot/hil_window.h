/* Walking over the output of a sliding window, and fetching what the window sees.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_WINDOW_H
#define HIL_WINDOW_H

#include <stdint.h>
#include <string.h>

#include "hil_aot.h"

/* One output position and the top left corner of its window in the input. */
typedef struct {
    int32_t batch, out_y, out_x;
    int32_t y, x;
} hil_position;

static inline hil_position hil_first_position(const hil_window *w)
{
    const hil_position first = {0, 0, 0, -w->pad_top, -w->pad_left};
    return first;
}

/* To the next position: along the row, then the next row, then the next image. */
static inline void hil_next_position(const hil_window *w, hil_position *at)
{
    at->out_x++;
    at->x += w->stride_w;
    if (at->out_x == w->out_w) {
        at->out_x = 0;
        at->x = -w->pad_left;
        at->out_y++;
        at->y += w->stride_h;
        if (at->out_y == w->out_h) {
            at->out_y = 0;
            at->y = -w->pad_top;
            at->batch++;
        }
    }
}

/* Whether the whole window lies inside the image. */
static inline int hil_window_inside(const hil_window *w, const hil_position *at)
{
    return at->y >= 0 && at->x >= 0 && at->y + (w->kernel_h - 1) * w->dilation_h < w->in_h &&
           at->x + (w->kernel_w - 1) * w->dilation_w < w->in_w;
}

/* Whether each output position sees exactly one input position: a 1x1 kernel without padding. */
static inline int hil_reads_directly(const hil_window *w)
{
    return w->kernel_h == 1 && w->kernel_w == 1 && w->pad_top == 0 && w->pad_left == 0 &&
           (w->out_h - 1) * w->stride_h < w->in_h && (w->out_w - 1) * w->stride_w < w->in_w;
}

/* Index of element (y, x, channel 0) of the position's image. */
static inline int32_t hil_input_index(const hil_window *w, const hil_position *at, int32_t y,
                                      int32_t x)
{
    return ((at->batch * w->in_h + y) * w->in_w + x) * w->in_c;
}

/* A copy by words, without the cost of a call. Regions do not overlap. */
static inline void hil_copy_bytes(void *to, const void *from, int32_t bytes)
{
    uint8_t *t = to;
    const uint8_t *f = from;
    for (; bytes >= 4; bytes -= 4) {
        uint32_t word;
        memcpy(&word, f, 4);
        memcpy(t, &word, 4);
        f += 4;
        t += 4;
    }
    for (; bytes > 0; bytes--) {
        *t++ = *f++;
    }
}

/* Copy `channels` channels from `first_channel` on of all taps of the window to `patch`,
 * [kernel_h][kernel_w][channels]; taps outside the image are left as they are. `size` is the size
 * of an element in bytes. */
static inline void hil_copy_taps(const hil_window *w, const hil_position *at, const void *input,
                                 int32_t first_channel, int32_t channels, int32_t size, void *patch)
{
    const uint8_t *from = input;
    uint8_t *to = patch;
    const int32_t bytes = channels * size;
    const int dense = w->dilation_w == 1 && channels == w->in_c;
    int32_t low = 0; /* taps low <= kx < high of a row lie inside the image */
    int32_t high = w->kernel_w;
    while (low < high && at->x + low * w->dilation_w < 0) {
        low++;
    }
    while (high > low && at->x + (high - 1) * w->dilation_w >= w->in_w) {
        high--;
    }
    for (int32_t ky = 0; ky < w->kernel_h; ky++) {
        const int32_t y = at->y + ky * w->dilation_h;
        if (y >= 0 && y < w->in_h) {
            uint8_t *row = to + low * bytes;
            if (dense) {
                hil_copy_bytes(row, from + hil_input_index(w, at, y, at->x + low) * size,
                               (high - low) * bytes);
            } else {
                for (int32_t kx = low; kx < high; kx++, row += bytes) {
                    const int32_t x = at->x + kx * w->dilation_w;
                    hil_copy_bytes(
                        row, from + (hil_input_index(w, at, y, x) + first_channel) * size, bytes);
                }
            }
        }
        to += w->kernel_w * bytes;
    }
}

#endif
