/* The board with an STM32U575: NUCLEO-U575ZI-Q, also HIL_BOARD_NUCLEO_U575ZI_Q.
 *
 * HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES set another clock than the usual one, both together.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include "registers.h"

#if defined(HIL_CLOCK_HZ) != defined(HIL_FLASH_WAIT_STATES)
#error "HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES belong together"
#endif
#ifndef HIL_CLOCK_HZ
#define HIL_CLOCK_HZ 160000000
#define HIL_FLASH_WAIT_STATES 4
#endif

/* USART1 on PA9 and PA10, D7 is PF13, an SMPS (ST UM2861). */
#define BOARD_USART USART1_BASE
#define BOARD_TX_PORT GPIOA_BASE
#define BOARD_TX_PIN 9u
#define BOARD_RX_PORT GPIOA_BASE
#define BOARD_RX_PIN 10u
#define BOARD_PIN_FUNCTION 7u
#define BOARD_WINDOW_PORT GPIOF_BASE
#define BOARD_WINDOW_PIN 13u

#define BOARD_CLOCK_HZ ((uint32_t)(HIL_CLOCK_HZ))
#define BOARD_FLASH_WAIT_STATES ((uint32_t)(HIL_FLASH_WAIT_STATES))
#define BOARD_UART_HZ BOARD_CLOCK_HZ

/* 4 MHz into the VCO, which runs at 128 to 544 MHz (ST DS13737, PLL characteristics); R divides it. */
#if HIL_CLOCK_HZ >= 64000000
#define BOARD_PLL_R 2
#elif HIL_CLOCK_HZ >= 32000000
#define BOARD_PLL_R 4
#else
#define BOARD_PLL_R 8
#endif
#if HIL_CLOCK_HZ > 160000000 || HIL_CLOCK_HZ < 16000000
#error "this port sets clocks from 16 to 160 MHz"
#elif HIL_CLOCK_HZ % (4000000 / BOARD_PLL_R) != 0
#error "this port sets clocks in steps of 2 MHz (from 64 MHz), 1 MHz (from 32 MHz) or 0.5 MHz"
#elif HIL_FLASH_WAIT_STATES < (HIL_CLOCK_HZ - 1) / 32000000 || HIL_FLASH_WAIT_STATES > 15
#error "the flash needs more wait states at this clock (or the register has no room for so many)"
#endif

#endif
