/* Registers of the nRF52840 that this port uses, by the names of Nordic's header.
 *
 * registers.md beside this file names the source of every line; a test compares the two.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef NRF52_REGISTERS_H
#define NRF52_REGISTERS_H

#include "hil_reg.h"

#define CLOCK_TASKS_HFCLKSTART REG(0x40000000u)
#define CLOCK_EVENTS_HFCLKSTARTED REG(0x40000100u)
#define CLOCK_HFCLKSTAT REG(0x4000040Cu)
#define CLOCK_HFCLKSTAT_SRC_Xtal (1u << 0)
#define CLOCK_HFCLKSTAT_STATE_Running (1u << 16)

#define POWER_DCDCEN REG(0x40000578u)
#define POWER_DCDCEN_DCDCEN_Enabled (1u << 0)

#define APPROTECT_DISABLE REG(0x40000558u)
#define APPROTECT_DISABLE_DISABLE_SwDisable 0x5Au
#define UICR_APPROTECT REG(0x10001208u)
#define UICR_APPROTECT_PALL (0xFFu << 0)
#define UICR_APPROTECT_PALL_HwDisabled 0x5Au

#define UART_TASKS_STARTRX REG(0x40002000u)
#define UART_TASKS_STARTTX REG(0x40002008u)
#define UART_EVENTS_RXDRDY REG(0x40002108u)
#define UART_EVENTS_TXDRDY REG(0x4000211Cu)
#define UART_ENABLE REG(0x40002500u)
#define UART_ENABLE_ENABLE_Enabled 4u
#define UART_PSEL_TXD REG(0x4000250Cu)
#define UART_PSEL_RXD REG(0x40002514u)
#define UART_RXD REG(0x40002518u)
#define UART_TXD REG(0x4000251Cu)
#define UART_BAUDRATE REG(0x40002524u)
#define UART_BAUDRATE_Baud9600 0x00275000u
#define UART_BAUDRATE_Baud115200 0x01D7E000u
#define UART_BAUDRATE_Baud230400 0x03AFB000u
#define UART_BAUDRATE_Baud250000 0x04000000u
#define UART_BAUDRATE_Baud460800 0x075F7000u
#define UART_BAUDRATE_Baud921600 0x0EBED000u
#define UART_BAUDRATE_Baud1M 0x10000000u
#define UART_CONFIG REG(0x4000256Cu)

#define NVMC_ICACHECNF REG(0x4001E540u)
#define NVMC_ICACHECNF_CACHEEN_Enabled (1u << 0)

#define P0_OUTSET REG(0x50000508u)
#define P0_PIN_CNF(pin) REG(0x50000700u + 4u * (pin))
#define P1_OUTSET REG(0x50000808u)
#define P1_OUTCLR REG(0x5000080Cu)
#define P1_PIN_CNF(pin) REG(0x50000A00u + 4u * (pin))
/* Fields of both. */
#define P0_PIN_CNF_DIR_Output (1u << 0)
#define P0_PIN_CNF_INPUT_Disconnect (1u << 1)
#define P0_PIN_CNF_PULL_Pullup (3u << 2)

#endif
