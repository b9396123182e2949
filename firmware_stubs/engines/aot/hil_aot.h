/* The contract of all kernels of the aot engine.
 *
 * Layout      NHWC, dense, row major. A pointer to a tensor points to its first element.
 * Names       hil_<op>_s8, hil_<op>_s16 and hil_<op>_f32; one op family a C file, <family>_s8.c and
 *             so on. Kernels for several integer types are written once, hil_<family>_body.h, and
 *             included for each (HIL_VARIANT names it; see hil_variants.h for those with weights).
 *             void hil_<op>_<t>(const hil_<op>_<t>_params *p, const T *input..., T *output,
 *             void *scratch), arguments that a kernel does not need left out.
 * Params      const structs in flash, filled in by code generation; the host has computed all that
 *             can be known ahead: padding, multipliers, folded biases, reordered weights.
 * Integers    real = scale * (q - zero_point); zero points of int16 are 0. Results equal TFLite's reference kernels
 *             (BUILTIN_REF) bit for bit. `multiplier` and `shift` are as in hil_quant.h.
 *             Zero points stand in the params as written in the model, not negated.
 * float32     Within 1e-5 relative of the same kernels, measured per tensor:
 *             max |a - b| <= 1e-5 * max |b|, where b is the reference tensor.
 * Activations fused ones arrive as [act_min, act_max]; for float32 without one: -INFINITY, INFINITY.
 * Scratch     `scratch` is 16-byte aligned, as large as the lowering asked for (scratch_bytes),
 *             undefined at entry, lost at exit. It is part of the planned arena.
 * Aliasing    Output and inputs do not overlap, except where the lowering allows in_place: then
 *             output may equal that input exactly.
 * Language    Portable C11. No heap, no recursion, no static state (variable tensors are arguments), no libc but string.h and
 *             math.h. Arrays are 16-byte aligned at their start, nothing inside them is promised
 *             to be. Clean under -Wall -Wextra -Wconversion.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_AOT_H
#define HIL_AOT_H

#include <stdint.h>

#include "hil_variants.h"

#if defined(__ELF__)
#define HIL_SECTION(name) __attribute__((section(name), aligned(16)))
#else
#define HIL_SECTION(name) __attribute__((aligned(16)))
#endif
#define HIL_NONSTRING __attribute__((nonstring)) /* bytes, not text: no closing NUL */
#define HIL_WEIGHTS HIL_SECTION(".hil_weights")  /* constant tensors of the model */
#define HIL_TABLES HIL_SECTION(".hil_tables")    /* constants that the engine adds */
#define HIL_ARENA HIL_SECTION(".bss.hil_arena")
#define HIL_STATE HIL_SECTION(".bss.hil_state") /* what is kept between inferences */

/* A two-dimensional window sliding over an image: what convolution and pooling share. */
typedef struct {
    int32_t batches;
    int32_t in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w;
    int32_t stride_h, stride_w;
    int32_t dilation_h, dilation_w;
    int32_t pad_top, pad_left; /* rows and columns before the image; those after follow */
} hil_window;

/* CONV_2D, integers, for each variant V of hil_variants.h. Output channels are split evenly over
 * `groups`, each of which reads its own in_c / groups input channels; call these group_in and
 * group_out. Weights are reordered by codegen, for each group in blocks of four output channels over
 * rows of [kh][kw][group_in] elements: inside a block as hil_dot_s8.h has them for int8 inputs and
 * hil_dot_s16_body.h for int16; the group's last group_out % 4 channels follow one by one,
 * [kh][kw][group_in]. int8: the bias has -input_zero_point * sum(weights) folded in; taps outside the
 * image read input_zero_point. int16: zero points are 0. Scratch: 2 * kernel_h * kernel_w * group_in
 * input elements, 0 for a 1x1 kernel without padding. */
#define HIL_CONV2D_VARIANT(V, ELEMENT, WEIGHT, SUM, OUTPUT)                                     \
    typedef struct {                                                                            \
        hil_window window;                                                                      \
        int32_t groups;                                                                         \
        const WEIGHT *weights;                                                                  \
        int32_t input_zero_point;                                                               \
        hil_stage_##V stage;                                                                    \
    } hil_conv2d_##V##_params;                                                                  \
    void hil_conv2d_##V(const hil_conv2d_##V##_params *p, const ELEMENT *input, OUTPUT *output, \
                        void *scratch);
HIL_INTEGER_VARIANTS(HIL_CONV2D_VARIANT)

/* CONV_2D, float32 with int8 weights (hybrid): window.batches is 1, and `images` of them are quantized
 * and computed one after the other, with an offset if `asymmetric`. Scratch: one image in int8, and
 * behind it what the int8 kernel takes. */
typedef struct {
    hil_window window;
    int32_t groups;
    const int8_t *weights;
    int32_t images, asymmetric;
    hil_stage_hybrid stage;
} hil_conv2d_hybrid_params;

void hil_conv2d_hybrid(const hil_conv2d_hybrid_params *p, const float *input, float *output,
                       void *scratch);

/* CONV_2D, float32. Weights in blocks of four output channels too, inside a
 * block [kh][kw][group_in][4]. Scratch: four times int8's. */
typedef struct {
    hil_window window;
    int32_t groups;
    const float *weights;
    const float *bias; /* out_c */
    float act_min, act_max;
} hil_conv2d_f32_params;

void hil_conv2d_f32(const hil_conv2d_f32_params *p, const float *input, float *output,
                    void *scratch);

/* DEPTHWISE_CONV_2D, integers: out_c = in_c * depth_multiplier. Weights are transposed by codegen to
 * [out_c][kh * kw]; for s8 and a multiplier of 1 in blocks of four channels, [kh * kw][4], the
 * last out_c % 4 channels one by one. Bias folded as for CONV_2D. Scratch: kernel_h * kernel_w * in_c
 * input elements where there is padding, else 0. */
#define HIL_DEPTHWISE_VARIANT(V, ELEMENT, WEIGHT, SUM, OUTPUT)                \
    typedef struct {                                                          \
        hil_window window;                                                    \
        int32_t depth_multiplier;                                             \
        const WEIGHT *weights;                                                \
        int32_t input_zero_point;                                             \
        hil_stage_##V stage;                                                  \
    } hil_depthwise_conv2d_##V##_params;                                      \
    void hil_depthwise_conv2d_##V(const hil_depthwise_conv2d_##V##_params *p, \
                                  const ELEMENT *input, OUTPUT *output, void *scratch);
HIL_INTEGER_VARIANTS(HIL_DEPTHWISE_VARIANT)

/* DEPTHWISE_CONV_2D, float32 with int8 weights: as CONV_2D. */
typedef struct {
    hil_window window;
    int32_t depth_multiplier;
    const int8_t *weights;
    int32_t images, asymmetric;
    hil_stage_hybrid stage;
} hil_depthwise_conv2d_hybrid_params;

void hil_depthwise_conv2d_hybrid(const hil_depthwise_conv2d_hybrid_params *p, const float *input,
                                 float *output, void *scratch);

/* DEPTHWISE_CONV_2D, float32. Scratch: four times int8's. */
typedef struct {
    hil_window window;
    int32_t depth_multiplier;
    const float *weights;
    const float *bias; /* out_c */
    float act_min, act_max;
} hil_depthwise_conv2d_f32_params;

void hil_depthwise_conv2d_f32(const hil_depthwise_conv2d_f32_params *p, const float *input,
                              float *output, void *scratch);

/* FULLY_CONNECTED, integers: output[r][o] = sum over i of input[r][i] * weights[o][i]. Weights in
 * blocks of four outputs as for CONV_2D. The bias has everything folded in that does not depend on the
 * input; weights_zero_point is nonzero for asymmetric int8 weights only. No scratch. */
#define HIL_FULLY_CONNECTED_VARIANT(V, ELEMENT, WEIGHT, SUM, OUTPUT)                              \
    typedef struct {                                                                              \
        int32_t rows, in_features, out_features;                                                  \
        const WEIGHT *weights;                                                                    \
        int32_t weights_zero_point;                                                               \
        hil_stage_##V stage;                                                                      \
    } hil_fully_connected_##V##_params;                                                           \
    void hil_fully_connected_##V(const hil_fully_connected_##V##_params *p, const ELEMENT *input, \
                                 OUTPUT *output);
HIL_INTEGER_VARIANTS(HIL_FULLY_CONNECTED_VARIANT)

/* FULLY_CONNECTED, float32 with int8 weights: each row is quantized by itself. Scratch: one row in
 * int8. */
typedef struct {
    int32_t rows, in_features, out_features;
    const int8_t *weights;
    int32_t asymmetric;
    hil_stage_hybrid stage;
} hil_fully_connected_hybrid_params;

void hil_fully_connected_hybrid(const hil_fully_connected_hybrid_params *p, const float *input,
                                float *output, void *scratch);

/* FULLY_CONNECTED, float32. */
typedef struct {
    int32_t rows, in_features, out_features;
    const float *weights;
    const float *bias; /* out_features */
    float act_min, act_max;
} hil_fully_connected_f32_params;

void hil_fully_connected_f32(const hil_fully_connected_f32_params *p, const float *input,
                             float *output);

/* AVERAGE_POOL_2D and MAX_POOL_2D. Taps outside the image do not count. in_c = out_c. */
typedef struct {
    hil_window window;
    int32_t act_min, act_max;
} hil_pool_params;

void hil_average_pool_s8(const hil_pool_params *p, const int8_t *input, int8_t *output);
void hil_max_pool_s8(const hil_pool_params *p, const int8_t *input, int8_t *output);
void hil_average_pool_s16(const hil_pool_params *p, const int16_t *input, int16_t *output);
void hil_max_pool_s16(const hil_pool_params *p, const int16_t *input, int16_t *output);

typedef struct {
    hil_window window;
    float act_min, act_max;
} hil_pool_f32_params;

void hil_average_pool_f32(const hil_pool_f32_params *p, const float *input, float *output);
void hil_max_pool_f32(const hil_pool_f32_params *p, const float *input, float *output);

/* All other families. */
#include "hil_aot_ops.h"

#endif
