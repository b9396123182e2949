/* TRANSPOSE_CONV: each output element gathers what the inputs around it spread to it.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

/* Position along one axis of the input that reaches output position `out` through tap `tap`, or -1. */
static inline int32_t source_of(int32_t out, int32_t tap, int32_t pad, int32_t stride, int32_t size)
{
    const int32_t spread = out + pad - tap;

    if (spread < 0 || spread % stride != 0 || spread / stride >= size) {
        return -1;
    }
    return spread / stride;
}

/* All that `input`'s image spreads to position (y, x) of output channel c. */
#define DEFINE_GATHERED(name, element, weight, accumulator, term)                            \
    static inline accumulator name(const hil_transpose_conv_window *w, const element *image, \
                                   const weight *weights, int32_t y, int32_t x,              \
                                   int32_t zero_point, accumulator sum)                      \
    {                                                                                        \
        (void)zero_point;                                                                    \
        for (int32_t ky = 0; ky < w->kernel_h; ++ky) {                                       \
            const int32_t in_y = source_of(y, ky, w->pad_top, w->stride_h, w->in_h);         \
            for (int32_t kx = 0; in_y >= 0 && kx < w->kernel_w; ++kx) {                      \
                const int32_t in_x = source_of(x, kx, w->pad_left, w->stride_w, w->in_w);    \
                if (in_x < 0) {                                                              \
                    continue;                                                                \
                }                                                                            \
                const element *from = image + (in_y * w->in_w + in_x) * w->in_c;             \
                const weight *tap = weights + (ky * w->kernel_w + kx) * w->in_c;             \
                for (int32_t i = 0; i < w->in_c; ++i) {                                      \
                    sum += (term);                                                           \
                }                                                                            \
            }                                                                                \
        }                                                                                    \
        return sum;                                                                          \
    }

DEFINE_GATHERED(gathered_s8, int8_t, int8_t, int32_t, (from[i] - zero_point) * tap[i])
DEFINE_GATHERED(gathered_s16, int16_t, int8_t, int64_t, from[i] * tap[i])
DEFINE_GATHERED(gathered_f32, float, float, float, from[i] * tap[i])

void hil_transpose_conv_s8(const hil_transpose_conv_s8_params *p, const int8_t *input,
                           int8_t *output)
{
    const hil_transpose_conv_window *w = &p->window;
    const int32_t taps = w->kernel_h * w->kernel_w * w->in_c;
    for (int32_t b = 0; b < w->batches; ++b, input += w->in_h * w->in_w * w->in_c) {
        for (int32_t y = 0; y < w->out_h; ++y) {
            for (int32_t x = 0; x < w->out_w; ++x) {
                for (int32_t c = 0; c < w->out_c; ++c) {
                    const int32_t sum = gathered_s8(w, input, p->weights + c * taps, y, x,
                                                    p->input_zero_point, p->bias[c]);
                    const int32_t scaled = hil_requantize(sum, p->multiplier[c], p->shift[c]);
                    *output++ = (int8_t)hil_clamp(hil_wrap_add(scaled, p->output_zero_point),
                                                  p->act_min, p->act_max);
                }
            }
        }
    }
}

void hil_transpose_conv_s16(const hil_transpose_conv_s16_params *p, const int16_t *input,
                            int16_t *output)
{
    const hil_transpose_conv_window *w = &p->window;
    const int32_t taps = w->kernel_h * w->kernel_w * w->in_c;
    for (int32_t b = 0; b < w->batches; ++b, input += w->in_h * w->in_w * w->in_c) {
        for (int32_t y = 0; y < w->out_h; ++y) {
            for (int32_t x = 0; x < w->out_w; ++x) {
                for (int32_t c = 0; c < w->out_c; ++c) {
                    const int64_t sum =
                        gathered_s16(w, input, p->weights + c * taps, y, x, 0, p->bias[c]);
                    const int64_t scaled = hil_rescale_s64(sum, p->multiplier[c], p->shift[c]);
                    *output++ = (int16_t)hil_clamp((int32_t)scaled, p->act_min, p->act_max);
                }
            }
        }
    }
}

void hil_transpose_conv_f32(const hil_transpose_conv_f32_params *p, const float *input,
                            float *output)
{
    const hil_transpose_conv_window *w = &p->window;
    const int32_t taps = w->kernel_h * w->kernel_w * w->in_c;
    for (int32_t b = 0; b < w->batches; ++b, input += w->in_h * w->in_w * w->in_c) {
        for (int32_t y = 0; y < w->out_h; ++y) {
            for (int32_t x = 0; x < w->out_w; ++x) {
                for (int32_t c = 0; c < w->out_c; ++c) {
                    const float sum = gathered_f32(w, input, p->weights + c * taps, y, x, 0, 0.0f);
                    *output++ = hil_clamp_f32(sum + p->bias[c], p->act_min, p->act_max);
                }
            }
        }
    }
}
