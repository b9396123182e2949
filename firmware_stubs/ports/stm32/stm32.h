/* What the ports for STM32 share: pins, the baud rate, the window's pin.
 *
 * A port's board.h defines, by names of registers.h:
 *   BOARD_USART                                    the UART of the board's ST-LINK
 *   BOARD_TX_PORT BOARD_TX_PIN BOARD_RX_PORT BOARD_RX_PIN BOARD_PIN_FUNCTION   its pins
 *   BOARD_WINDOW_PORT BOARD_WINDOW_PIN             a pin of the board's Arduino connector (D7)
 *   BOARD_UART_HZ                                  the UART's clock once the PLL runs
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef STM32_H
#define STM32_H

#include "board.h"
#include "hil_port.h"
#include "registers.h"

#ifndef BOARD_BRR
/* The divider of a USART that samples 16 times a bit. */
#define BOARD_BRR(clock_hz, baud) (((clock_hz) + (baud) / 2u) / (baud))
#define BOARD_BRR_FACTOR 1u
#define BOARD_BRR_LEAST 16u
#define BOARD_BRR_MOST 0xFFFFu
#endif

/* 1.5 % and the oscillators' 1 % leave room within the 4 % that a receiver tolerates. */
#define STM32_BRR BOARD_BRR(BOARD_UART_HZ, HIL_BAUD)
#define STM32_BAUD_TIMES_BRR ((uint64_t)STM32_BRR * HIL_BAUD)
#define STM32_UART_TICKS ((uint64_t)BOARD_BRR_FACTOR * (BOARD_UART_HZ))
_Static_assert(STM32_BRR >= BOARD_BRR_LEAST && STM32_BRR <= BOARD_BRR_MOST,
               "the UART cannot divide its clock to this baud rate");
_Static_assert(1000u * STM32_UART_TICKS <= 1015u * STM32_BAUD_TIMES_BRR &&
                   1000u * STM32_UART_TICKS >= 985u * STM32_BAUD_TIMES_BRR,
               "the baud rate would be wrong by more than 1.5 % at this clock");

#define STM32_MODE_OUTPUT 1u
#define STM32_MODE_ALTERNATE 2u

static inline void stm32_pin_mode(uint32_t port, uint32_t pin, uint32_t mode)
{
    GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << (2u * pin))) | mode << (2u * pin);
}

static inline void stm32_alternate_pin(uint32_t port, uint32_t pin, uint32_t function)
{
    const uint32_t shift = 4u * (pin % 8u);

    if (pin < 8u) {
        GPIO_AFRL(port) = (GPIO_AFRL(port) & ~(0xFu << shift)) | function << shift;
    } else {
        GPIO_AFRH(port) = (GPIO_AFRH(port) & ~(0xFu << shift)) | function << shift;
    }
    stm32_pin_mode(port, pin, STM32_MODE_ALTERNATE);
}

/* Give the UART's pins to it. Their ports must have their clock. */
static inline void stm32_start_uart_pins(void)
{
    stm32_alternate_pin(BOARD_TX_PORT, BOARD_TX_PIN, BOARD_PIN_FUNCTION);
    stm32_alternate_pin(BOARD_RX_PORT, BOARD_RX_PIN, BOARD_PIN_FUNCTION);
}

/* The pin that an energy meter listens to: low during an inference, else high. The lower half of
 * BSRR sets pins, the upper half resets them. */
static inline void stm32_window_pin(int open)
{
#ifdef HIL_WINDOW_PIN
    GPIO_BSRR(BOARD_WINDOW_PORT) = 1u << (open != 0 ? BOARD_WINDOW_PIN + 16u : BOARD_WINDOW_PIN);
#else
    (void)open;
#endif
}

static inline void stm32_start_window_pin(void)
{
#ifdef HIL_WINDOW_PIN
    stm32_window_pin(0);
    stm32_pin_mode(BOARD_WINDOW_PORT, BOARD_WINDOW_PIN, STM32_MODE_OUTPUT);
#endif
}

#endif
