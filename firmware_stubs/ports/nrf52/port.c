/* nRF52840: the core's clock from the crystal, the flash's instruction cache on, UART 0 by polling.
 *
 * registers.md has every register and field with its source. UART and UARTE share an address; this is
 * the one without DMA, whose receiver keeps six bytes.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "board.h"
#include "hil_port.h"

const char hil_port_name[] = "nrf52";

/* In newer revisions of the chip a reset closes the debug port until the program opens it again, as
 * far as UICR allows: without this the next firmware could only be written after erasing all. */
static void open_debug_port(void)
{
    if ((UICR_APPROTECT & UICR_APPROTECT_PALL) == UICR_APPROTECT_PALL_HwDisabled) {
        APPROTECT_DISABLE = APPROTECT_DISABLE_DISABLE_SwDisable;
    }
}

/* The core runs at 64 MHz from reset, from an oscillator that may be several percent off. */
static void start_clock(void)
{
    POWER_DCDCEN = POWER_DCDCEN_DCDCEN_Enabled;
    NVMC_ICACHECNF = NVMC_ICACHECNF_CACHEEN_Enabled;
    CLOCK_EVENTS_HFCLKSTARTED = 0;
    CLOCK_TASKS_HFCLKSTART = 1;
    (void)hil_reg_wait(&CLOCK_EVENTS_HFCLKSTARTED, 1, 1);
}

static void start_uart(void)
{
    P0_OUTSET = 1u << BOARD_TX_PIN; /* the line's idle level, also before the UART drives it */
    P0_PIN_CNF(BOARD_TX_PIN) = P0_PIN_CNF_DIR_Output | P0_PIN_CNF_INPUT_Disconnect;
    P0_PIN_CNF(BOARD_RX_PIN) = P0_PIN_CNF_PULL_Pullup;
    UART_PSEL_TXD = BOARD_TX_PIN;
    UART_PSEL_RXD = BOARD_RX_PIN;
    UART_BAUDRATE = BOARD_BAUDRATE;
    UART_CONFIG = 0; /* 8N1, no flow control */
    UART_ENABLE = UART_ENABLE_ENABLE_Enabled;
    UART_EVENTS_RXDRDY = 0;
    UART_TASKS_STARTRX = 1;
    UART_TASKS_STARTTX = 1;
}

#ifdef HIL_WINDOW_PIN
static void start_window_pin(void)
{
    P1_OUTSET = 1u << BOARD_WINDOW_PIN;
    P1_PIN_CNF(BOARD_WINDOW_PIN) = P0_PIN_CNF_DIR_Output | P0_PIN_CNF_INPUT_Disconnect;
}
#endif

void hil_port_init(void)
{
    open_debug_port();
    start_clock();
    start_uart();
#ifdef HIL_WINDOW_PIN
    start_window_pin();
#endif
}

/* 0, which no profile has, while the crystal does not run: the other oscillator's clock is not known
 * well enough to turn cycles into time. */
uint32_t hil_port_clock_hz(void)
{
    const uint32_t crystal = CLOCK_HFCLKSTAT_SRC_Xtal | CLOCK_HFCLKSTAT_STATE_Running;

    return (CLOCK_HFCLKSTAT & crystal) == crystal ? BOARD_CLOCK_HZ : 0u;
}

/* A byte that overruns the receiver is lost; reception goes on. */
int hil_port_getc(void)
{
    if (UART_EVENTS_RXDRDY == 0) {
        return -1;
    }
    UART_EVENTS_RXDRDY = 0; /* first: reading RXD sets it again where another byte waits */
    return (int)(UART_RXD & 0xFFu);
}

/* TXDRDY comes when the byte was sent. Nothing of a previous byte is left to wait for. */
void hil_port_putc(uint8_t byte)
{
    UART_EVENTS_TXDRDY = 0;
    UART_TXD = byte;
    (void)hil_reg_wait(&UART_EVENTS_TXDRDY, 1, 1);
}

void hil_port_window(int open)
{
#ifdef HIL_WINDOW_PIN
    if (open != 0) {
        P1_OUTCLR = 1u << BOARD_WINDOW_PIN;
    } else {
        P1_OUTSET = 1u << BOARD_WINDOW_PIN;
    }
#else
    (void)open;
#endif
}
