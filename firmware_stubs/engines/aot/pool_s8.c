/* AVERAGE_POOL_2D and MAX_POOL_2D, int8.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_VARIANT s8
#define HIL_ELEMENT int8_t
#include "hil_pool_body.h"
