/* CONV_2D, int8: see hil_conv2d_body.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s8.h"
#include "hil_window.h"

#define HIL_VARIANT s8
#include "hil_conv2d_body.h"

#define HIL_VARIANT s8_pot
#include "hil_conv2d_body.h"

#define HIL_VARIANT s8_any
#include "hil_conv2d_body.h"
