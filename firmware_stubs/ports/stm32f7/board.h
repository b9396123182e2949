/* What differs between boards with an STM32F7: clock, wait states, oscillator, pins.
 *
 * 32F746GDISCOVERY, also HIL_BOARD_DISCO_F746NG; HIL_BOARD_NUCLEO_F746ZG for the other one.
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
#define HIL_CLOCK_HZ 216000000
#define HIL_FLASH_WAIT_STATES 7
#endif

#define BOARD_CLOCK_HZ ((uint32_t)(HIL_CLOCK_HZ))
#define BOARD_FLASH_WAIT_STATES ((uint32_t)(HIL_FLASH_WAIT_STATES))
#define BOARD_PIN_FUNCTION 7u

#ifdef HIL_BOARD_NUCLEO_F746ZG

/* NUCLEO-F746ZG: 8 MHz from the ST-LINK, USART3 on PD8 and PD9, D7 is PF13 (ST UM1974). */
#define BOARD_HSE_HZ 8000000u
#define BOARD_HSE_MODE RCC_CR_HSEBYP
#define BOARD_USART USART3_BASE
#define BOARD_USART_ENABLE_REG RCC_APB1ENR
#define BOARD_USART_ENABLE RCC_APB1ENR_USART3EN
#define BOARD_UART_HZ (BOARD_CLOCK_HZ / BOARD_APB1_DIVIDER)
#define BOARD_TX_PORT GPIOD_BASE
#define BOARD_TX_PIN 8u
#define BOARD_RX_PORT GPIOD_BASE
#define BOARD_RX_PIN 9u
#define BOARD_GPIO_ENABLE RCC_AHB1ENR_GPIODEN
#define BOARD_WINDOW_PORT GPIOF_BASE
#define BOARD_WINDOW_PIN 13u
#define BOARD_WINDOW_ENABLE RCC_AHB1ENR_GPIOFEN

#else

/* 32F746GDISCOVERY: crystal of 25 MHz, USART1 on PA9 and PB7, D7 is PI3 (ST UM1907). */
#define BOARD_HSE_HZ 25000000u
#define BOARD_HSE_MODE 0u
#define BOARD_USART USART1_BASE
#define BOARD_USART_ENABLE_REG RCC_APB2ENR
#define BOARD_USART_ENABLE RCC_APB2ENR_USART1EN
#define BOARD_UART_HZ (BOARD_CLOCK_HZ / BOARD_APB2_DIVIDER)
#define BOARD_TX_PORT GPIOA_BASE
#define BOARD_TX_PIN 9u
#define BOARD_RX_PORT GPIOB_BASE
#define BOARD_RX_PIN 7u
#define BOARD_GPIO_ENABLE (RCC_AHB1ENR_GPIOAEN | RCC_AHB1ENR_GPIOBEN)
#define BOARD_WINDOW_PORT GPIOI_BASE
#define BOARD_WINDOW_PIN 3u
#define BOARD_WINDOW_ENABLE RCC_AHB1ENR_GPIOIEN

#endif

/* 1 MHz into the VCO, which runs at 100 to 432 MHz (RM0385 section 5.3.2); P divides it. */
#if HIL_CLOCK_HZ >= 50000000
#define BOARD_PLL_P 2
#elif HIL_CLOCK_HZ >= 25000000
#define BOARD_PLL_P 4
#else
#define BOARD_PLL_P 8
#endif
#if HIL_CLOCK_HZ > 216000000 || HIL_CLOCK_HZ < 13000000
#error "this port sets clocks from 13 to 216 MHz"
#elif HIL_CLOCK_HZ % (1000000 / BOARD_PLL_P) != 0
#error \
    "this port sets clocks in steps of 0.5 MHz (from 50 MHz), 0.25 MHz (from 25 MHz) or 0.125 MHz"
#elif HIL_FLASH_WAIT_STATES < (HIL_CLOCK_HZ - 1) / 30000000 || HIL_FLASH_WAIT_STATES > 15
#error "the flash needs more wait states at this clock (or the register has no room for so many)"
#endif

/* Above 180 MHz over-drive is needed; with it APB1 may run at 54 MHz and APB2 at 108 MHz, else at 45
 * and 90 MHz (ST DS10916, general operating conditions). */
#define BOARD_OVER_DRIVE (HIL_CLOCK_HZ > 180000000)
#if BOARD_OVER_DRIVE
#define BOARD_APB1_MAX_HZ 54000000
#else
#define BOARD_APB1_MAX_HZ 45000000
#endif
#if HIL_CLOCK_HZ <= BOARD_APB1_MAX_HZ
#define BOARD_APB1_DIVIDER 1
#define BOARD_APB1_PRESCALER 0u
#elif HIL_CLOCK_HZ <= 2 * BOARD_APB1_MAX_HZ
#define BOARD_APB1_DIVIDER 2
#define BOARD_APB1_PRESCALER RCC_CFGR_PPRE1_DIV2
#else
#define BOARD_APB1_DIVIDER 4
#define BOARD_APB1_PRESCALER RCC_CFGR_PPRE1_DIV4
#endif
#if HIL_CLOCK_HZ <= 2 * BOARD_APB1_MAX_HZ
#define BOARD_APB2_DIVIDER 1
#define BOARD_APB2_PRESCALER 0u
#else
#define BOARD_APB2_DIVIDER 2
#define BOARD_APB2_PRESCALER RCC_CFGR_PPRE2_DIV2
#endif

#endif
