/* CONV_2D, int16 with int8 or int16 weights: see hil_conv2d_body.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_dot_s16.h"
#include "hil_window.h"

#define HIL_VARIANT s16x8_b32
#include "hil_conv2d_body.h"

#define HIL_VARIANT s16x8
#include "hil_conv2d_body.h"

#define HIL_VARIANT s16x8_pot
#include "hil_conv2d_body.h"

#define HIL_VARIANT s16x8_wide
#include "hil_conv2d_body.h"

#define HIL_VARIANT s16x8_wide_pot
#include "hil_conv2d_body.h"

#define HIL_VARIANT s16x16_pot
#include "hil_conv2d_body.h"

#define HIL_VARIANT s16x16_wide_pot
#include "hil_conv2d_body.h"

#define HIL_VARIANT s16x16_wide
#include "hil_conv2d_body.h"
