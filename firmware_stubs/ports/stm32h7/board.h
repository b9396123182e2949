/* What differs between boards with an STM32H743: revision of the chip, clock, wait states, pins.
 *
 * NUCLEO-H743ZI2, also HIL_BOARD_NUCLEO_H743ZI2; HIL_BOARD_NUCLEO_H743ZI for its predecessor, whose
 * chip is of revision Y (400 MHz). HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES set another clock than the
 * usual one, both together; wait states are cycles of the core.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include "registers.h"

#if defined(HIL_CLOCK_HZ) != defined(HIL_FLASH_WAIT_STATES)
#error "HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES belong together"
#endif

#ifdef HIL_BOARD_NUCLEO_H743ZI

/* D7 is PF13 (ST UM1974). */
#define BOARD_IS_REVISION_Y 1
#define BOARD_MAX_CLOCK_HZ 400000000
#define BOARD_WINDOW_PORT GPIOF_BASE
#define BOARD_WINDOW_PIN 13u
#define BOARD_WINDOW_ENABLE RCC_AHB4ENR_GPIOFEN

#else

/* D7 is PG12 (ST UM2407). */
#define BOARD_MAX_CLOCK_HZ 480000000
#define BOARD_WINDOW_PORT GPIOG_BASE
#define BOARD_WINDOW_PIN 12u
#define BOARD_WINDOW_ENABLE RCC_AHB4ENR_GPIOGEN

#endif

#ifndef HIL_CLOCK_HZ
#define HIL_CLOCK_HZ BOARD_MAX_CLOCK_HZ
#define HIL_FLASH_WAIT_STATES 8
#endif

/* Both: 8 MHz from the ST-LINK, USART3 on PD8 and PD9. */
#define BOARD_HSE_HZ 8000000u
#define BOARD_USART USART3_BASE
#define BOARD_TX_PORT GPIOD_BASE
#define BOARD_TX_PIN 8u
#define BOARD_RX_PORT GPIOD_BASE
#define BOARD_RX_PIN 9u
#define BOARD_PIN_FUNCTION 7u

#define BOARD_CLOCK_HZ ((uint32_t)(HIL_CLOCK_HZ))
/* AXI, AHB and with them the flash run at half the core's clock, all APB at half of that. */
#define BOARD_FLASH_WAIT_STATES ((uint32_t)(HIL_FLASH_WAIT_STATES + 1) / 2u)
#define BOARD_UART_HZ (BOARD_CLOCK_HZ / 4u)

/* Wait states of the flash and its programming delay by the AXI clock: RM0433 section 4.3.8, VOS0
 * and VOS1. */
#define BOARD_AXI_HZ (HIL_CLOCK_HZ / 2)
#define BOARD_LEAST_WAIT_STATES                                                            \
    ((BOARD_AXI_HZ > 70000000) + (BOARD_AXI_HZ > 140000000) + (BOARD_AXI_HZ > 210000000) + \
     (BOARD_AXI_HZ > 225000000))
#define BOARD_FLASH_DELAY ((BOARD_AXI_HZ > 70000000) + (BOARD_AXI_HZ > 185000000))

/* 2 MHz into the VCO, which runs at 192 to 960 MHz (836 in revision Y); P divides it (ST DS12110,
 * PLL characteristics). */
#if HIL_CLOCK_HZ >= 96000000
#define BOARD_PLL_P 2
#elif HIL_CLOCK_HZ >= 48000000
#define BOARD_PLL_P 4
#else
#define BOARD_PLL_P 8
#endif
#if HIL_CLOCK_HZ > BOARD_MAX_CLOCK_HZ || HIL_CLOCK_HZ < 24000000
#error "this port sets clocks from 24 MHz up to the chip's highest clock"
#elif HIL_CLOCK_HZ % (2000000 / BOARD_PLL_P) != 0
#error "this port sets clocks in steps of 1 MHz (from 96 MHz), 0.5 MHz (from 48 MHz) or 0.25 MHz"
#elif HIL_FLASH_WAIT_STATES < 2 * BOARD_LEAST_WAIT_STATES || HIL_FLASH_WAIT_STATES > 30
#error "the flash needs more wait states at this clock (or the register has no room for so many)"
#endif

/* VOS1 up to 400 MHz, VOS0 above. */
#define BOARD_OVER_DRIVE (HIL_CLOCK_HZ > 400000000)

#endif
