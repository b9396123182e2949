/* MEAN on int16.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_VARIANT s16
#define HIL_ELEMENT int16_t
#define HIL_MIN INT16_MIN
#define HIL_MAX INT16_MAX
#include "hil_mean_body.h"
