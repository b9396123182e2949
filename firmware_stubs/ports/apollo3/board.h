/* The SparkFun Edge: Apollo3 Blue, UART 0 at pads 48 and 49 of the serial header, pad 38 as window pin.
 *
 * HIL_CLOCK_HZ chooses 48 MHz (the usual), 24 MHz or, in burst mode, 96 MHz. The flash keeps the wait states
 * of its reset: HIL_FLASH_WAIT_STATES is not used.
 * The firmware starts at 0xC000, behind the chip's secure boot loader: the profile's flash.origin.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include "registers.h"

#define BOARD_BURST_HZ 96000000
#define BOARD_HFRC_HZ 48000000
#define BOARD_HALF_HZ 24000000

#define BOARD_WINDOW_BIT (1u << (38u - 32u)) /* pad 38; WTSB and WTCB begin with pad 32 */

#ifndef HIL_CLOCK_HZ
#define HIL_CLOCK_HZ BOARD_HFRC_HZ
#endif
#if HIL_CLOCK_HZ == BOARD_HALF_HZ
#define BOARD_CORESEL CLKGEN_CCTRL_CORESEL_HFRC_DIV2
#elif HIL_CLOCK_HZ == BOARD_HFRC_HZ || HIL_CLOCK_HZ == BOARD_BURST_HZ
#define BOARD_CORESEL CLKGEN_CCTRL_CORESEL_HFRC
#else
#error "the core of an Apollo3 runs at 24, 48 or (burst) 96 MHz"
#endif

/* The UART divides 24 MHz by 16 and by a number with 6 binary places. 921600 baud is what revision A1 of
 * the chip has at most; the rate is wrong by less than 0.2 % up to there. */
#define BOARD_UART_HZ 24000000u
#define BOARD_DIVISOR ((4u * BOARD_UART_HZ + HIL_BAUD / 2u) / HIL_BAUD)
#if HIL_BAUD < 9600 || HIL_BAUD > 921600
#error "this port sets 9600 to 921600 baud"
#endif

#endif
