/* Arm's MPS2 boards, as QEMU has them: CMSDK UART 0, no clock to set up.
 *
 * HIL_MPS2_CLOCK_HZ is the clock of the FPGA image. The UART's divider only has to be legal:
 * emulated bytes take no time.
 * HIL_MPS2_UART0: 0x40004000 on an385, an386, an500; 0x50200000 (secure) on an505.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_port.h"

#ifndef HIL_MPS2_UART0
#define HIL_MPS2_UART0 0x40004000u
#endif
#ifndef HIL_MPS2_CLOCK_HZ
#define HIL_MPS2_CLOCK_HZ 25000000u
#endif

#define REG(offset) (*(volatile uint32_t *)(HIL_MPS2_UART0 + (offset)))
#define UART_DATA REG(0x00)
#define UART_STATE REG(0x04)
#define UART_STATE_TX_FULL (1u << 0)
#define UART_STATE_RX_FULL (1u << 1)
#define UART_CTRL REG(0x08)
#define UART_CTRL_TX_ENABLE (1u << 0)
#define UART_CTRL_RX_ENABLE (1u << 1)
#define UART_BAUDDIV REG(0x10)
#define UART_BAUDDIV_LEAST 16u

const char hil_port_name[] = "mps2";

void hil_port_init(void)
{
    const uint32_t divider = HIL_MPS2_CLOCK_HZ / HIL_BAUD;

    UART_BAUDDIV = divider < UART_BAUDDIV_LEAST ? UART_BAUDDIV_LEAST : divider;
    UART_CTRL = UART_CTRL_TX_ENABLE | UART_CTRL_RX_ENABLE;
    /* QEMU asks its serial back end for bytes after a read, not when reception is switched on;
     * without this read the first command may take a second to arrive. */
    (void)UART_DATA;
}

uint32_t hil_port_clock_hz(void)
{
    return HIL_MPS2_CLOCK_HZ;
}

int hil_port_getc(void)
{
    return (UART_STATE & UART_STATE_RX_FULL) != 0 ? (int)(UART_DATA & 0xFFu) : -1;
}

void hil_port_putc(uint8_t byte)
{
    while ((UART_STATE & UART_STATE_TX_FULL) != 0) {
    }
    UART_DATA = byte;
}

void hil_port_window(int open)
{
    (void)open;
}
