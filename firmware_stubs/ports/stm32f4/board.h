/* What differs between boards with an STM32F4: chip, clock, wait states, oscillator, pins.
 *
 * NUCLEO-F411RE, also HIL_BOARD_NUCLEO_F411RE; HIL_BOARD_OLIMEX_H405 for the Olimex STM32-H405 and
 * QEMU's machines with an STM32F405. HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES set another clock than the
 * board's usual one, both together.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include "registers.h"

#if defined(HIL_CLOCK_HZ) != defined(HIL_FLASH_WAIT_STATES)
#error "HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES belong together"
#endif

#define BOARD_PIN_FUNCTION 7u

#ifdef HIL_BOARD_OLIMEX_H405

/* STM32F405RG: crystal of 8 MHz; the board has no ST-LINK, USART1 is on PA9 and PA10 of its headers,
 * PC0 too (schematic STM32-H405). Buses and wait states: RM0090 sections 3.5.1 and 7.2. */
#define BOARD_USUAL_CLOCK_HZ 168000000
#define BOARD_USUAL_FLASH_WAIT_STATES 5
#define BOARD_APB1_MAX_HZ 42000000
#define BOARD_APB2_MAX_HZ 84000000
#define BOARD_LEAST_WAIT_STATES ((HIL_CLOCK_HZ - 1) / 30000000)
#define BOARD_HSE_MODE 0u
#define BOARD_USART USART1_BASE
#define BOARD_USART_ENABLE_REG RCC_APB2ENR
#define BOARD_USART_ENABLE RCC_APB2ENR_USART1EN
#define BOARD_USART_BUS_DIVIDER BOARD_APB2_DIVIDER
#define BOARD_TX_PORT GPIOA_BASE
#define BOARD_TX_PIN 9u
#define BOARD_RX_PORT GPIOA_BASE
#define BOARD_RX_PIN 10u
#define BOARD_GPIO_ENABLE RCC_AHB1ENR_GPIOAEN
#define BOARD_WINDOW_PORT GPIOC_BASE
#define BOARD_WINDOW_PIN 0u
#define BOARD_WINDOW_ENABLE RCC_AHB1ENR_GPIOCEN

#else

/* NUCLEO-F411RE: 8 MHz from the ST-LINK, USART2 on PA2 and PA3, D7 is PA8 (ST UM1724). Buses and wait
 * states at 2.7 to 3.6 V: RM0383 sections 3.4.1 and 6.2; ST's header has the same thresholds. */
#define BOARD_IS_F411 1
#define BOARD_USUAL_CLOCK_HZ 100000000
#define BOARD_USUAL_FLASH_WAIT_STATES 3
#define BOARD_APB1_MAX_HZ 50000000
#define BOARD_APB2_MAX_HZ 100000000
#define BOARD_LEAST_WAIT_STATES \
    ((HIL_CLOCK_HZ > 30000000) + (HIL_CLOCK_HZ > 64000000) + (HIL_CLOCK_HZ > 90000000))
#define BOARD_HSE_MODE RCC_CR_HSEBYP
#define BOARD_USART USART2_BASE
#define BOARD_USART_ENABLE_REG RCC_APB1ENR
#define BOARD_USART_ENABLE RCC_APB1ENR_USART2EN
#define BOARD_USART_BUS_DIVIDER BOARD_APB1_DIVIDER
#define BOARD_TX_PORT GPIOA_BASE
#define BOARD_TX_PIN 2u
#define BOARD_RX_PORT GPIOA_BASE
#define BOARD_RX_PIN 3u
#define BOARD_GPIO_ENABLE RCC_AHB1ENR_GPIOAEN
#define BOARD_WINDOW_PORT GPIOA_BASE
#define BOARD_WINDOW_PIN 8u
#define BOARD_WINDOW_ENABLE RCC_AHB1ENR_GPIOAEN

#endif

#define BOARD_HSE_HZ 8000000u

#ifndef HIL_CLOCK_HZ
#define HIL_CLOCK_HZ BOARD_USUAL_CLOCK_HZ
#define HIL_FLASH_WAIT_STATES BOARD_USUAL_FLASH_WAIT_STATES
#endif

#define BOARD_CLOCK_HZ ((uint32_t)(HIL_CLOCK_HZ))
#define BOARD_FLASH_WAIT_STATES ((uint32_t)(HIL_FLASH_WAIT_STATES))

/* 1 MHz into the VCO, which runs at 100 to 432 MHz (RM0383 section 6.3.2); P divides it. */
#if HIL_CLOCK_HZ >= 50000000
#define BOARD_PLL_P 2
#elif HIL_CLOCK_HZ >= 25000000
#define BOARD_PLL_P 4
#else
#define BOARD_PLL_P 8
#endif
#if HIL_CLOCK_HZ > BOARD_USUAL_CLOCK_HZ || HIL_CLOCK_HZ < 13000000
#error "this port sets clocks from 13 MHz up to the chip's highest clock"
#elif HIL_CLOCK_HZ % (1000000 / BOARD_PLL_P) != 0
#error \
    "this port sets clocks in steps of 0.5 MHz (from 50 MHz), 0.25 MHz (from 25 MHz) or 0.125 MHz"
#elif HIL_FLASH_WAIT_STATES < BOARD_LEAST_WAIT_STATES || HIL_FLASH_WAIT_STATES > 7
#error "the flash needs more wait states at this clock (or the register has no room for so many)"
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
#if HIL_CLOCK_HZ <= BOARD_APB2_MAX_HZ
#define BOARD_APB2_DIVIDER 1
#define BOARD_APB2_PRESCALER 0u
#else
#define BOARD_APB2_DIVIDER 2
#define BOARD_APB2_PRESCALER RCC_CFGR_PPRE2_DIV2
#endif
#define BOARD_UART_HZ (BOARD_CLOCK_HZ / BOARD_USART_BUS_DIVIDER)

#endif
