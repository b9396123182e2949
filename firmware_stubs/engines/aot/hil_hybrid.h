/* Hybrid ops: float32 activations, int8 weights. The input is quantized while the model runs.
 * Source of the arithmetic: internal/reference/portable_tensor_utils.cc of TensorFlow Lite.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_HYBRID_H
#define HIL_HYBRID_H

#include <stdint.h>

#include "hil_variants.h"

/* Quantize `count` floats to int8 and put their scale and offset into `stage`: to [-127, 127] with
 * an offset of 0, or, if `asymmetric`, to all of int8 with the offset that range and zero ask for. */
void hil_quantize_input(const float *input, int32_t count, int32_t asymmetric, int8_t *output,
                        hil_stage_hybrid *stage);

#endif
