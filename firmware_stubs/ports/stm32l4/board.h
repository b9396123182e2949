/* What differs between boards with an STM32L4: clock, wait states, and the pins of the ST-LINK UART.
 *
 * Chosen with HIL_BOARD_NUCLEO_L4R5ZI or HIL_BOARD_NUCLEO_L452RE; B-L475E-IOT01A without either.
 * HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES set another clock than the board's usual one, both together.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include "registers.h"

#if defined(HIL_CLOCK_HZ) != defined(HIL_FLASH_WAIT_STATES)
#error "HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES belong together"
#endif

#if defined(HIL_BOARD_NUCLEO_L4R5ZI)

/* NUCLEO-L4R5ZI: LPUART1 on PG7 and PG8, D7 is PF13 (ST UM2179), port G powered by VDDIO2. 120 MHz
 * in range 1 boost mode need 5 wait states (RM0432 section 3.3.3). */
#define BOARD_USUAL_CLOCK_HZ 120000000
#define BOARD_USUAL_FLASH_WAIT_STATES 5
#define BOARD_HZ_A_WAIT_STATE 20000000
#define BOARD_USART LPUART1_BASE
#define BOARD_USART_ENABLE_REG RCC_APB1ENR2
#define BOARD_USART_ENABLE RCC_APB1ENR2_LPUART1EN
#define BOARD_TX_PORT GPIOG_BASE
#define BOARD_TX_PIN 7u
#define BOARD_RX_PORT GPIOG_BASE
#define BOARD_RX_PIN 8u
#define BOARD_PIN_FUNCTION 8u
#define BOARD_GPIO_ENABLE RCC_AHB2ENR_GPIOGEN
#define BOARD_WINDOW_PORT GPIOF_BASE
#define BOARD_WINDOW_PIN 13u
#define BOARD_WINDOW_ENABLE RCC_AHB2ENR_GPIOFEN

#else

#define BOARD_USUAL_CLOCK_HZ 80000000
/* At 80 MHz in range 1, the reset value (RM0351 section 3.3.3). */
#define BOARD_USUAL_FLASH_WAIT_STATES 4
#define BOARD_HZ_A_WAIT_STATE 16000000
#define BOARD_PIN_FUNCTION 7u

#if defined(HIL_BOARD_NUCLEO_L452RE)

/* NUCLEO-L452RE: USART2 on PA2 and PA3, D7 is PA8 (ST UM1724). */
#define BOARD_USART USART2_BASE
#define BOARD_USART_ENABLE_REG RCC_APB1ENR1
#define BOARD_USART_ENABLE RCC_APB1ENR1_USART2EN
#define BOARD_TX_PORT GPIOA_BASE
#define BOARD_TX_PIN 2u
#define BOARD_RX_PORT GPIOA_BASE
#define BOARD_RX_PIN 3u
#define BOARD_GPIO_ENABLE RCC_AHB2ENR_GPIOAEN
#define BOARD_WINDOW_PORT GPIOA_BASE
#define BOARD_WINDOW_PIN 8u
#define BOARD_WINDOW_ENABLE RCC_AHB2ENR_GPIOAEN

#else

/* B-L475E-IOT01A: USART1 on PB6 and PB7, D7 is PA4 (ST UM2153). */
#define BOARD_USART USART1_BASE
#define BOARD_USART_ENABLE_REG RCC_APB2ENR
#define BOARD_USART_ENABLE RCC_APB2ENR_USART1EN
#define BOARD_TX_PORT GPIOB_BASE
#define BOARD_TX_PIN 6u
#define BOARD_RX_PORT GPIOB_BASE
#define BOARD_RX_PIN 7u
#define BOARD_GPIO_ENABLE RCC_AHB2ENR_GPIOBEN
#define BOARD_WINDOW_PORT GPIOA_BASE
#define BOARD_WINDOW_PIN 4u
#define BOARD_WINDOW_ENABLE RCC_AHB2ENR_GPIOAEN

#endif
#endif

#ifndef HIL_CLOCK_HZ
#define HIL_CLOCK_HZ BOARD_USUAL_CLOCK_HZ
#define HIL_FLASH_WAIT_STATES BOARD_USUAL_FLASH_WAIT_STATES
#endif

#define BOARD_CLOCK_HZ ((uint32_t)(HIL_CLOCK_HZ))
#define BOARD_UART_HZ BOARD_CLOCK_HZ
#define BOARD_FLASH_WAIT_STATES ((uint32_t)(HIL_FLASH_WAIT_STATES))

/* The VCO runs at 64 to 344 MHz in steps of 4 MHz (RM0351 section 6.4.4); R divides it. */
#if HIL_CLOCK_HZ >= 32000000
#define BOARD_PLL_R 2
#elif HIL_CLOCK_HZ >= 16000000
#define BOARD_PLL_R 4
#else
#define BOARD_PLL_R 8
#endif
#if HIL_CLOCK_HZ > BOARD_USUAL_CLOCK_HZ || HIL_CLOCK_HZ < 8000000
#error "this port sets clocks from 8 MHz up to the board's usual clock"
#elif HIL_CLOCK_HZ % (4000000 / BOARD_PLL_R) != 0
#error "this port sets clocks in steps of 2 MHz (from 32 MHz), 1 MHz (from 16 MHz) or 0.5 MHz"
#elif HIL_FLASH_WAIT_STATES < (HIL_CLOCK_HZ - 1) / BOARD_HZ_A_WAIT_STATE || \
    HIL_FLASH_WAIT_STATES > 7
#error "the flash needs more wait states at this clock (or the register has no room for so many)"
#endif

#if defined(HIL_BOARD_NUCLEO_L4R5ZI)
/* An LPUART divides 256 times its clock by a number of 20 bits, at least 0x300 (RM0432 section
 * 51.4.6). At low baud rates its clock is divided by 4 before. */
#if 256 * HIL_CLOCK_HZ / HIL_BAUD > 0xFFFFF
#define BOARD_LPUART_PRESCALER LPUART1_PRESC_DIV4
#define BOARD_BRR_FACTOR 64u
#else
#define BOARD_BRR_FACTOR 256u
#endif
#define BOARD_BRR(clock_hz, baud) \
    ((uint32_t)((BOARD_BRR_FACTOR * (uint64_t)(clock_hz) + (baud) / 2u) / (baud)))
#define BOARD_BRR_LEAST 0x300u
#define BOARD_BRR_MOST 0xFFFFFu
#endif

/* 0.1 ms: QEMU takes 10,000 bytes/s. Measured with 800 to 16,000 at 80 MHz: shorter ones keep QEMU's
 * main loop so busy with timers that, on a machine with other work, bytes come at a tenth of that. */
#ifndef BOARD_SYSTICK_RELOAD
#define BOARD_SYSTICK_RELOAD (BOARD_CLOCK_HZ / 10000u)
#endif

#endif
