/* Registers of STM32L4 and L4+ that this port uses.
 *
 * registers.md beside this file names the source of every line; a test compares the two.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef STM32L4_REGISTERS_H
#define STM32L4_REGISTERS_H

#include "hil_reg.h"

#define RCC_CR REG(0x40021000u)
#define RCC_CR_MSION (1u << 0)
#define RCC_CR_MSIRDY (1u << 1)
#define RCC_CR_HSION (1u << 8)
#define RCC_CR_HSIRDY (1u << 10)
#define RCC_CR_PLLON (1u << 24)
#define RCC_CR_PLLRDY (1u << 25)
#define RCC_CFGR REG(0x40021008u)
#define RCC_CFGR_SW (3u << 0)
#define RCC_CFGR_SW_PLL 3u
#define RCC_CFGR_SWS (3u << 2)
#define RCC_CFGR_SWS_PLL (3u << 2)
#define RCC_CFGR_HPRE (15u << 4)
#define RCC_CFGR_HPRE_DIV2 (8u << 4)
#define RCC_PLLCFGR REG(0x4002100Cu)
#define RCC_PLLCFGR_PLLSRC_MSI 1u
#define RCC_PLLCFGR_PLLSRC_HSI 2u
#define RCC_PLLCFGR_PLLM (7u << 4)
#define RCC_PLLCFGR_PLLN (0x7Fu << 8)
#define RCC_PLLCFGR_PLLREN (1u << 24)
#define RCC_PLLCFGR_PLLR (3u << 25)
#define RCC_AHB2ENR REG(0x4002104Cu)
#define RCC_AHB2ENR_GPIOAEN (1u << 0)
#define RCC_AHB2ENR_GPIOBEN (1u << 1)
#define RCC_AHB2ENR_GPIOFEN (1u << 5)
#define RCC_AHB2ENR_GPIOGEN (1u << 6)
#define RCC_APB1ENR1 REG(0x40021058u)
#define RCC_APB1ENR1_USART2EN (1u << 17)
#define RCC_APB1ENR1_PWREN (1u << 28)
#define RCC_APB1ENR2 REG(0x4002105Cu)
#define RCC_APB1ENR2_LPUART1EN (1u << 0)
#define RCC_APB2ENR REG(0x40021060u)
#define RCC_APB2ENR_USART1EN (1u << 14)

#define PWR_CR2 REG(0x40007004u)
#define PWR_CR2_IOSV (1u << 9)
#define PWR_CR5 REG(0x40007080u)
#define PWR_CR5_R1MODE (1u << 8)

#define FLASH_ACR REG(0x40022000u)
#define FLASH_ACR_LATENCY (7u << 0)
#define FLASH_ACR_PRFTEN (1u << 8)
#define FLASH_ACR_ICEN (1u << 9)
#define FLASH_ACR_DCEN (1u << 10)

#define GPIOA_BASE 0x48000000u
#define GPIOB_BASE 0x48000400u
#define GPIOF_BASE 0x48001400u
#define GPIOG_BASE 0x48001800u
#define USART1_BASE 0x40013800u
#define USART2_BASE 0x40004400u
#define LPUART1_BASE 0x40008000u
#define LPUART1_PRESC REG(0x4000802Cu)
#define LPUART1_PRESC_DIV4 (2u << 0)

#define SYST_CSR REG(0xE000E010u)
#define SYST_CSR_ENABLE (1u << 0)
#define SYST_CSR_CLKSOURCE (1u << 2)
#define SYST_RVR REG(0xE000E014u)
#define SYST_CVR REG(0xE000E018u)

#endif
