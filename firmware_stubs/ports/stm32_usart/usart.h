/* The USART and LPUART of STM32L4, F7, H7 and U5: a port with one includes this once.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef STM32_USART_H
#define STM32_USART_H

#include "../stm32/stm32.h"
#include "registers.h"

/* Start the UART, whose clock is there; the clock of its pins' port too. */
static inline void stm32_start_usart(uint32_t clock_hz)
{
    stm32_start_uart_pins();
    USART_BRR(BOARD_USART) = BOARD_BRR(clock_hz, HIL_BAUD);
    USART_CR1(BOARD_USART) = USART_CR1_TE | USART_CR1_RE | USART_CR1_UE;
}

int hil_port_getc(void)
{
    const uint32_t status = USART_ISR(BOARD_USART);

    if ((status & USART_ISR_ORE) != 0) {
        USART_ICR(BOARD_USART) = USART_ICR_ORECF; /* an overrun would stop reception for good */
    }
    return (status & USART_ISR_RXNE) != 0 ? (int)(USART_RDR(BOARD_USART) & 0xFFu) : -1;
}

void hil_port_putc(uint8_t byte)
{
    while ((USART_ISR(BOARD_USART) & USART_ISR_TXE) == 0) {
    }
    USART_TDR(BOARD_USART) = byte;
}

#endif
