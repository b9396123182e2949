/* ADD, SUB, MUL on int8.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#define HIL_VARIANT s8
#define HIL_ELEMENT int8_t
#define HIL_HEAD_ROOM 20
#include "hil_elementwise_body.h"
