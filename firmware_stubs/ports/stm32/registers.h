/* Peripherals that are the same in all STM32 of these ports, at offsets from their base addresses.
 *
 * registers.md beside this file names the source of every line; a test compares the two.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef STM32_REGISTERS_H
#define STM32_REGISTERS_H

#include "hil_reg.h"

#define GPIO_MODER(port) REG((port) + 0x00u)
#define GPIO_BSRR(port) REG((port) + 0x18u)
#define GPIO_AFRL(port) REG((port) + 0x20u)
#define GPIO_AFRH(port) REG((port) + 0x24u)

#endif
