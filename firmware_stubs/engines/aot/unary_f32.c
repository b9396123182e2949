/* Functions of one float32 element.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <math.h>

#include "hil_aot_ops.h"

#define DEFINE_UNARY(name, expression)                                               \
    void name(const hil_activation_f32_params *p, const float *input, float *output) \
    {                                                                                \
        for (int32_t i = 0; i < p->elements; ++i) {                                  \
            const float x = input[i];                                                \
            output[i] = (expression);                                                \
        }                                                                            \
    }

DEFINE_UNARY(hil_abs_f32, fabsf(x))
DEFINE_UNARY(hil_neg_f32, -x)
DEFINE_UNARY(hil_square_f32, x *x)
DEFINE_UNARY(hil_sqrt_f32, sqrtf(x))
DEFINE_UNARY(hil_rsqrt_f32, 1.0f / sqrtf(x))
DEFINE_UNARY(hil_exp_f32, expf(x))
DEFINE_UNARY(hil_log_f32, logf(x))
DEFINE_UNARY(hil_sin_f32, sinf(x))
DEFINE_UNARY(hil_cos_f32, cosf(x))
DEFINE_UNARY(hil_floor_f32, floorf(x))
DEFINE_UNARY(hil_ceil_f32, ceilf(x))
DEFINE_UNARY(hil_round_f32, rintf(x)) /* ties to the even number */
DEFINE_UNARY(hil_elu_f32, x < 0.0f ? expm1f(x) : x)
