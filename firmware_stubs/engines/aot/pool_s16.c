/* AVERAGE_POOL_2D and MAX_POOL_2D, int16.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_VARIANT s16
#define HIL_ELEMENT int16_t
#include "hil_pool_body.h"
