/* What differs between boards with an STM32L4: clock, wait states, and the pins of the ST-LINK UART.
 *
 * Chosen with HIL_BOARD_NUCLEO_L4R5ZI or HIL_BOARD_NUCLEO_L452RE; B-L475E-IOT01A without either.
 * HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES set another clock than the board's usual one, both together.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include <stdint.h>

#if defined(HIL_BOARD_NUCLEO_L4R5ZI)

/* NUCLEO-L4R5ZI: LPUART1 on PG7 and PG8 (ST UM2179), port G powered by VDDIO2. 120 MHz in range 1
 * boost mode need 5 wait states (RM0432 section 3.3.3). Compiled in tests, not run: QEMU has no
 * such chip. */
#define BOARD_USUAL_CLOCK_HZ 120000000
#define BOARD_USUAL_FLASH_WAIT_STATES 5
#define BOARD_USART 0x40008000u
#define BOARD_USART_ENABLE_REG (*(volatile uint32_t *)0x4002105Cu) /* RCC_APB1ENR2 */
#define BOARD_USART_ENABLE (1u << 0)
#define BOARD_GPIO 0x48001800u /* port G */
#define BOARD_GPIO_ENABLE (1u << 6)
#define BOARD_TX_PIN 7u
#define BOARD_RX_PIN 8u
#define BOARD_PIN_FUNCTION 8u
/* An LPUART divides 256 times the clock. */
#define BOARD_BRR(clock_hz, baud) ((uint32_t)((256u * (uint64_t)(clock_hz) + (baud) / 2u) / (baud)))

static inline void board_power(void)
{
    volatile uint32_t *const rcc_apb1enr1 = (volatile uint32_t *)0x40021058u;
    volatile uint32_t *const pwr_cr2 = (volatile uint32_t *)0x40007004u;
    volatile uint32_t *const pwr_cr5 = (volatile uint32_t *)0x40007080u;

    *rcc_apb1enr1 |= 1u << 28; /* PWREN */
    (void)*rcc_apb1enr1;
    *pwr_cr2 |= 1u << 9;    /* IOSV: VDDIO2 is valid */
    *pwr_cr5 &= ~(1u << 8); /* R1MODE: boost */
}

#else

#define BOARD_USUAL_CLOCK_HZ 80000000
/* At 80 MHz in range 1, the reset value (RM0351 section 3.3.3). */
#define BOARD_USUAL_FLASH_WAIT_STATES 4
#define BOARD_PIN_FUNCTION 7u
#define BOARD_BRR(clock_hz, baud) (((clock_hz) + (baud) / 2u) / (baud))

#if defined(HIL_BOARD_NUCLEO_L452RE)

/* NUCLEO-L452RE: USART2 on PA2 and PA3 (ST UM1724). Compiled in tests, not run. */
#define BOARD_USART 0x40004400u
#define BOARD_USART_ENABLE_REG (*(volatile uint32_t *)0x40021058u) /* RCC_APB1ENR1 */
#define BOARD_USART_ENABLE (1u << 17)
#define BOARD_GPIO 0x48000000u /* port A */
#define BOARD_GPIO_ENABLE (1u << 0)
#define BOARD_TX_PIN 2u
#define BOARD_RX_PIN 3u

#else

/* B-L475E-IOT01A: USART1 on PB6 and PB7 (ST UM2153). */
#define BOARD_USART 0x40013800u
#define BOARD_USART_ENABLE_REG (*(volatile uint32_t *)0x40021060u) /* RCC_APB2ENR */
#define BOARD_USART_ENABLE (1u << 14)
#define BOARD_GPIO 0x48000400u /* port B */
#define BOARD_GPIO_ENABLE (1u << 1)
#define BOARD_TX_PIN 6u
#define BOARD_RX_PIN 7u

#endif

static inline void board_power(void)
{
}

#endif

#if defined(HIL_CLOCK_HZ) != defined(HIL_FLASH_WAIT_STATES)
#error "HIL_CLOCK_HZ and HIL_FLASH_WAIT_STATES belong together"
#endif
#ifndef HIL_CLOCK_HZ
#define HIL_CLOCK_HZ BOARD_USUAL_CLOCK_HZ
#define HIL_FLASH_WAIT_STATES BOARD_USUAL_FLASH_WAIT_STATES
#endif

#define BOARD_CLOCK_HZ ((uint32_t)(HIL_CLOCK_HZ))
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
#endif

/* 0.1 ms: QEMU takes 10,000 bytes/s. Measured with 800 to 16,000 at 80 MHz: shorter ones keep QEMU's
 * main loop so busy with timers that, on a machine with other work, bytes come at a tenth of that. */
#ifndef BOARD_SYSTICK_RELOAD
#define BOARD_SYSTICK_RELOAD (BOARD_CLOCK_HZ / 10000u)
#endif

#endif
