/* MEAN on int8.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_VARIANT s8
#define HIL_ELEMENT int8_t
#define HIL_MIN INT8_MIN
#define HIL_MAX INT8_MAX
#include "hil_mean_body.h"
