/* FULLY_CONNECTED, int8: see hil_fully_connected_body.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s8.h"

#define HIL_VARIANT s8
#include "hil_fully_connected_body.h"

#define HIL_VARIANT s8_pot
#include "hil_fully_connected_body.h"

#define HIL_VARIANT s8_any
#include "hil_fully_connected_body.h"
