/* Contract of the kernels of all op families but convolution, fully connected and pooling; the
 * general rules stand in hil_aot.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_AOT_OPS_H
#define HIL_AOT_OPS_H

#include <stdint.h>

#include "hil_walk.h"

/* ---- ADD, SUB, MUL ----------------------------------------------------------------------- */

/* Two operands under numpy's broadcasting. The output is dense: rows of `inner` elements, one for
 * each position of the walks (which have the same dims). Within a row an operand advances by its
 * step: 1, or 0 where it stays. The output may be an operand that is not broadcast. */
typedef struct {
    int32_t inner;
    int32_t a_step, b_step;
    hil_walk a, b;
} hil_broadcast;

/* ADD and SUB on integers: operands are shifted left (int8 by 20, int16 by 15), scaled, joined, and
 * scaled back. Shifts are <= 0. */
typedef struct {
    hil_broadcast shape;
    int32_t a_zero_point, a_multiplier, a_shift;
    int32_t b_zero_point, b_multiplier, b_shift;
    int32_t output_zero_point, output_multiplier, output_shift;
    int32_t act_min, act_max;
} hil_add_params;

void hil_add_s8(const hil_add_params *p, const int8_t *a, const int8_t *b, int8_t *output);
void hil_sub_s8(const hil_add_params *p, const int8_t *a, const int8_t *b, int8_t *output);
void hil_add_s16(const hil_add_params *p, const int16_t *a, const int16_t *b, int16_t *output);
void hil_sub_s16(const hil_add_params *p, const int16_t *a, const int16_t *b, int16_t *output);

/* ADD and SUB, int16, where all scales are powers of two and the op asks for it (pot_scale_int16):
 * operands are only divided by 2^right, ties away from zero; 0 <= right <= 15. */
typedef struct {
    hil_broadcast shape;
    int32_t a_right, b_right;
    int32_t act_min, act_max;
} hil_add_s16_shift_params;

void hil_add_s16_shift(const hil_add_s16_shift_params *p, const int16_t *a, const int16_t *b,
                       int16_t *output);
void hil_sub_s16_shift(const hil_add_s16_shift_params *p, const int16_t *a, const int16_t *b,
                       int16_t *output);

typedef struct {
    hil_broadcast shape;
    int32_t a_zero_point, b_zero_point;
    int32_t output_zero_point, multiplier, shift;
    int32_t act_min, act_max;
} hil_mul_params;

void hil_mul_s8(const hil_mul_params *p, const int8_t *a, const int8_t *b, int8_t *output);
void hil_mul_s16(const hil_mul_params *p, const int16_t *a, const int16_t *b, int16_t *output);

typedef struct {
    hil_broadcast shape;
    float act_min, act_max;
} hil_elementwise_f32_params;

void hil_add_f32(const hil_elementwise_f32_params *p, const float *a, const float *b,
                 float *output);
void hil_sub_f32(const hil_elementwise_f32_params *p, const float *a, const float *b,
                 float *output);
void hil_mul_f32(const hil_elementwise_f32_params *p, const float *a, const float *b,
                 float *output);
void hil_div_f32(const hil_elementwise_f32_params *p, const float *a, const float *b,
                 float *output);

/* ---- Activations --------------------------------------------------------------------------- */

/* Any function of one 8-bit input: output = table[bits of the input]. In place allowed. */
typedef struct {
    int32_t elements;
    const uint8_t *table; /* 256 */
} hil_lut_8_params;

void hil_lut_8(const hil_lut_8_params *p, const void *input, void *output);

/* RELU, RELU6 and LEAKY_RELU, int16: hil_requantize by a multiplier for numbers below 0 and one for
 * all others, clamped. In place allowed. */
typedef struct {
    int32_t elements;
    int32_t multiplier, shift;
    int32_t negative_multiplier, negative_shift;
    int32_t act_min, act_max;
} hil_relu_s16_params;

void hil_relu_s16(const hil_relu_s16_params *p, const int16_t *input, int16_t *output);

/* LOGISTIC and TANH, int16, output scale 1/32768: the input is brought to units of 1/12288 by
 * (x * multiplier + 2^(shift - 1)) >> shift; `table` is the sigmoid in Q0.16 in steps of 1/24,
 * interpolated. In place allowed. */
typedef struct {
    int32_t elements;
    int32_t multiplier, shift;
    const uint16_t *table; /* 256 */
} hil_sigmoid_s16_params;

void hil_logistic_s16(const hil_sigmoid_s16_params *p, const int16_t *input, int16_t *output);
void hil_tanh_s16(const hil_sigmoid_s16_params *p, const int16_t *input, int16_t *output);

/* float32 activations; in place allowed. */
typedef struct {
    int32_t elements;
    float act_min, act_max;
} hil_relu_f32_params;

typedef struct {
    int32_t elements;
    float alpha;
} hil_leaky_relu_f32_params;

typedef struct {
    int32_t elements;
} hil_activation_f32_params;

void hil_relu_f32(const hil_relu_f32_params *p, const float *input, float *output);
void hil_leaky_relu_f32(const hil_leaky_relu_f32_params *p, const float *input, float *output);
void hil_logistic_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_tanh_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_hard_swish_f32(const hil_activation_f32_params *p, const float *input, float *output);

/* ---- Functions of one, two or three elements ------------------------------------------------ */

void hil_abs_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_neg_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_square_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_sqrt_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_rsqrt_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_exp_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_log_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_sin_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_cos_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_floor_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_ceil_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_round_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_elu_f32(const hil_activation_f32_params *p, const float *input, float *output);
void hil_logical_not(const hil_activation_f32_params *p, const uint8_t *input, uint8_t *output);
void hil_neg_s32(const hil_activation_f32_params *p, const int32_t *input, int32_t *output);

typedef struct {
    hil_broadcast shape;
} hil_binary_params;

void hil_maximum_s8(const hil_binary_params *p, const int8_t *a, const int8_t *b, int8_t *output);
void hil_minimum_s8(const hil_binary_params *p, const int8_t *a, const int8_t *b, int8_t *output);
void hil_maximum_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                    uint8_t *output);
void hil_minimum_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                    uint8_t *output);
void hil_maximum_s16(const hil_binary_params *p, const int16_t *a, const int16_t *b,
                     int16_t *output);
void hil_minimum_s16(const hil_binary_params *p, const int16_t *a, const int16_t *b,
                     int16_t *output);
void hil_maximum_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b,
                     int32_t *output);
void hil_minimum_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b,
                     int32_t *output);
void hil_maximum_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b,
                     int64_t *output);
void hil_minimum_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b,
                     int64_t *output);
void hil_maximum_f32(const hil_binary_params *p, const float *a, const float *b, float *output);
void hil_minimum_f32(const hil_binary_params *p, const float *a, const float *b, float *output);

/* An int8 operand, shifted left by `head_room` and scaled. */
typedef struct {
    int32_t zero_point, head_room, multiplier, shift;
} hil_operand;

typedef struct {
    hil_broadcast shape;
    hil_operand a, b;
} hil_compare_params;

/* Results are 0 or 1. */
void hil_equal_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b, uint8_t *output);
void hil_not_equal_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                      uint8_t *output);
void hil_less_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b, uint8_t *output);
void hil_less_equal_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                       uint8_t *output);
void hil_greater_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                    uint8_t *output);
void hil_greater_equal_u8(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                          uint8_t *output);
void hil_equal_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b, uint8_t *output);
void hil_not_equal_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b,
                       uint8_t *output);
void hil_less_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b, uint8_t *output);
void hil_less_equal_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b,
                        uint8_t *output);
void hil_greater_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b,
                     uint8_t *output);
void hil_greater_equal_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b,
                           uint8_t *output);
void hil_equal_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b, uint8_t *output);
void hil_not_equal_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b,
                       uint8_t *output);
void hil_less_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b, uint8_t *output);
void hil_less_equal_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b,
                        uint8_t *output);
void hil_greater_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b,
                     uint8_t *output);
void hil_greater_equal_s64(const hil_binary_params *p, const int64_t *a, const int64_t *b,
                           uint8_t *output);
void hil_equal_f32(const hil_binary_params *p, const float *a, const float *b, uint8_t *output);
void hil_not_equal_f32(const hil_binary_params *p, const float *a, const float *b, uint8_t *output);
void hil_less_f32(const hil_binary_params *p, const float *a, const float *b, uint8_t *output);
void hil_less_equal_f32(const hil_binary_params *p, const float *a, const float *b,
                        uint8_t *output);
void hil_greater_f32(const hil_binary_params *p, const float *a, const float *b, uint8_t *output);
void hil_greater_equal_f32(const hil_binary_params *p, const float *a, const float *b,
                           uint8_t *output);
void hil_equal_s8(const hil_compare_params *p, const int8_t *a, const int8_t *b, uint8_t *output);
void hil_not_equal_s8(const hil_compare_params *p, const int8_t *a, const int8_t *b,
                      uint8_t *output);
void hil_less_s8(const hil_compare_params *p, const int8_t *a, const int8_t *b, uint8_t *output);
void hil_less_equal_s8(const hil_compare_params *p, const int8_t *a, const int8_t *b,
                       uint8_t *output);
void hil_greater_s8(const hil_compare_params *p, const int8_t *a, const int8_t *b, uint8_t *output);
void hil_greater_equal_s8(const hil_compare_params *p, const int8_t *a, const int8_t *b,
                          uint8_t *output);
void hil_logical_and(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                     uint8_t *output);
void hil_logical_or(const hil_binary_params *p, const uint8_t *a, const uint8_t *b,
                    uint8_t *output);

/* PRELU: x where it is at least 0, else x * alpha. */
typedef struct {
    hil_broadcast shape;
    int32_t zero_point, alpha_zero_point, output_zero_point;
    int32_t multiplier, shift;
    int32_t alpha_multiplier, alpha_shift;
} hil_prelu_s8_params;

void hil_prelu_f32(const hil_binary_params *p, const float *input, const float *alpha,
                   float *output);
void hil_prelu_s8(const hil_prelu_s8_params *p, const int8_t *input, const int8_t *alpha,
                  int8_t *output);

typedef struct {
    hil_broadcast shape;
    hil_operand a, b;
    int32_t zero_point, multiplier, shift;
} hil_squared_difference_s8_params;

void hil_squared_difference_s8(const hil_squared_difference_s8_params *p, const int8_t *a,
                               const int8_t *b, int8_t *output);
void hil_squared_difference_s32(const hil_binary_params *p, const int32_t *a, const int32_t *b,
                                int32_t *output);
void hil_squared_difference_f32(const hil_binary_params *p, const float *a, const float *b,
                                float *output);

/* SELECT and SELECT_V2: elements of `unit` bytes of a where the condition is not 0, else of b. Steps
 * and walks of a and b are in bytes. */
typedef struct {
    int32_t inner, unit;
    int32_t step, a_step, b_step;
    hil_walk condition, a, b;
} hil_select_params;

void hil_select(const hil_select_params *p, const uint8_t *condition, const void *a, const void *b,
                void *output);

/* CAST, by the types of input and output; b is bool. */
typedef struct {
    int32_t elements;
} hil_cast_params;

void hil_cast_s8_s8(const hil_cast_params *p, const int8_t *input, int8_t *output);
void hil_cast_s8_u8(const hil_cast_params *p, const int8_t *input, uint8_t *output);
void hil_cast_s8_s16(const hil_cast_params *p, const int8_t *input, int16_t *output);
void hil_cast_s8_s32(const hil_cast_params *p, const int8_t *input, int32_t *output);
void hil_cast_s8_s64(const hil_cast_params *p, const int8_t *input, int64_t *output);
void hil_cast_s8_f32(const hil_cast_params *p, const int8_t *input, float *output);
void hil_cast_s8_b(const hil_cast_params *p, const int8_t *input, uint8_t *output);
void hil_cast_u8_s8(const hil_cast_params *p, const uint8_t *input, int8_t *output);
void hil_cast_u8_u8(const hil_cast_params *p, const uint8_t *input, uint8_t *output);
void hil_cast_u8_s16(const hil_cast_params *p, const uint8_t *input, int16_t *output);
void hil_cast_u8_s32(const hil_cast_params *p, const uint8_t *input, int32_t *output);
void hil_cast_u8_s64(const hil_cast_params *p, const uint8_t *input, int64_t *output);
void hil_cast_u8_f32(const hil_cast_params *p, const uint8_t *input, float *output);
void hil_cast_u8_b(const hil_cast_params *p, const uint8_t *input, uint8_t *output);
void hil_cast_s16_s8(const hil_cast_params *p, const int16_t *input, int8_t *output);
void hil_cast_s16_u8(const hil_cast_params *p, const int16_t *input, uint8_t *output);
void hil_cast_s16_s16(const hil_cast_params *p, const int16_t *input, int16_t *output);
void hil_cast_s16_s32(const hil_cast_params *p, const int16_t *input, int32_t *output);
void hil_cast_s16_s64(const hil_cast_params *p, const int16_t *input, int64_t *output);
void hil_cast_s16_f32(const hil_cast_params *p, const int16_t *input, float *output);
void hil_cast_s16_b(const hil_cast_params *p, const int16_t *input, uint8_t *output);
void hil_cast_s32_s8(const hil_cast_params *p, const int32_t *input, int8_t *output);
void hil_cast_s32_u8(const hil_cast_params *p, const int32_t *input, uint8_t *output);
void hil_cast_s32_s16(const hil_cast_params *p, const int32_t *input, int16_t *output);
void hil_cast_s32_s32(const hil_cast_params *p, const int32_t *input, int32_t *output);
void hil_cast_s32_s64(const hil_cast_params *p, const int32_t *input, int64_t *output);
void hil_cast_s32_f32(const hil_cast_params *p, const int32_t *input, float *output);
void hil_cast_s32_b(const hil_cast_params *p, const int32_t *input, uint8_t *output);
void hil_cast_s64_s8(const hil_cast_params *p, const int64_t *input, int8_t *output);
void hil_cast_s64_u8(const hil_cast_params *p, const int64_t *input, uint8_t *output);
void hil_cast_s64_s16(const hil_cast_params *p, const int64_t *input, int16_t *output);
void hil_cast_s64_s32(const hil_cast_params *p, const int64_t *input, int32_t *output);
void hil_cast_s64_s64(const hil_cast_params *p, const int64_t *input, int64_t *output);
void hil_cast_s64_f32(const hil_cast_params *p, const int64_t *input, float *output);
void hil_cast_s64_b(const hil_cast_params *p, const int64_t *input, uint8_t *output);
void hil_cast_f32_s8(const hil_cast_params *p, const float *input, int8_t *output);
void hil_cast_f32_u8(const hil_cast_params *p, const float *input, uint8_t *output);
void hil_cast_f32_s16(const hil_cast_params *p, const float *input, int16_t *output);
void hil_cast_f32_s32(const hil_cast_params *p, const float *input, int32_t *output);
void hil_cast_f32_s64(const hil_cast_params *p, const float *input, int64_t *output);
void hil_cast_f32_f32(const hil_cast_params *p, const float *input, float *output);
void hil_cast_f32_b(const hil_cast_params *p, const float *input, uint8_t *output);

/* SOFTMAX along the last axis: rows of `depth` elements. int8: exp_table[d] is exp(-d * scale *
 * beta) in Q0.31 for a distance d below the row's maximum, 0 for d >= exp_count; output scale is
 * 1/256, output zero point -128. In place allowed. */
typedef struct {
    int32_t rows, depth;
    int32_t exp_count;
    const int32_t *exp_table;
} hil_softmax_s8_params;

void hil_softmax_s8(const hil_softmax_s8_params *p, const int8_t *input, int8_t *output);

/* int16: exp_table is exp on [-10, 0] and reciprocal_table 1 / (1 + x) on [0, 1], both in Q0.15 at
 * 513 points, interpolated; a distance of 10 in the input is brought to -65535 by multiplier and
 * shift. Input zero point 0, output scale 1/32768. In place allowed. */
typedef struct {
    int32_t rows, depth;
    int32_t multiplier, shift;
    const int16_t *exp_table, *reciprocal_table; /* 513 each */
} hil_softmax_s16_params;

void hil_softmax_s16(const hil_softmax_s16_params *p, const int16_t *input, int16_t *output);

/* ---- LOG_SOFTMAX over the last dimension, L2_NORMALIZATION along it; in place ---------------- */

/* As hil_softmax_s8_params; (multiplier, shift) bring a distance to Q5.26, (back_multiplier, back_shift) such
 * a number to a distance. Output: scale 1/16, zero point 127. */
typedef struct {
    int32_t rows, depth;
    int32_t exp_count;
    const int32_t *exp_table;
    int32_t multiplier, shift;
    int32_t back_multiplier, back_shift;
    int32_t smallest; /* distances below it count for nothing, negative */
} hil_log_softmax_s8_params;

typedef struct {
    int32_t rows, depth;
} hil_rows_params;

void hil_log_softmax_s8(const hil_log_softmax_s8_params *p, const int8_t *input, int8_t *output);
void hil_log_softmax_f32(const hil_rows_params *p, const float *input, float *output);

/* Output: scale 1/128, zero point 0. depth * 255^2 < 2^31. */
typedef struct {
    int32_t rows, depth;
    int32_t input_zero_point;
} hil_l2_normalization_s8_params;

void hil_l2_normalization_s8(const hil_l2_normalization_s8_params *p, const int8_t *input,
                             int8_t *output);
void hil_l2_normalization_f32(const hil_rows_params *p, const float *input, float *output);

typedef struct {
    int32_t rows, depth;
    float beta;
} hil_softmax_f32_params;

void hil_softmax_f32(const hil_softmax_f32_params *p, const float *input, float *output);

/* ---- Data movement: element sizes are in bytes, values are never looked at ------------------ */

/* TRANSPOSE and STRIDED_SLICE: the output is filled densely with runs of `run_bytes`; `count` runs
 * lie `step` bytes apart in the input, beginning at each position of `outer` (strides in bytes)
 * from `start` on. All are multiples of the element size. */
typedef struct {
    int32_t start;
    int32_t run_bytes, count, step;
    hil_walk outer;
} hil_copy_params;

void hil_copy(const hil_copy_params *p, const void *input, void *output);

/* CONCATENATION: `outer` times, the next `chunk_bytes[i]` of each input i. */
typedef struct {
    int32_t outer, count;
    const int32_t *chunk_bytes; /* count */
} hil_concatenation_params;

void hil_concatenation(const hil_concatenation_params *p, const void *const *inputs, void *output);

/* SPLIT: the reverse, with chunks of one size. */
typedef struct {
    int32_t outer, count;
    int32_t chunk_bytes;
} hil_split_params;

void hil_split(const hil_split_params *p, const void *input, void *const *outputs);

/* SPLIT_V: the reverse of CONCATENATION; its parameters, with the chunk of each output. */
void hil_split_v(const hil_concatenation_params *p, const void *input, void *const *outputs);

/* Runs chosen by tables: the run at (i0, i1, ...) of `dims` comes from the sum of the entries i0 of
 * the first table, i1 of the second ..., in bytes; the tables follow each other in `offsets`. */
typedef struct {
    int32_t rank;
    int32_t dims[HIL_MAX_DIMS];
    const int32_t *offsets;
    int32_t run_bytes;
} hil_remap_params;

void hil_remap(const hil_remap_params *p, const void *input, void *output);

/* SPACE_TO_BATCH_ND over two dimensions; what lies outside the input is `value`, of `unit` bytes. */
typedef struct {
    int32_t batches, in_h, in_w, out_h, out_w;
    int32_t block_h, block_w, before_h, before_w;
    int32_t pixel_bytes, unit;
    uint8_t value[8];
} hil_space_to_batch_params;

void hil_space_to_batch(const hil_space_to_batch_params *p, const void *input, void *output);

/* GATHER and EMBEDDING_LOOKUP with indices computed at run time, of `index_bytes` (2, 4 or 8) each:
 * for each of `batches` and `outer`, `count` runs of `run_bytes`, each one of `size` along the axis.
 * An index outside of the axis takes the nearest one inside. */
typedef struct {
    int32_t batches, outer, size, count;
    int32_t run_bytes, index_bytes;
} hil_gather_params;

void hil_gather(const hil_gather_params *p, const void *input, const void *indices, void *output);

/* PAD and PADV2. Rows of `row_bytes` of the input get `before_bytes` and `after_bytes` around
 * them; whole rows of the output are padding where an outer index of the output lies outside
 * [before[d], before[d] + in_dims[d]). `value` holds the element, `unit` (1, 2, 4 or 8) its size. */
typedef struct {
    int32_t rank; /* outer dimensions in use */
    int32_t out_dims[HIL_MAX_DIMS], in_dims[HIL_MAX_DIMS], before[HIL_MAX_DIMS];
    int32_t row_bytes, before_bytes, after_bytes;
    int32_t unit;
    uint8_t value[8];
} hil_pad_params;

void hil_pad(const hil_pad_params *p, const void *input, void *output);

/* RESIZE_NEAREST_NEIGHBOR: output pixel (y, x) is input pixel (rows[y], columns[x]). */
typedef struct {
    int32_t batches;
    int32_t in_h, in_w, out_h, out_w;
    int32_t pixel_bytes;
    const uint16_t *rows;    /* out_h */
    const uint16_t *columns; /* out_w */
} hil_resize_nearest_params;

void hil_resize_nearest(const hil_resize_nearest_params *p, const void *input, void *output);

/* RESIZE_BILINEAR: output position i lies between input positions low[i] and high[i], by a
 * fraction of the way (integers: of 1024; it may be negative or above 1024 where low and high are one). */
typedef struct {
    const uint16_t *low, *high;
} hil_resize_neighbours;

typedef struct {
    int32_t batches;
    int32_t in_h, in_w, out_h, out_w, channels;
    hil_resize_neighbours rows, columns;
    const int16_t *row_fractions;    /* out_h */
    const int16_t *column_fractions; /* out_w */
} hil_resize_bilinear_params;

void hil_resize_bilinear_s8(const hil_resize_bilinear_params *p, const int8_t *input,
                            int8_t *output);
void hil_resize_bilinear_s16(const hil_resize_bilinear_params *p, const int16_t *input,
                             int16_t *output);

typedef struct {
    int32_t batches;
    int32_t in_h, in_w, out_h, out_w, channels;
    hil_resize_neighbours rows, columns;
    const float *row_fractions;    /* out_h */
    const float *column_fractions; /* out_w */
} hil_resize_bilinear_f32_params;

void hil_resize_bilinear_f32(const hil_resize_bilinear_f32_params *p, const float *input,
                             float *output);

/* ---- MEAN ---------------------------------------------------------------------------------- */

/* Each position of `kept` gives one output; from there `inner` elements `inner_stride` apart are
 * summed at each position of `reduced`. Integers: multiplier and shift hold 1 / count; `sum_offset` is
 * -input_zero_point * count. */
typedef struct {
    hil_walk kept, reduced;
    int32_t inner, inner_stride;
    int32_t sum_offset;
    int32_t multiplier, shift, output_zero_point;
} hil_mean_params;

void hil_mean_s8(const hil_mean_params *p, const int8_t *input, int8_t *output);
void hil_mean_s16(const hil_mean_params *p, const int16_t *input, int16_t *output);

typedef struct {
    hil_walk kept, reduced;
    int32_t inner, inner_stride;
    float count;
} hil_mean_f32_params;

void hil_mean_f32(const hil_mean_f32_params *p, const float *input, float *output);

typedef struct {
    hil_walk kept, reduced;
    int32_t inner, inner_stride;
} hil_reduce_params;

void hil_reduce_max_s8(const hil_reduce_params *p, const int8_t *input, int8_t *output);
void hil_reduce_min_s8(const hil_reduce_params *p, const int8_t *input, int8_t *output);
void hil_reduce_max_s16(const hil_reduce_params *p, const int16_t *input, int16_t *output);
void hil_reduce_min_s16(const hil_reduce_params *p, const int16_t *input, int16_t *output);
void hil_reduce_max_s32(const hil_reduce_params *p, const int32_t *input, int32_t *output);
void hil_reduce_min_s32(const hil_reduce_params *p, const int32_t *input, int32_t *output);
void hil_reduce_max_s64(const hil_reduce_params *p, const int64_t *input, int64_t *output);
void hil_reduce_min_s64(const hil_reduce_params *p, const int64_t *input, int64_t *output);
void hil_reduce_max_f32(const hil_reduce_params *p, const float *input, float *output);
void hil_reduce_min_f32(const hil_reduce_params *p, const float *input, float *output);
void hil_sum_s32(const hil_reduce_params *p, const int32_t *input, int32_t *output);

/* ARG_MAX and ARG_MIN along an axis of `size`; indices have `index_bytes` (4 or 8). */
typedef struct {
    int32_t outer, size, inner;
    int32_t index_bytes;
} hil_arg_params;

void hil_arg_max_s8(const hil_arg_params *p, const int8_t *input, void *output);
void hil_arg_min_s8(const hil_arg_params *p, const int8_t *input, void *output);
void hil_arg_max_u8(const hil_arg_params *p, const uint8_t *input, void *output);
void hil_arg_min_u8(const hil_arg_params *p, const uint8_t *input, void *output);
void hil_arg_max_s32(const hil_arg_params *p, const int32_t *input, void *output);
void hil_arg_min_s32(const hil_arg_params *p, const int32_t *input, void *output);
void hil_arg_max_f32(const hil_arg_params *p, const float *input, void *output);
void hil_arg_min_f32(const hil_arg_params *p, const float *input, void *output);

/* CUMSUM along an axis of `size`, in place; int32 wraps around. */
typedef struct {
    int32_t outer, size, inner;
    int32_t exclusive, reverse;
} hil_cumsum_params;

void hil_cumsum_f32(const hil_cumsum_params *p, const float *input, float *output);
void hil_cumsum_s32(const hil_cumsum_params *p, const int32_t *input, int32_t *output);

/* ---- BATCH_MATMUL, and FULLY_CONNECTED with weights that are computed ------------------------ */

/* Element (r, c) of an output matrix is the product of `depth` elements of `a`, `a_step` apart from
 * r * a_row on, and of `b`, `b_step` apart from c * b_column on. The walks (which have the same dims) go
 * over the matrices. */
typedef struct {
    int32_t rows, columns, depth;
    int32_t a_row, a_step, b_column, b_step;
    hil_walk a, b;
} hil_matmul_shape;

typedef struct {
    hil_matmul_shape shape;
    int32_t a_zero_point, b_zero_point, output_zero_point;
    int32_t multiplier, shift;
    int32_t act_min, act_max;
} hil_matmul_params;

typedef struct {
    hil_matmul_shape shape;
    float act_min, act_max;
} hil_matmul_f32_params;

/* `bias` has one element a column, or is NULL. */
void hil_matmul_s8(const hil_matmul_params *p, const int8_t *a, const int8_t *b,
                   const int32_t *bias, int8_t *output);
void hil_matmul_s16(const hil_matmul_params *p, const int16_t *a, const int16_t *b,
                    const int64_t *bias, int16_t *output);
void hil_matmul_f32(const hil_matmul_f32_params *p, const float *a, const float *b,
                    const float *bias, float *output);

/* ---- TRANSPOSE_CONV; weights [out_c][kernel_h][kernel_w][in_c] ------------------------------- */

typedef struct {
    int32_t batches, in_h, in_w, in_c;
    int32_t out_h, out_w, out_c;
    int32_t kernel_h, kernel_w, stride_h, stride_w, pad_top, pad_left;
} hil_transpose_conv_window;

typedef struct {
    hil_transpose_conv_window window;
    const int8_t *weights;
    const int32_t *bias;       /* out_c */
    const int32_t *multiplier; /* out_c */
    const int8_t *shift;       /* out_c */
    int32_t input_zero_point, output_zero_point;
    int32_t act_min, act_max;
} hil_transpose_conv_s8_params;

typedef struct {
    hil_transpose_conv_window window;
    const float *weights;
    const float *bias; /* out_c */
    float act_min, act_max;
} hil_transpose_conv_f32_params;

/* Multiplier and shift are those of hil_rescale_s64. */
typedef struct {
    hil_transpose_conv_window window;
    const int8_t *weights;
    const int64_t *bias;       /* out_c */
    const int32_t *multiplier; /* out_c */
    const int8_t *shift;       /* out_c */
    int32_t act_min, act_max;
} hil_transpose_conv_s16_params;

void hil_transpose_conv_s16(const hil_transpose_conv_s16_params *p, const int16_t *input,
                            int16_t *output);
void hil_transpose_conv_s8(const hil_transpose_conv_s8_params *p, const int8_t *input,
                           int8_t *output);
void hil_transpose_conv_f32(const hil_transpose_conv_f32_params *p, const float *input,
                            float *output);

/* ---- SVDF; state [batches][filters][memory], the newest number of a filter last --------------- */

/* weights_feature [filters][inputs], weights_time [filters][memory]; `rank` filters, one behind the
 * other, make a unit. feature_bias has -input_zero_point * sum(weights_feature) of a filter. */
typedef struct {
    int32_t batches, inputs, filters, memory, rank;
    const int8_t *weights_feature;
    const int32_t *feature_bias; /* filters */
    const int16_t *weights_time;
    const int32_t *bias; /* filters / rank */
    int32_t feature_multiplier, feature_shift;
    int32_t output_multiplier, output_shift, output_zero_point;
} hil_svdf_s8_params;

typedef struct {
    int32_t batches, inputs, filters, memory, rank;
    const float *weights_feature, *weights_time;
    const float *bias; /* filters / rank */
    float act_min, act_max;
} hil_svdf_f32_params;

void hil_svdf_s8(const hil_svdf_s8_params *p, const int8_t *input, int16_t *state, int8_t *output);
void hil_svdf_f32(const hil_svdf_f32_params *p, const float *input, float *state, float *output);

/* ---- UNIDIRECTIONAL_SEQUENCE_LSTM ------------------------------------------------------------- */

/* Step t of batch b is row b * batch_stride + t * step_stride of input and output. */
typedef struct {
    int32_t batches, steps, inputs, cells;
    int32_t batch_stride, step_stride;
} hil_lstm_sizes;

/* weights [cells][inputs], recurrent [cells][cells]. Biases have -zero_point * sum(weights) folded in. */
typedef struct {
    const int8_t *weights, *recurrent;
    const int32_t *bias, *recurrent_bias; /* cells */
    int32_t multiplier, shift, recurrent_multiplier, recurrent_shift;
} hil_lstm_gate_s8;

typedef struct {
    const float *weights, *recurrent;
    const float *bias; /* cells */
} hil_lstm_gate_f32;

/* Gates: input, forget, cell, output. The cells' state has cell_bits integer bits, 6 at most, and is
 * kept in [cell_min, cell_max]. */
typedef struct {
    hil_lstm_sizes sizes;
    hil_lstm_gate_s8 gates[4];
    int32_t cell_bits, cell_min, cell_max;
    int32_t hidden_multiplier, hidden_shift, hidden_zero_point;
} hil_lstm_s8_params;

typedef struct {
    hil_lstm_sizes sizes;
    hil_lstm_gate_f32 gates[4];
    float cell_clip; /* INFINITY: none */
} hil_lstm_f32_params;

/* hidden and cells are the state: [batches][cells] */
void hil_lstm_s8(const hil_lstm_s8_params *p, const int8_t *input, int8_t *hidden, int16_t *cells,
                 int8_t *output);
void hil_lstm_f32(const hil_lstm_f32_params *p, const float *input, float *hidden, float *cells,
                  float *output);

/* ---- QUANTIZE, DEQUANTIZE (between 8-bit types QUANTIZE is hil_lut_8) ------------------------ */

typedef struct {
    int32_t elements;
    float scale;
    int32_t zero_point;
} hil_quantize_params;

/* round(x / scale) + zero_point, ties away from zero, saturated (NaN becomes the zero point). */
void hil_quantize_f32_s8(const hil_quantize_params *p, const float *input, int8_t *output);
void hil_quantize_f32_u8(const hil_quantize_params *p, const float *input, uint8_t *output);
void hil_quantize_f32_s16(const hil_quantize_params *p, const float *input, int16_t *output);

void hil_dequantize_s8_f32(const hil_quantize_params *p, const int8_t *input, float *output);
void hil_dequantize_u8_f32(const hil_quantize_params *p, const uint8_t *input, float *output);
void hil_dequantize_s16_f32(const hil_quantize_params *p, const int16_t *input, float *output);

/* QUANTIZE where one side is int16: hil_requantize of the number less its zero point. */
typedef struct {
    int32_t elements;
    int32_t multiplier, shift;
    int32_t input_zero_point, output_zero_point;
} hil_requantize_params;

void hil_requantize_s16_s16(const hil_requantize_params *p, const int16_t *input, int16_t *output);
void hil_requantize_s16_s8(const hil_requantize_params *p, const int16_t *input, int8_t *output);
void hil_requantize_s8_s16(const hil_requantize_params *p, const int8_t *input, int16_t *output);
void hil_requantize_u8_s16(const hil_requantize_params *p, const uint8_t *input, int16_t *output);
void hil_requantize_s16_s32(const hil_requantize_params *p, const int16_t *input, int32_t *output);
void hil_requantize_s32_s16(const hil_requantize_params *p, const int32_t *input, int16_t *output);
void hil_requantize_s32_s8(const hil_requantize_params *p, const int32_t *input, int8_t *output);

#endif
