/* What differs between boards with an STM32L4: clock, wait states, and the pins of the ST-LINK UART.
 *
 * Chosen with HIL_BOARD_...; B-L475E-IOT01A without one.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include <stdint.h>

/* 0.1 ms: QEMU takes 10,000 bytes/s. Measured with 800 to 16,000: shorter ones keep QEMU's main loop
 * so busy with timers that, on a machine with other work, bytes come at a tenth of that. */
#ifndef BOARD_SYSTICK_RELOAD
#define BOARD_SYSTICK_RELOAD 8000u
#endif

/* B-L475E-IOT01A: USART1 on PB6 and PB7 (ST UM2153). 80 MHz in range 1 need 4 wait states
 * (RM0351 section 3.3.3); range 1 is the reset value. */
#define BOARD_CLOCK_HZ 80000000u
#define BOARD_FLASH_WAIT_STATES 4u
#define BOARD_USART 0x40013800u
#define BOARD_USART_ENABLE_REG (*(volatile uint32_t *)0x40021060u) /* RCC_APB2ENR */
#define BOARD_USART_ENABLE (1u << 14)
#define BOARD_GPIO 0x48000400u /* port B */
#define BOARD_GPIO_ENABLE (1u << 1)
#define BOARD_TX_PIN 6u
#define BOARD_RX_PIN 7u
#define BOARD_PIN_FUNCTION 7u
#define BOARD_BRR(clock_hz, baud) (((clock_hz) + (baud) / 2u) / (baud))

static inline void board_power(void)
{
}

#endif
