/* The USART and LPUART of STM32L4, F7, H7 and U5, at offsets from their base addresses.
 *
 * registers.md beside this file names the source of every line; a test compares the two.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef STM32_USART_REGISTERS_H
#define STM32_USART_REGISTERS_H

#include "hil_reg.h"

#define USART_CR1(usart) REG((usart) + 0x00u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_BRR(usart) REG((usart) + 0x0Cu)
#define USART_ISR(usart) REG((usart) + 0x1Cu)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TXE (1u << 7)
#define USART_ICR(usart) REG((usart) + 0x20u)
#define USART_ICR_ORECF (1u << 3)
#define USART_RDR(usart) REG((usart) + 0x24u)
#define USART_TDR(usart) REG((usart) + 0x28u)

#endif
