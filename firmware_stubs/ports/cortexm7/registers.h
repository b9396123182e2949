/* Caches and memory protection of a Cortex-M7.
 *
 * registers.md beside this file names the source of every line; a test compares the two.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORTEXM7_REGISTERS_H
#define CORTEXM7_REGISTERS_H

#include "hil_reg.h"

#define SCB_CCR REG(0xE000ED14u)
#define SCB_CCR_DC (1u << 16)
#define SCB_CCR_IC (1u << 17)
#define SCB_CCSIDR REG(0xE000ED80u)
#define SCB_CCSIDR_ASSOCIATIVITY (0x3FFu << 3)
#define SCB_CCSIDR_NUMSETS (0x7FFFu << 13)
#define SCB_CSSELR REG(0xE000ED84u)
#define SCB_ICIALLU REG(0xE000EF50u)
#define SCB_DCISW REG(0xE000EF60u)
#define SCB_DCISW_SET (0x1FFu << 5)
#define SCB_DCISW_WAY (3u << 30)

#define MPU_RBAR REG(0xE000ED9Cu)
#define MPU_RBAR_REGION (15u << 0)
#define MPU_RBAR_VALID (1u << 4)
#define MPU_RASR REG(0xE000EDA0u)
#define MPU_RASR_ENABLE (1u << 0)
#define MPU_RASR_SIZE (31u << 1)
#define MPU_RASR_SRD (0xFFu << 8)
#define MPU_RASR_XN (1u << 28)

#endif
