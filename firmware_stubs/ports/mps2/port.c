/* Arm's MPS2 boards, as QEMU has them: CMSDK UART 0, no clock to set up.
 *
 * HIL_MPS2_CLOCK_HZ is the clock of the FPGA image. The UART's divider only has to be legal:
 * emulated bytes take no time.
 * HIL_MPS2_UART0: 0x40004000 on an385, an386, an500; 0x50200000 (secure) on an505.
 * HIL_MPS2_TIMER: only in the firmware of a virtual board, timer 0 (0x40000000; 0x50000000 on an505),
 * which counts instead of the DWT that QEMU does not have. HIL_MPS2_CLOCK_HZ is then the clock that
 * its ticks are taken for.
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

#ifdef HIL_MPS2_TIMER

/* CMSDK APB timer (Arm DDI 0479, APB components, timer): 32 bits, counts down. Under QEMU's -icount
 * its time is a fixed number of nanoseconds an instruction, so that counts repeat exactly. */
#define TIMER(offset) (*(volatile uint32_t *)(HIL_MPS2_TIMER + (offset)))
#define TIMER_CTRL TIMER(0x00)
#define TIMER_CTRL_ENABLE (1u << 0)
#define TIMER_VALUE TIMER(0x04)
#define TIMER_RELOAD TIMER(0x08)

static uint32_t counted; /* until the timer was last set */

void hil_port_cycles_start(void)
{
    TIMER_RELOAD = UINT32_MAX;
    TIMER_VALUE = UINT32_MAX;
    TIMER_CTRL = TIMER_CTRL_ENABLE;
}

uint32_t hil_port_cycles(void)
{
    return counted + (UINT32_MAX - TIMER_VALUE);
}

/* A tick is no whole number of instructions: an inference that begins with one, whatever ran before,
 * has the same counts each time. */
void hil_port_window(int open)
{
    if (open != 0) {
        counted = hil_port_cycles();
        TIMER_VALUE = UINT32_MAX;
    }
}

#else

void hil_port_window(int open)
{
    (void)open;
}

#endif
