/* STM32F7: PLL from HSE (or HSI), over-drive, caches on, the UART of the board's ST-LINK.
 *
 * Code is read over AXI, through the core's caches: flash at 0x08000000. The ART accelerator serves
 * the flash at 0x00200000 only and stays off. Registers: registers.h, with their sources in
 * registers.md. Runs on Renode's STM32F746.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "../cortexm7/cortexm7.h"
#include "../stm32_usart/usart.h"

#define HSI_HZ 16000000u /* after reset */
#define VCO_INPUT_HZ 1000000u

const char hil_port_name[] = "stm32f7";

static uint32_t clock_hz = HSI_HZ;

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
    return hil_reg_wait(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
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

/* The regulator's highest voltage, which is there when the PLL runs; over-drive, which must be there
 * before the PLL is switched to (RM0385 section 4.1.4). */
static bool raise_voltage(void)
{
    if (!hil_reg_wait(&PWR_CSR1, PWR_CSR1_VOSRDY, PWR_CSR1_VOSRDY)) {
        return false;
    }
#if BOARD_OVER_DRIVE
    PWR_CR1 |= PWR_CR1_ODEN;
    if (!hil_reg_wait(&PWR_CSR1, PWR_CSR1_ODRDY, PWR_CSR1_ODRDY)) {
        return false;
    }
    PWR_CR1 |= PWR_CR1_ODSWEN;
    return hil_reg_wait(&PWR_CSR1, PWR_CSR1_ODSWRDY, PWR_CSR1_ODSWRDY);
#else
    return true;
#endif
}

static bool set_wait_states(void)
{
    FLASH_ACR = BOARD_FLASH_WAIT_STATES;
    return hil_reg_wait(&FLASH_ACR, FLASH_ACR_LATENCY, BOARD_FLASH_WAIT_STATES);
}

static void start_clock(void)
{
    const uint32_t fields = RCC_CFGR_SW | RCC_CFGR_PPRE1 | RCC_CFGR_PPRE2;

    RCC_APB1ENR |= RCC_APB1ENR_PWREN;
    (void)RCC_APB1ENR;
    PWR_CR1 |= PWR_CR1_VOS; /* scale 1; only while the PLL is off */
    if ((!pll_from_hse() && !pll_from_hsi()) || !raise_voltage() || !set_wait_states()) {
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
    RCC_AHB1ENR |= BOARD_GPIO_ENABLE;
    BOARD_USART_ENABLE_REG |= BOARD_USART_ENABLE;
    stm32_start_usart(clock_hz == BOARD_CLOCK_HZ ? BOARD_UART_HZ : HSI_HZ);
}

void hil_port_init(void)
{
    cortexm7_close_external_memory();
    cortexm7_start_caches();
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

void hil_port_window(int open)
{
    stm32_window_pin(open);
}
