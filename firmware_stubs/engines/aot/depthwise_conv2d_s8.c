/* DEPTHWISE_CONV_2D, int8: see hil_depthwise_conv2d_body.h.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_aot.h"
#include "hil_finish.h"
#include "hil_taps_s8.h"
#include "hil_window.h"

#define HIL_DEPTHWISE_BLOCKS
#define HIL_VARIANT s8
#include "hil_depthwise_conv2d_body.h"

#define HIL_VARIANT s8_pot
#include "hil_depthwise_conv2d_body.h"

#define HIL_VARIANT s8_any
#include "hil_depthwise_conv2d_body.h"
