/* STM32H743: LDO, VOS1 or VOS0, PLL1 from HSE (or HSI), caches on, the UART of the board's ST-LINK.
 *
 * Code in flash and data in the AXI SRAM go through the core's caches. Registers: registers.h, with
 * their sources in registers.md. Runs on Renode's STM32H743.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "../cortexm7/cortexm7.h"
#include "../stm32_usart/usart.h"

#define HSI_HZ 64000000u /* after reset */
#define VCO_INPUT_HZ 2000000u

const char hil_port_name[] = "stm32h7";

static uint32_t clock_hz = HSI_HZ;

static bool voltage_is_there(void)
{
    return hil_reg_wait(&PWR_D3CR, PWR_D3CR_VOSRDY, PWR_D3CR_VOSRDY);
}

/* The supply must be confirmed before the voltage can be changed (RM0433 section 6.4.1): the LDO,
 * which these boards have. Then VOS1; VOS0 is VOS1 with over-drive (6.6.2). */
static bool raise_voltage(void)
{
    PWR_CR3 = (PWR_CR3 & ~(PWR_CR3_SCUEN | PWR_CR3_BYPASS)) | PWR_CR3_LDOEN;
    if (!hil_reg_wait(&PWR_CSR1, PWR_CSR1_ACTVOSRDY, PWR_CSR1_ACTVOSRDY)) {
        return false;
    }
    PWR_D3CR |= PWR_D3CR_VOS;
    if (!voltage_is_there()) {
        return false;
    }
#if BOARD_OVER_DRIVE
    RCC_APB4ENR |= RCC_APB4ENR_SYSCFGEN;
    (void)RCC_APB4ENR;
    SYSCFG_PWRCR |= SYSCFG_PWRCR_ODEN;
    return voltage_is_there();
#else
    return true;
#endif
}

static bool start_pll(uint32_t source, uint32_t source_hz)
{
    RCC_CR &= ~RCC_CR_PLL1ON;
    (void)hil_reg_wait(&RCC_CR, RCC_CR_PLL1RDY, 0);
    RCC_PLLCKSELR = (RCC_PLLCKSELR & ~(RCC_PLLCKSELR_PLLSRC | RCC_PLLCKSELR_DIVM1)) | source |
                    FIELD(RCC_PLLCKSELR_DIVM1, source_hz / VCO_INPUT_HZ);
    /* 2 to 4 MHz into the VCO, of which the wide one; no fraction. */
    RCC_PLLCFGR =
        (RCC_PLLCFGR & ~(RCC_PLLCFGR_PLL1FRACEN | RCC_PLLCFGR_PLL1VCOSEL | RCC_PLLCFGR_PLL1RGE)) |
        RCC_PLLCFGR_PLL1RGE_1 | RCC_PLLCFGR_DIVP1EN;
    RCC_PLL1DIVR = (RCC_PLL1DIVR & ~(RCC_PLL1DIVR_N1 | RCC_PLL1DIVR_P1)) |
                   FIELD(RCC_PLL1DIVR_N1, BOARD_CLOCK_HZ / (VCO_INPUT_HZ / BOARD_PLL_P) - 1u) |
                   FIELD(RCC_PLL1DIVR_P1, BOARD_PLL_P - 1u);
    RCC_CR |= RCC_CR_PLL1ON;
    return hil_reg_wait(&RCC_CR, RCC_CR_PLL1RDY, RCC_CR_PLL1RDY);
}

static bool pll_from_hse(void)
{
    RCC_CR |= RCC_CR_HSEBYP;
    RCC_CR |= RCC_CR_HSEON;
    return hil_reg_wait(&RCC_CR, RCC_CR_HSERDY, RCC_CR_HSERDY) &&
           start_pll(RCC_PLLCKSELR_PLLSRC_HSE, BOARD_HSE_HZ);
}

static bool pll_from_hsi(void)
{
    RCC_CR |= RCC_CR_HSION;
    return hil_reg_wait(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY) &&
           start_pll(RCC_PLLCKSELR_PLLSRC_HSI, HSI_HZ);
}

static bool set_wait_states(void)
{
    const uint32_t fields = FLASH_ACR_LATENCY | FLASH_ACR_WRHIGHFREQ;
    const uint32_t value = BOARD_FLASH_WAIT_STATES | FIELD(FLASH_ACR_WRHIGHFREQ, BOARD_FLASH_DELAY);

    FLASH_ACR = (FLASH_ACR & ~fields) | value;
    return hil_reg_wait(&FLASH_ACR, fields, value);
}

static void divide_buses(bool on)
{
    RCC_D1CFGR = on ? RCC_D1CFGR_HPRE_DIV2 | RCC_D1CFGR_D1PPRE_DIV2 : 0u;
    RCC_D2CFGR = on ? RCC_D2CFGR_D2PPRE1_DIV2 | RCC_D2CFGR_D2PPRE2_DIV2 : 0u;
    RCC_D3CFGR = on ? RCC_D3CFGR_D3PPRE_DIV2 : 0u;
}

static void start_clock(void)
{
    if (!raise_voltage() || (!pll_from_hse() && !pll_from_hsi()) || !set_wait_states()) {
        return; /* stays at 64 MHz, and says so in hil-info */
    }
    divide_buses(true);
    RCC_CFGR = (RCC_CFGR & ~RCC_CFGR_SW) | RCC_CFGR_SW_PLL1;
    if (hil_reg_wait(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL1)) {
        clock_hz = BOARD_CLOCK_HZ;
    } else {
        RCC_CFGR &= ~RCC_CFGR_SW;
        divide_buses(false);
    }
}

/* Reads from the AXI SRAM may be wrong in revision Y without this (ST ES0392, section 2.2.9). */
static void protect_axi_sram(void)
{
#ifdef BOARD_IS_REVISION_Y
    AXI_TARG7_FN_MOD = AXI_TARG7_FN_MOD_READ_ISS_OVERRIDE;
#endif
}

static void start_uart(void)
{
    RCC_AHB4ENR |= RCC_AHB4ENR_GPIODEN;
    RCC_APB1LENR |= RCC_APB1LENR_USART3EN;
    (void)RCC_APB1LENR;
    stm32_start_usart(clock_hz == BOARD_CLOCK_HZ ? BOARD_UART_HZ : HSI_HZ);
}

void hil_port_init(void)
{
    protect_axi_sram();
    cortexm7_close_external_memory();
    cortexm7_start_caches();
    start_clock();
    start_uart();
#ifdef HIL_WINDOW_PIN
    RCC_AHB4ENR |= BOARD_WINDOW_ENABLE;
    (void)RCC_AHB4ENR;
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
