/* Which element types CONV_2D, DEPTHWISE_CONV_2D and FULLY_CONNECTED are compiled for, and where
 * their sums go. One variant is one set of types and one way from the sum to the output; kernels
 * are written once (hil_*_body.h) and included once for each variant.
 *
 *   variant           input  weights  sum  to the output by
 *   s8                int8   int8     32   multiplier and right shift, rounded twice, from small tables
 *   s8_any            int8   int8     32   the same for all multipliers, shifts and biases
 *   s8_pot            int8   int8     32   the same for powers of two, with shifts only
 *   s16x8_b32         int16  int8     32   multiplier and shift, rounded twice (bias of int32)
 *   s16x8             int16  int8     32   multiplier of 16 bits, rounded once (bias of int64)
 *   s16x8_wide        int16  int8     64   the same
 *   s16x8_pot         int16  int8     32   the same for powers of two, with shifts only
 *   s16x8_wide_pot    int16  int8     64   the same
 *   s16x16_pot        int16  int16    32   shifts only
 *   s16x16_wide_pot   int16  int16    64   shifts only
 *   s16x16_wide       int16  int16    64   multiplier of 16 bits (shifts to the left)
 *   hybrid            int8   int8     32   float32; the input is quantized while the model runs
 *
 * The host has proved that a sum cannot overflow before it picks a variant with 32 bits for int16, and
 * for s8 that with its bias it stays below 2^30.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_VARIANTS_H
#define HIL_VARIANTS_H

#include <stdint.h>

/* How an integer sum becomes an output element; tables have an element for each output channel,
 * those that a variant does not use are NULL. `shift` is read at [channel & shift_mask], so that one
 * element (mask 0) serves all channels, a mask of -1 is a table. By the kind of variant:
 *   s8_any, s16x8_b32    multiplier and shift of hil_requantize
 *   s8_pot               for scales 2^-k: shift = k - 2, 2 <= k <= 31
 *   s16x8                (sum * multiplier / 2^16 / 2^shift + 1) / 2, both divisions rounded down
 *   *_wide               (sum * multiplier + 2^(shift - 1)) / 2^shift, rounded down
 *   s16*_pot, _wide_pot  for scales 2^-k: (sum / 2^shift + 1) / 2, shift = k - 1 */
#define HIL_INTEGER_STAGE(V, BIAS, MULTIPLIER) \
    typedef struct {                           \
        const BIAS *bias;                      \
        const MULTIPLIER *multiplier;          \
        const int8_t *shift;                   \
        int32_t shift_mask;                    \
        int32_t zero_point;                    \
        int32_t act_min, act_max;              \
    } hil_stage_##V

/* s8: hil_requantize where all shifts go to the right. One pair of words for each output channel: the
 * bias, of 24 bits, with the right shift (1 to 31) in the low byte, and the multiplier. */
typedef struct {
    const int32_t *channels;
    int32_t zero_point;
    int32_t act_min, act_max;
} hil_stage_s8;

/* How a sum becomes a float32 output: (sum - input_offset * weight_sum) * scale * input_scale + bias,
 * where `scale` is that of the weights, read at [channel & scale_mask]. `scales_first` says which of
 * the two products is taken first, as TFLite's kernels differ in it. The kernel finds input_scale
 * and input_offset while it runs. */
typedef struct {
    const float *bias; /* NULL: none */
    const float *scale;
    int32_t scale_mask;
    const int32_t *weight_sums; /* NULL where the offset is 0 always */
    int32_t scales_first;
    float act_min, act_max;
    float input_scale;
    int32_t input_offset;
} hil_stage_hybrid;

HIL_INTEGER_STAGE(s8_any, int32_t, int32_t);
HIL_INTEGER_STAGE(s8_pot, int32_t, int32_t);
HIL_INTEGER_STAGE(s16x8_b32, int32_t, int32_t);
HIL_INTEGER_STAGE(s16x8, int32_t, int16_t);
HIL_INTEGER_STAGE(s16x8_wide, int64_t, int16_t);
HIL_INTEGER_STAGE(s16x8_pot, int32_t, int16_t);
HIL_INTEGER_STAGE(s16x8_wide_pot, int64_t, int16_t);
HIL_INTEGER_STAGE(s16x16_pot, int32_t, int16_t);
HIL_INTEGER_STAGE(s16x16_wide_pot, int64_t, int16_t);
HIL_INTEGER_STAGE(s16x16_wide, int64_t, int16_t);

/* X(variant, input element, weight, sum, output element) for all of them. */
#define HIL_TABLE_VARIANTS(X)                              \
    X(s8_any, int8_t, int8_t, int32_t, int8_t)             \
    X(s8_pot, int8_t, int8_t, int32_t, int8_t)             \
    X(s16x8_b32, int16_t, int8_t, int32_t, int16_t)        \
    X(s16x8, int16_t, int8_t, int32_t, int16_t)            \
    X(s16x8_wide, int16_t, int8_t, int64_t, int16_t)       \
    X(s16x8_pot, int16_t, int8_t, int32_t, int16_t)        \
    X(s16x8_wide_pot, int16_t, int8_t, int64_t, int16_t)   \
    X(s16x16_pot, int16_t, int16_t, int32_t, int16_t)      \
    X(s16x16_wide_pot, int16_t, int16_t, int64_t, int16_t) \
    X(s16x16_wide, int16_t, int16_t, int64_t, int16_t)
#define HIL_INTEGER_VARIANTS(X)            \
    X(s8, int8_t, int8_t, int32_t, int8_t) \
    HIL_TABLE_VARIANTS(X)
#define HIL_ALL_VARIANTS(X) \
    HIL_INTEGER_VARIANTS(X) \
    X(hybrid, int8_t, int8_t, int32_t, float)

#define HIL_VARIANT_TYPES(V, ELEMENT, WEIGHT, SUM, OUTPUT) \
    typedef ELEMENT hil_element_##V;                       \
    typedef WEIGHT hil_weight_##V;                         \
    typedef SUM hil_sum_##V;                               \
    typedef OUTPUT hil_output_##V;
HIL_ALL_VARIANTS(HIL_VARIANT_TYPES)

#endif
