/* The nRF52840 DK (PCA10056): pins of its debugger's UART, the window pin.
 *
 * The DK has the inductors of the DC/DC converter REG1, which the port switches on: a chip without them
 * would lose its supply.
 * HIL_CLOCK_HZ may be given, but the core has one clock only. There are no wait states to set:
 * HIL_FLASH_WAIT_STATES is not used.
 * Pins: Nordic's nRF52840 DK user guide, as in Zephyr's boards/nordic/nrf52840dk.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_BOARD_H
#define HIL_BOARD_H

#include "registers.h"

#define BOARD_CLOCK_HZ 64000000
#define BOARD_TX_PIN 6u     /* P0.06 */
#define BOARD_RX_PIN 8u     /* P0.08 */
#define BOARD_WINDOW_PIN 8u /* P1.08, D7 of the Arduino header */

#if defined(HIL_CLOCK_HZ) && HIL_CLOCK_HZ != BOARD_CLOCK_HZ
#error "the core of an nRF52840 runs at 64 MHz only"
#endif

/* BAUDRATE has no formula; Nordic gives values for these rates. What is really sent is 0.02 % low at
 * 9600, 0.6 % high at 115200 and 230400, 2.1 % high at 460800 and 921600, exact at the others. */
#if HIL_BAUD == 9600
#define BOARD_BAUDRATE UART_BAUDRATE_Baud9600
#elif HIL_BAUD == 115200
#define BOARD_BAUDRATE UART_BAUDRATE_Baud115200
#elif HIL_BAUD == 230400
#define BOARD_BAUDRATE UART_BAUDRATE_Baud230400
#elif HIL_BAUD == 250000
#define BOARD_BAUDRATE UART_BAUDRATE_Baud250000
#elif HIL_BAUD == 460800
#define BOARD_BAUDRATE UART_BAUDRATE_Baud460800
#elif HIL_BAUD == 921600
#define BOARD_BAUDRATE UART_BAUDRATE_Baud921600
#elif HIL_BAUD == 1000000
#define BOARD_BAUDRATE UART_BAUDRATE_Baud1M
#else
#error "the nRF52840's UART has 9600, 115200, 230400, 250000, 460800, 921600 and 1000000 baud"
#endif

#endif
