/* What a port gives to the DUT program: what differs from chip to chip.
 *
 * docs/porting.md describes how to write one. Ports poll; they enable no interrupts.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_PORT_H
#define HIL_PORT_H

#include <stdint.h>

extern const char hil_port_name[]; /* the folder's name, as in m-name-dut-[hil-NAME] */

/* Clock, flash wait states, UART. Called once, after .data and .bss are set up. Must return even
 * where the hardware never reports ready (an emulator): every polling loop is bounded. */
void hil_port_init(void);

/* The core clock that is really running, in Hz. */
uint32_t hil_port_clock_hz(void);

/* Next received byte, or -1 when there is none. Waits only where there is no cycle counter, which
 * has to be polled meanwhile. */
int hil_port_getc(void);

/* Sends a byte, waiting for room. Called from fault handlers too: no interrupts, no state. */
void hil_port_putc(uint8_t byte);

/* Opens (1) and closes (0) the window around one inference: stop what could disturb it, and where
 * an energy meter listens, move its pin. */
void hil_port_window(int open);

/* A free-running 32-bit counter of core cycles; always 0 where there is none. Ports on Cortex-M
 * take both from ports/cortexm/counter.c. */
void hil_port_cycles_start(void);
uint32_t hil_port_cycles(void);

#endif
