/* STM32L4: PLL from MSI (or HSI16), ART accelerator on, the UART of the board's ST-LINK.
 *
 * Register names and bits: ST RM0351 (STM32L47x/L48x). The same ELF runs on the board and on QEMU's
 * b-l475e-iot01a, whose peripherals are partly empty: every wait is bounded.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>

#include "board.h"
#include "hil_port.h"

#define REG(address) (*(volatile uint32_t *)(address))
#define WAIT_POLLS 100000u /* longer than any start-up time in the data sheet, at 4 MHz */

/* RCC, RM0351 section 6.4 */
#define RCC_CR REG(0x40021000u)
#define RCC_CR_MSION (1u << 0)
#define RCC_CR_MSIRDY (1u << 1)
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR REG(0x40021008u)
#define RCC_CFGR_SW_PLL 3u
#define RCC_CFGR_SWS_PLL (3u << 2)
#define RCC_CFGR_HPRE_MASK (15u << 4)
#define RCC_CFGR_HPRE_BY_2 (8u << 4)
#define RCC_PLLCFGR REG(0x4002100Cu)
#define RCC_PLLCFGR_SRC_MSI 1u
#define RCC_PLLCFGR_SRC_HSI16 2u
#define RCC_PLLCFGR_M(divider) (((divider) - 1u) << 4)
#define RCC_PLLCFGR_N(factor) ((factor) << 8)
#define RCC_PLLCFGR_R(divider) (((divider) / 2u - 1u) << 25)
#define RCC_PLLCFGR_REN (1u << 24)
#define RCC_AHB2ENR REG(0x4002104Cu)

/* FLASH, RM0351 section 3.7 */
#define FLASH_ACR REG(0x40022000u)
#define FLASH_ACR_LATENCY_MASK 0xFu
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)

/* USART, RM0351 section 40.8 */
#define USART_CR1 REG(BOARD_USART + 0x00u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_BRR REG(BOARD_USART + 0x0Cu)
#define USART_ISR REG(BOARD_USART + 0x1Cu)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TXE (1u << 7)
#define USART_ICR REG(BOARD_USART + 0x20u)
#define USART_ICR_ORECF (1u << 3)
#define USART_RDR REG(BOARD_USART + 0x24u)
#define USART_TDR REG(BOARD_USART + 0x28u)

#define GPIO_MODER(port) REG((port) + 0x00u)
#define GPIO_MODER_ALTERNATE 2u
#define GPIO_AFR(port, pin) REG((port) + 0x20u + 4u * ((pin) / 8u))

/* SysTick, ARMv7-M section B3.3 */
#define SYST_CSR REG(0xE000E010u)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_CLKSOURCE (1u << 2)
#define SYST_RVR REG(0xE000E014u)
#define SYST_CVR REG(0xE000E018u)

#define MSI_HZ 4000000u /* after reset */
#define HSI16_HZ 16000000u

const char hil_port_name[] = "stm32l4";

static uint32_t clock_hz = MSI_HZ;

static bool wait_for(volatile uint32_t *reg, uint32_t mask, uint32_t value)
{
    for (uint32_t polls = 0; polls < WAIT_POLLS; polls++) {
        if ((*reg & mask) == value) {
            return true;
        }
    }
    return false;
}

static bool start_pll(uint32_t source, uint32_t source_hz)
{
    RCC_CR &= ~RCC_CR_PLLON;
    (void)wait_for(&RCC_CR, RCC_CR_PLLRDY, 0);
    /* 4 MHz into the VCO. */
    RCC_PLLCFGR = source | RCC_PLLCFGR_M(source_hz / 4000000u) |
                  RCC_PLLCFGR_N(BOARD_CLOCK_HZ / (4000000u / BOARD_PLL_R)) |
                  RCC_PLLCFGR_R(BOARD_PLL_R) | RCC_PLLCFGR_REN;
    RCC_CR |= RCC_CR_PLLON;
    return wait_for(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

static bool pll_from_msi(void)
{
    RCC_CR |= RCC_CR_MSION;
    return wait_for(&RCC_CR, RCC_CR_MSIRDY, RCC_CR_MSIRDY) &&
           start_pll(RCC_PLLCFGR_SRC_MSI, MSI_HZ);
}

static bool pll_from_hsi16(void)
{
    RCC_CR |= RCC_CR_HSION;
    return wait_for(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY) &&
           start_pll(RCC_PLLCFGR_SRC_HSI16, HSI16_HZ);
}

static void set_wait_states(void)
{
    FLASH_ACR = BOARD_FLASH_WAIT_STATES | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
    /* The manual asks to read it back; QEMU has no such register, so do not insist. */
    (void)wait_for(&FLASH_ACR, FLASH_ACR_LATENCY_MASK, BOARD_FLASH_WAIT_STATES);
}

/* At least 1 us at any clock we set: each pass takes several cycles. */
static void settle(void)
{
    for (uint32_t pass = 0; pass < 100u; pass++) {
        (void)RCC_CR;
    }
}

static void start_clock(void)
{
    board_power();
    set_wait_states();
    if (!pll_from_msi() && !pll_from_hsi16()) {
        return; /* stays at 4 MHz, and says so in hil-info */
    }
    /* Above 80 MHz the bus must run at half speed for 1 us after the switch (RM0432 section 5.1.8). */
    RCC_CFGR = (RCC_CFGR & ~(3u | RCC_CFGR_HPRE_MASK)) | RCC_CFGR_HPRE_BY_2 | RCC_CFGR_SW_PLL;
    if (wait_for(&RCC_CFGR, 3u << 2, RCC_CFGR_SWS_PLL)) {
        settle();
        clock_hz = BOARD_CLOCK_HZ;
    }
    RCC_CFGR &= ~RCC_CFGR_HPRE_MASK;
}

static void alternate_pin(uint32_t port, uint32_t pin, uint32_t function)
{
    GPIO_AFR(port, pin) =
        (GPIO_AFR(port, pin) & ~(0xFu << 4u * (pin % 8u))) | function << 4u * (pin % 8u);
    GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << 2u * pin)) | GPIO_MODER_ALTERNATE << 2u * pin;
}

static void start_uart(void)
{
    RCC_AHB2ENR |= BOARD_GPIO_ENABLE;
    BOARD_USART_ENABLE_REG |= BOARD_USART_ENABLE;
    alternate_pin(BOARD_GPIO, BOARD_TX_PIN, BOARD_PIN_FUNCTION);
    alternate_pin(BOARD_GPIO, BOARD_RX_PIN, BOARD_PIN_FUNCTION);
    USART_BRR = BOARD_BRR(clock_hz, HIL_BAUD);
    USART_CR1 = USART_CR1_TE | USART_CR1_RE | USART_CR1_UE;
}

/* QEMU 9.1 to 10 does not notify its serial back end that a byte was read, and looks again only
 * when its main loop wakes. A SysTick that counts, without an interrupt, wakes it at each reload.
 * On silicon it changes nothing. It rests during an inference. */
static void run_systick(bool on)
{
    SYST_RVR = BOARD_SYSTICK_RELOAD - 1u;
    SYST_CVR = 0;
    SYST_CSR = on ? SYST_CSR_CLKSOURCE | SYST_CSR_ENABLE : 0u;
}

void hil_port_init(void)
{
    start_clock();
    start_uart();
    run_systick(true);
}

uint32_t hil_port_clock_hz(void)
{
    return clock_hz;
}

int hil_port_getc(void)
{
    const uint32_t status = USART_ISR;

    if ((status & USART_ISR_ORE) != 0) {
        USART_ICR = USART_ICR_ORECF; /* an overrun would stop reception for good */
    }
    return (status & USART_ISR_RXNE) != 0 ? (int)(USART_RDR & 0xFFu) : -1;
}

void hil_port_putc(uint8_t byte)
{
    while ((USART_ISR & USART_ISR_TXE) == 0) {
    }
    USART_TDR = byte;
}

void hil_port_window(int open)
{
    run_systick(open == 0);
}
