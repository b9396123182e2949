/* Registers of STM32U575 that this port uses, at their addresses without TrustZone.
 *
 * registers.md beside this file names the source of every line; a test compares the two.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef STM32U5_REGISTERS_H
#define STM32U5_REGISTERS_H

#include "hil_reg.h"

#define RCC_CR REG(0x46020C00u)
#define RCC_CR_MSISON (1u << 0)
#define RCC_CR_MSISRDY (1u << 2)
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLL1ON (1u << 24)
#define RCC_CR_PLL1RDY (1u << 25)
#define RCC_CFGR1 REG(0x46020C1Cu)
#define RCC_CFGR1_SW (3u << 0)
#define RCC_CFGR1_SW_PLL1 (3u << 0)
#define RCC_CFGR1_SWS (3u << 2)
#define RCC_CFGR1_SWS_PLL1 (3u << 2)
#define RCC_PLL1CFGR REG(0x46020C28u)
#define RCC_PLL1CFGR_PLL1SRC_MSIS (1u << 0)
#define RCC_PLL1CFGR_PLL1SRC_HSI16 (2u << 0)
#define RCC_PLL1CFGR_PLL1M (15u << 8)
#define RCC_PLL1CFGR_PLL1REN (1u << 18)
#define RCC_PLL1DIVR REG(0x46020C34u)
#define RCC_PLL1DIVR_PLL1N (0x1FFu << 0)
#define RCC_PLL1DIVR_PLL1P (0x7Fu << 9)
#define RCC_PLL1DIVR_PLL1Q (0x7Fu << 16)
#define RCC_PLL1DIVR_PLL1R (0x7Fu << 24)
#define RCC_AHB2ENR1 REG(0x46020C8Cu)
#define RCC_AHB2ENR1_GPIOAEN (1u << 0)
#define RCC_AHB2ENR1_GPIOFEN (1u << 5)
#define RCC_AHB3ENR REG(0x46020C94u)
#define RCC_AHB3ENR_PWREN (1u << 2)
#define RCC_APB2ENR REG(0x46020CA4u)
#define RCC_APB2ENR_USART1EN (1u << 14)

#define PWR_CR3 REG(0x46020808u)
#define PWR_CR3_REGSEL (1u << 1)
#define PWR_VOSR REG(0x4602080Cu)
#define PWR_VOSR_BOOSTRDY (1u << 14)
#define PWR_VOSR_VOSRDY (1u << 15)
#define PWR_VOSR_VOS (3u << 16)
#define PWR_VOSR_BOOSTEN (1u << 18)
#define PWR_SVMSR REG(0x4602083Cu)
#define PWR_SVMSR_REGS (1u << 1)
#define PWR_SVMSR_ACTVOSRDY (1u << 15)

#define FLASH_ACR REG(0x40022000u)
#define FLASH_ACR_LATENCY (15u << 0)
#define FLASH_ACR_PRFTEN (1u << 8)

#define ICACHE_CR REG(0x40030400u)
#define ICACHE_CR_EN (1u << 0)
#define ICACHE_SR REG(0x40030404u)
#define ICACHE_SR_BUSYF (1u << 0)

#define GPIOA_BASE 0x42020000u
#define GPIOF_BASE 0x42021400u
#define USART1_BASE 0x40013800u

#endif
