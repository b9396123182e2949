/* STM32F4: PLL from HSE (or HSI), ART accelerator on, the UART of the board.
 *
 * Registers: registers.h, with their sources in registers.md. Runs on Renode's STM32F4 and, with the
 * clock after reset, on QEMU's STM32F405, whose PLL is never ready: every wait is bounded.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "../stm32/stm32.h"

#define HSI_HZ 16000000u /* after reset */
#define VCO_INPUT_HZ 1000000u

const char hil_port_name[] = "stm32f4";

static uint32_t clock_hz = HSI_HZ;

/* The regulator's highest voltage, which an STM32F405 has after reset. It is there, and says so, when
 * the PLL runs (RM0383 section 5.4.1). */
static void raise_voltage(void)
{
#ifdef BOARD_IS_F411
    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR;
    PWR_CR |= PWR_CR_VOS;
#endif
}

static bool voltage_is_there(void)
{
#ifdef BOARD_IS_F411
    return hil_reg_wait(&PWR_CSR, PWR_CSR_VOSRDY, PWR_CSR_VOSRDY);
#else
    return true;
#endif
}

static bool start_pll(uint32_t source, uint32_t source_hz)
{
    const uint32_t fields =
        RCC_PLLCFGR_PLLM | RCC_PLLCFGR_PLLN | RCC_PLLCFGR_PLLP | RCC_PLLCFGR_PLLSRC;

    RCC_CR &= ~RCC_CR_PLLON;
    (void)hil_reg_wait(&RCC_CR, RCC_CR_PLLRDY, 0);
    RCC_PLLCFGR = (RCC_PLLCFGR & ~fields) | source |
                  FIELD(RCC_PLLCFGR_PLLM, source_hz / VCO_INPUT_HZ) |
                  FIELD(RCC_PLLCFGR_PLLN, BOARD_CLOCK_HZ / (VCO_INPUT_HZ / BOARD_PLL_P)) |
                  FIELD(RCC_PLLCFGR_PLLP, BOARD_PLL_P / 2u - 1u);
    RCC_CR |= RCC_CR_PLLON;
    return hil_reg_wait(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY) && voltage_is_there();
}

static bool pll_from_hse(void)
{
    RCC_CR |= BOARD_HSE_MODE;
    RCC_CR |= RCC_CR_HSEON;
    return hil_reg_wait(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY) &&
           start_pll(RCC_PLLCFGR_PLLSRC_HSE, BOARD_HSE_HZ);
}

static bool pll_from_hsi(void)
{
    RCC_CR |= RCC_CR_HSION;
    return hil_reg_wait(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY) && start_pll(0, HSI_HZ);
}

static bool set_wait_states(void)
{
    FLASH_ACR = BOARD_FLASH_WAIT_STATES | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
    return hil_reg_wait(&FLASH_ACR, FLASH_ACR_LATENCY, BOARD_FLASH_WAIT_STATES);
}

static void start_clock(void)
{
    const uint32_t fields = RCC_CFGR_SW | RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2;

    raise_voltage();
    if ((!pll_from_hse() && !pll_from_hsi()) || !set_wait_states()) {
        return; /* stays at 16 MHz, and says so in hil-info */
    }
    RCC_CFGR = (RCC_CFGR & ~fields) | BOARD_APB1_PRESCALER | BOARD_APB2_PRESCALER | RCC_CFGR_SW_PLL;
    if (hil_reg_wait(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL)) {
        clock_hz = BOARD_CLOCK_HZ;
    } else {
        RCC_CFGR &= ~fields;
    }
}

static void start_uart(void)
{
    const uint32_t uart_hz = clock_hz == BOARD_CLOCK_HZ ? BOARD_UART_HZ : HSI_HZ;

    RCC_AHB1ENR |= BOARD_GPIO_ENABLE;
    BOARD_USART_ENABLE_REG |= BOARD_USART_ENABLE;
    stm32_start_uart_pins();
    USART_BRR(BOARD_USART) = BOARD_BRR(uart_hz, HIL_BAUD);
    USART_CR1(BOARD_USART) = USART_CR1_TE | USART_CR1_RE | USART_CR1_UE;
}

void hil_port_init(void)
{
    start_clock();
    start_uart();
#ifdef HIL_WINDOW_PIN
    RCC_AHB1ENR |= BOARD_WINDOW_ENABLE;
    (void)RCC_AHB1ENR; /* a port is there two cycles after its clock */
#endif
    stm32_start_window_pin();
}

uint32_t hil_port_clock_hz(void)
{
    return clock_hz;
}

/* An overrun does not stop reception: reading SR and DR clears it (RM0383 section 19.6.1). */
int hil_port_getc(void)
{
    const uint32_t status = USART_SR(BOARD_USART);

    return (status & (USART_SR_RXNE | USART_SR_ORE)) != 0 ? (int)(USART_DR(BOARD_USART) & 0xFFu)
                                                          : -1;
}

void hil_port_putc(uint8_t byte)
{
    while ((USART_SR(BOARD_USART) & USART_SR_TXE) == 0) {
    }
    USART_DR(BOARD_USART) = byte;
}

void hil_port_window(int open)
{
    stm32_window_pin(open);
}
