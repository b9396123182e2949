/* Four channels of int8 under one tap of DEPTHWISE_CONV_2D: the weights of a tap lie side by side, as the
 * channels of the image do.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_TAPS_S8_H
#define HIL_TAPS_S8_H

#include <stdint.h>

#include "hil_dsp.h"

/* Adds x[i] * w[i] to the sum s##i. */
#if HIL_DSP
#define HIL_TAP_4(x, w, s)                               \
    do {                                                 \
        const int32_t x_word_ = hil_load_word(x);        \
        const int32_t w_word_ = hil_load_word(w);        \
        const int32_t x_even_ = hil_even_bytes(x_word_); \
        const int32_t w_even_ = hil_even_bytes(w_word_); \
        s##0 = __smlabb(x_even_, w_even_, s##0);         \
        s##2 = __smlatt(x_even_, w_even_, s##2);         \
        const int32_t x_odd_ = hil_odd_bytes(x_word_);   \
        const int32_t w_odd_ = hil_odd_bytes(w_word_);   \
        s##1 = __smlabb(x_odd_, w_odd_, s##1);           \
        s##3 = __smlatt(x_odd_, w_odd_, s##3);           \
        HIL_LOADS_STAY();                                \
    } while (0)
#else
#define HIL_TAP_4(x, w, s)       \
    do {                         \
        s##0 += (x)[0] * (w)[0]; \
        s##1 += (x)[1] * (w)[1]; \
        s##2 += (x)[2] * (w)[2]; \
        s##3 += (x)[3] * (w)[3]; \
    } while (0)
#endif

/* A row of three taps; needs `step`, from tap to tap. */
#define HIL_ROW_OF_3(x, w, s)                  \
    do {                                       \
        HIL_TAP_4(x, w, s);                    \
        HIL_TAP_4((x) + step, (w) + 4, s);     \
        HIL_TAP_4((x) + 2 * step, (w) + 8, s); \
    } while (0)

/* GCC does not replace the pointer by sums of others, for which it has no registers. */
#define HIL_KEEP_POINTER(x) __asm__("" : "+r"(x))

#endif
