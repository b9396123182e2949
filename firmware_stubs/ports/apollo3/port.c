/* Ambiq Apollo3 Blue: the core's clock from the HFRC, the flash's cache on, UART 0.
 *
 * registers.md has every register and field with its source. The HFRC is an oscillator without a crystal;
 * what hil-info reports is its nominal clock.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "board.h"
#include "hil_port.h"

const char hil_port_name[] = "apollo3";

static uint32_t clock_hz;

/* Two ways of 512 lines, of which the one that was filled first is replaced. Lines for instructions and
 * data are switched off before the set-up changes, as in Ambiq's HAL: a boot loader may have used them. */
static void start_cache(void)
{
    CACHECTRL_CACHECFG &= ~(CACHECTRL_CACHECFG_ICACHE_ENABLE | CACHECTRL_CACHECFG_DCACHE_ENABLE);
    CACHECTRL_CACHECFG = CACHECTRL_CACHECFG_CONFIG_W2_128B_512E | CACHECTRL_CACHECFG_ICACHE_ENABLE |
                         CACHECTRL_CACHECFG_DCACHE_ENABLE | CACHECTRL_CACHECFG_CACHE_CLKGATE |
                         CACHECTRL_CACHECFG_DATA_CLKGATE;
    CACHECTRL_CACHECFG |= CACHECTRL_CACHECFG_ENABLE;
}

#if HIL_CLOCK_HZ == BOARD_BURST_HZ

/* The burst shares the supply of the radio; these settings of Ambiq's HAL are for both. */
static void trim_supply(void)
{
    MCUCTRL_BLEBUCK2 = (MCUCTRL_BLEBUCK2 &
                        ~(MCUCTRL_BLEBUCK2_BLEBUCKTONHITRIM | MCUCTRL_BLEBUCK2_BLEBUCKTONLOWTRIM)) |
                       FIELD(MCUCTRL_BLEBUCK2_BLEBUCKTONHITRIM, 0x19u) |
                       FIELD(MCUCTRL_BLEBUCK2_BLEBUCKTONLOWTRIM, 0x0Cu);
    CLKGEN_BLEBUCKTONADJ &= ~CLKGEN_BLEBUCKTONADJ_TONADJUSTEN;
}

static bool start_burst(void)
{
    if ((MCUCTRL_SKU & MCUCTRL_SKU_ALLOWBURST) == 0) {
        return false;
    }
    PWRCTRL_DEVPWREVENTEN |= PWRCTRL_DEVPWREVENTEN_BURSTEVEN;
    if ((PWRCTRL_SUPPLYSRC & PWRCTRL_SUPPLYSRC_BLEBUCKEN) != 0) {
        trim_supply();
    }
    MCUCTRL_FEATUREENABLE |= MCUCTRL_FEATUREENABLE_BURSTREQ;
    if (!hil_reg_wait(&MCUCTRL_FEATUREENABLE, MCUCTRL_FEATUREENABLE_BURSTACK,
                      MCUCTRL_FEATUREENABLE_BURSTACK) ||
        (MCUCTRL_FEATUREENABLE & MCUCTRL_FEATUREENABLE_BURSTAVAIL) == 0) {
        return false;
    }
    CLKGEN_FREQCTRL |= CLKGEN_FREQCTRL_BURSTREQ;
    return hil_reg_wait(&CLKGEN_FREQCTRL, CLKGEN_FREQCTRL_BURSTSTATUS, CLKGEN_FREQCTRL_BURSTSTATUS);
}

#endif

/* A chip without the burst mode stays at 48 MHz, and hil-info says so. */
static void start_clock(void)
{
    CLKGEN_CLKKEY = CLKGEN_CLKKEY_CLKKEY_Key;
    CLKGEN_CCTRL = BOARD_CORESEL;
    CLKGEN_CLKKEY = 0;
#if HIL_CLOCK_HZ == BOARD_BURST_HZ
    clock_hz = start_burst() ? BOARD_BURST_HZ : BOARD_HFRC_HZ;
#else
    clock_hz = HIL_CLOCK_HZ;
#endif
}

static void start_pads(void)
{
    GPIO_PADKEY = GPIO_PADKEY_PADKEY_Key;
    GPIO_PADREGM = GPIO_PADREGM_PAD48FNCSEL_UART0TX | GPIO_PADREGM_PAD49FNCSEL_UART0RX |
                   GPIO_PADREGM_PAD49INPEN | GPIO_PADREGM_PAD49PULL |
                   GPIO_PADREGM_PAD49RSEL_PULL24K;
#ifdef HIL_WINDOW_PIN
    GPIO_WTSB = BOARD_WINDOW_BIT;
    GPIO_CFGE = (GPIO_CFGE & ~GPIO_CFGE_GPIO38OUTCFG) | GPIO_CFGE_GPIO38OUTCFG_PUSHPULL;
    GPIO_PADREGJ = (GPIO_PADREGJ & ~GPIO_PADREGJ_PAD38FNCSEL) | GPIO_PADREGJ_PAD38FNCSEL_GPIO38;
#endif
    GPIO_PADKEY = 0;
}

static void start_uart(void)
{
    PWRCTRL_DEVPWREN |= PWRCTRL_DEVPWREN_PWRUART0;
    (void)hil_reg_wait(&PWRCTRL_DEVPWRSTATUS, PWRCTRL_DEVPWRSTATUS_HCPA, PWRCTRL_DEVPWRSTATUS_HCPA);
    UART0_CR = UART0_CR_CLKEN | UART0_CR_CLKSEL_24MHZ;
    UART0_IBRD = BOARD_DIVISOR / 64u;
    UART0_FBRD = BOARD_DIVISOR % 64u;
    UART0_LCRH =
        UART0_LCRH_WLEN | UART0_LCRH_FEN; /* 8N1; takes over the divisor, so it comes last */
    UART0_CR |= UART0_CR_UARTEN | UART0_CR_TXE | UART0_CR_RXE;
}

/* The vector table has no interrupts; a boot loader may have left some of its own on. Apollo3 has 32. */
static void stop_interrupts(void)
{
    SYST_CSR = 0;
    NVIC_ICER0 = NVIC_ICER0_ALL;
}

void hil_port_init(void)
{
    stop_interrupts();
    start_cache();
    start_clock();
    start_pads();
    start_uart();
}

uint32_t hil_port_clock_hz(void)
{
    return clock_hz;
}

/* An overrun loses bytes and stops nothing. */
int hil_port_getc(void)
{
    return (UART0_FR & UART0_FR_RXFE) != 0 ? -1 : (int)(UART0_DR & 0xFFu);
}

void hil_port_putc(uint8_t byte)
{
    (void)hil_reg_wait(&UART0_FR, UART0_FR_TXFF, 0);
    UART0_DR = byte;
}

void hil_port_window(int open)
{
#ifdef HIL_WINDOW_PIN
    if (open != 0) {
        GPIO_WTCB = BOARD_WINDOW_BIT;
    } else {
        GPIO_WTSB = BOARD_WINDOW_BIT;
    }
#else
    (void)open;
#endif
}
