/* STM32U5: SMPS, range 1 with the EPOD booster, PLL1 from MSIS (or HSI16), ICACHE on, the UART of the
 * board's ST-LINK.
 *
 * For a chip whose option bit TZEN is 0, as delivered. Registers: registers.h, with their sources in
 * registers.md. Runs on a platform for Renode with hil's own models of the clock and the voltage.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "../stm32_usart/usart.h"

#define MSIS_HZ 4000000u /* after reset */
#define HSI16_HZ 16000000u
#define VCO_INPUT_HZ 4000000u

const char hil_port_name[] = "stm32u5";

static uint32_t clock_hz = MSIS_HZ;

/* The SMPS instead of the LDO (RM0456 section 10.5.1). */
static bool select_smps(void)
{
    RCC_AHB3ENR |= RCC_AHB3ENR_PWREN;
    (void)RCC_AHB3ENR;
    PWR_CR3 |= PWR_CR3_REGSEL;
    return hil_reg_wait(&PWR_SVMSR, PWR_SVMSR_REGS, PWR_SVMSR_REGS);
}

/* Range 1 and the booster, which must run above 55 MHz. Its clock is the PLL's source, divided by 1,
 * which must be chosen before (section 10.5.4); both bits in one step, as ST's HAL sets them. */
static bool raise_voltage(void)
{
    const uint32_t ready = PWR_VOSR_VOSRDY | PWR_VOSR_BOOSTRDY;

    PWR_VOSR |= PWR_VOSR_VOS | PWR_VOSR_BOOSTEN;
    return hil_reg_wait(&PWR_VOSR, ready, ready) &&
           hil_reg_wait(&PWR_SVMSR, PWR_SVMSR_ACTVOSRDY, PWR_SVMSR_ACTVOSRDY);
}

static bool start_pll(uint32_t source, uint32_t source_hz)
{
    RCC_CR &= ~RCC_CR_PLL1ON;
    (void)hil_reg_wait(&RCC_CR, RCC_CR_PLL1RDY, 0);
    PWR_VOSR &= ~PWR_VOSR_BOOSTEN;
    /* 4 to 8 MHz into the VCO, no fraction: zeros. */
    RCC_PLL1CFGR =
        source | FIELD(RCC_PLL1CFGR_PLL1M, source_hz / VCO_INPUT_HZ - 1u) | RCC_PLL1CFGR_PLL1REN;
    RCC_PLL1DIVR = FIELD(RCC_PLL1DIVR_PLL1N, BOARD_CLOCK_HZ / (VCO_INPUT_HZ / BOARD_PLL_R) - 1u) |
                   FIELD(RCC_PLL1DIVR_PLL1P, 1u) | FIELD(RCC_PLL1DIVR_PLL1Q, 1u) |
                   FIELD(RCC_PLL1DIVR_PLL1R, BOARD_PLL_R - 1u);
    if (!raise_voltage()) {
        return false;
    }
    RCC_CR |= RCC_CR_PLL1ON;
    return hil_reg_wait(&RCC_CR, RCC_CR_PLL1RDY, RCC_CR_PLL1RDY);
}

static bool pll_from_msis(void)
{
    RCC_CR |= RCC_CR_MSISON;
    return hil_reg_wait(&RCC_CR, RCC_CR_MSISRDY, RCC_CR_MSISRDY) &&
           start_pll(RCC_PLL1CFGR_PLL1SRC_MSIS, MSIS_HZ);
}

static bool pll_from_hsi16(void)
{
    RCC_CR |= RCC_CR_HSION;
    return hil_reg_wait(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY) &&
           start_pll(RCC_PLL1CFGR_PLL1SRC_HSI16, HSI16_HZ);
}

static bool set_wait_states(void)
{
    FLASH_ACR = BOARD_FLASH_WAIT_STATES | FLASH_ACR_PRFTEN;
    return hil_reg_wait(&FLASH_ACR, FLASH_ACR_LATENCY, BOARD_FLASH_WAIT_STATES);
}

/* Two ways, as after reset; it invalidates itself then (section 8.4.3). */
static void start_cache(void)
{
    if (hil_reg_wait(&ICACHE_SR, ICACHE_SR_BUSYF, 0)) {
        ICACHE_CR |= ICACHE_CR_EN;
    }
}

static void start_clock(void)
{
    if (!select_smps() || (!pll_from_msis() && !pll_from_hsi16()) || !set_wait_states()) {
        return; /* stays at 4 MHz, and says so in hil-info */
    }
    RCC_CFGR1 = (RCC_CFGR1 & ~RCC_CFGR1_SW) | RCC_CFGR1_SW_PLL1;
    if (hil_reg_wait(&RCC_CFGR1, RCC_CFGR1_SWS, RCC_CFGR1_SWS_PLL1)) {
        clock_hz = BOARD_CLOCK_HZ;
    } else {
        RCC_CFGR1 &= ~RCC_CFGR1_SW; /* the MSIS */
    }
}

static void start_uart(void)
{
    RCC_AHB2ENR1 |= RCC_AHB2ENR1_GPIOAEN;
    RCC_APB2ENR |= RCC_APB2ENR_USART1EN;
    (void)RCC_APB2ENR;
    stm32_start_usart(clock_hz);
}

void hil_port_init(void)
{
    start_cache();
    start_clock();
    start_uart();
#ifdef HIL_WINDOW_PIN
    RCC_AHB2ENR1 |= RCC_AHB2ENR1_GPIOFEN;
    (void)RCC_AHB2ENR1;
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
