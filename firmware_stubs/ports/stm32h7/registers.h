/* Registers of STM32H743 that this port uses.
 *
 * registers.md beside this file names the source of every line; a test compares the two.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef STM32H7_REGISTERS_H
#define STM32H7_REGISTERS_H

#include "hil_reg.h"

#define RCC_CR REG(0x58024400u)
#define RCC_CR_HSION (1u << 0)
#define RCC_CR_HSIRDY (1u << 2)
#define RCC_CR_HSEON (1u << 16)
#define RCC_CR_HSERDY (1u << 17)
#define RCC_CR_HSEBYP (1u << 18)
#define RCC_CR_PLL1ON (1u << 24)
#define RCC_CR_PLL1RDY (1u << 25)
#define RCC_CFGR REG(0x58024410u)
#define RCC_CFGR_SW (7u << 0)
#define RCC_CFGR_SW_PLL1 3u
#define RCC_CFGR_SWS (7u << 3)
#define RCC_CFGR_SWS_PLL1 (3u << 3)
#define RCC_D1CFGR REG(0x58024418u)
#define RCC_D1CFGR_HPRE_DIV2 (8u << 0)
#define RCC_D1CFGR_D1PPRE_DIV2 (4u << 4)
#define RCC_D2CFGR REG(0x5802441Cu)
#define RCC_D2CFGR_D2PPRE1_DIV2 (4u << 4)
#define RCC_D2CFGR_D2PPRE2_DIV2 (4u << 8)
#define RCC_D3CFGR REG(0x58024420u)
#define RCC_D3CFGR_D3PPRE_DIV2 (4u << 4)
#define RCC_PLLCKSELR REG(0x58024428u)
#define RCC_PLLCKSELR_PLLSRC (3u << 0)
#define RCC_PLLCKSELR_PLLSRC_HSI 0u
#define RCC_PLLCKSELR_PLLSRC_HSE 2u
#define RCC_PLLCKSELR_DIVM1 (0x3Fu << 4)
#define RCC_PLLCFGR REG(0x5802442Cu)
#define RCC_PLLCFGR_PLL1FRACEN (1u << 0)
#define RCC_PLLCFGR_PLL1VCOSEL (1u << 1)
#define RCC_PLLCFGR_PLL1RGE (3u << 2)
#define RCC_PLLCFGR_PLL1RGE_1 (1u << 2)
#define RCC_PLLCFGR_DIVP1EN (1u << 16)
#define RCC_PLL1DIVR REG(0x58024430u)
#define RCC_PLL1DIVR_N1 (0x1FFu << 0)
#define RCC_PLL1DIVR_P1 (0x7Fu << 9)
#define RCC_AHB4ENR REG(0x580244E0u)
#define RCC_AHB4ENR_GPIODEN (1u << 3)
#define RCC_AHB4ENR_GPIOFEN (1u << 5)
#define RCC_AHB4ENR_GPIOGEN (1u << 6)
#define RCC_APB1LENR REG(0x580244E8u)
#define RCC_APB1LENR_USART3EN (1u << 18)
#define RCC_APB4ENR REG(0x580244F4u)
#define RCC_APB4ENR_SYSCFGEN (1u << 1)

#define PWR_CSR1 REG(0x58024804u)
#define PWR_CSR1_ACTVOSRDY (1u << 13)
#define PWR_CR3 REG(0x5802480Cu)
#define PWR_CR3_BYPASS (1u << 0)
#define PWR_CR3_LDOEN (1u << 1)
#define PWR_CR3_SCUEN (1u << 2)
#define PWR_D3CR REG(0x58024818u)
#define PWR_D3CR_VOSRDY (1u << 13)
#define PWR_D3CR_VOS (3u << 14)

#define SYSCFG_PWRCR REG(0x5800042Cu)
#define SYSCFG_PWRCR_ODEN (1u << 0)

#define FLASH_ACR REG(0x52002000u)
#define FLASH_ACR_LATENCY (15u << 0)
#define FLASH_ACR_WRHIGHFREQ (3u << 4)

#define GPIOD_BASE 0x58020C00u
#define GPIOF_BASE 0x58021400u
#define GPIOG_BASE 0x58021800u
#define USART3_BASE 0x40004800u

/* Of the AXI interconnect: what the block of the AXI SRAM may overlap (section 2.2.9 of the errata of
 * revision Y). */
#define AXI_TARG7_FN_MOD REG(0x51008108u)
#define AXI_TARG7_FN_MOD_READ_ISS_OVERRIDE (1u << 0)

#endif
