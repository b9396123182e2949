/* CUMSUM along one axis.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot_ops.h"
#include "hil_quant.h"

#define DEFINE_CUMSUM(name, type, added)                                            \
    void name(const hil_cumsum_params *p, const type *input, type *output)          \
    {                                                                               \
        const int32_t run = p->size * p->inner;                                     \
        const int32_t step = p->reverse ? -p->inner : p->inner;                     \
        const int32_t first = p->reverse ? run - p->inner : 0;                      \
        for (int32_t o = 0; o < p->outer; ++o, input += run, output += run) {       \
            for (int32_t i = 0; i < p->inner; ++i) {                                \
                type sum = 0;                                                       \
                for (int32_t k = 0, at = first + i; k < p->size; ++k, at += step) { \
                    const type before = sum, value = input[at];                     \
                    sum = (added);                                                  \
                    output[at] = p->exclusive ? before : sum;                       \
                }                                                                   \
            }                                                                       \
        }                                                                           \
    }

DEFINE_CUMSUM(hil_cumsum_f32, float, before + value)
DEFINE_CUMSUM(hil_cumsum_s32, int32_t, hil_wrap_add(before, value))
