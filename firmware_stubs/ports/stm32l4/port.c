/* STM32L4: PLL from MSI (or HSI16), ART accelerator on, the UART of the board's ST-LINK.
 *
 * Registers: registers.h, with their sources in registers.md. The same ELF runs on the board and on
 * QEMU's b-l475e-iot01a, whose peripherals are partly empty: every wait is bounded.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "../stm32_usart/usart.h"

#define MSI_HZ 4000000u /* after reset */
#define HSI16_HZ 16000000u
#define VCO_INPUT_HZ 4000000u

const char hil_port_name[] = "stm32l4";

static uint32_t clock_hz = MSI_HZ;

static bool start_pll(uint32_t source, uint32_t source_hz)
{
    RCC_CR &= ~RCC_CR_PLLON;
    (void)hil_reg_wait(&RCC_CR, RCC_CR_PLLRDY, 0);
    RCC_PLLCFGR = source | FIELD(RCC_PLLCFGR_PLLM, source_hz / VCO_INPUT_HZ - 1u) |
                  FIELD(RCC_PLLCFGR_PLLN, BOARD_CLOCK_HZ / (VCO_INPUT_HZ / BOARD_PLL_R)) |
                  FIELD(RCC_PLLCFGR_PLLR, BOARD_PLL_R / 2u - 1u) | RCC_PLLCFGR_PLLREN;
    RCC_CR |= RCC_CR_PLLON;
    return hil_reg_wait(&RCC_CR, RCC_CR_PLLRDY, RCC_CR_PLLRDY);
}

static bool pll_from_msi(void)
{
    RCC_CR |= RCC_CR_MSION;
    return hil_reg_wait(&RCC_CR, RCC_CR_MSIRDY, RCC_CR_MSIRDY) &&
           start_pll(RCC_PLLCFGR_PLLSRC_MSI, MSI_HZ);
}

static bool pll_from_hsi16(void)
{
    RCC_CR |= RCC_CR_HSION;
    return hil_reg_wait(&RCC_CR, RCC_CR_HSIRDY, RCC_CR_HSIRDY) &&
           start_pll(RCC_PLLCFGR_PLLSRC_HSI, HSI16_HZ);
}

/* On the NUCLEO-L4R5ZI: VDDIO2 for the UART's pins, and range 1 boost for more than 80 MHz. */
static void start_power(void)
{
#ifdef HIL_BOARD_NUCLEO_L4R5ZI
    RCC_APB1ENR1 |= RCC_APB1ENR1_PWREN;
    (void)RCC_APB1ENR1;
    PWR_CR2 |= PWR_CR2_IOSV;
    PWR_CR5 &= ~PWR_CR5_R1MODE;
#endif
}

static void set_wait_states(void)
{
    FLASH_ACR = BOARD_FLASH_WAIT_STATES | FLASH_ACR_PRFTEN | FLASH_ACR_ICEN | FLASH_ACR_DCEN;
    /* The manual asks to read it back; QEMU has no such register, so do not insist. */
    (void)hil_reg_wait(&FLASH_ACR, FLASH_ACR_LATENCY, BOARD_FLASH_WAIT_STATES);
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
    start_power();
    set_wait_states();
    if (!pll_from_msi() && !pll_from_hsi16()) {
        return; /* stays at 4 MHz, and says so in hil-info */
    }
    /* Above 80 MHz the bus must run at half speed for 1 us after the switch (RM0432 section 5.1.8). */
    RCC_CFGR = (RCC_CFGR & ~(RCC_CFGR_SW | RCC_CFGR_HPRE)) | RCC_CFGR_HPRE_DIV2 | RCC_CFGR_SW_PLL;
    if (hil_reg_wait(&RCC_CFGR, RCC_CFGR_SWS, RCC_CFGR_SWS_PLL)) {
        settle();
        clock_hz = BOARD_CLOCK_HZ;
    }
    RCC_CFGR &= ~RCC_CFGR_HPRE;
}

static void start_uart(void)
{
    RCC_AHB2ENR |= BOARD_GPIO_ENABLE;
    BOARD_USART_ENABLE_REG |= BOARD_USART_ENABLE;
#ifdef BOARD_LPUART_PRESCALER
    LPUART1_PRESC = BOARD_LPUART_PRESCALER;
#endif
    stm32_start_usart(clock_hz);
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
#ifdef HIL_WINDOW_PIN
    RCC_AHB2ENR |= BOARD_WINDOW_ENABLE;
    (void)RCC_AHB2ENR; /* a port is there two cycles after its clock */
#endif
    stm32_start_window_pin();
    run_systick(true);
}

uint32_t hil_port_clock_hz(void)
{
    return clock_hz;
}

void hil_port_window(int open)
{
    run_systick(open == 0);
    stm32_window_pin(open);
}
