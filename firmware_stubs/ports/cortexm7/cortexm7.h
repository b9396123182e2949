/* The level 1 caches of a Cortex-M7, and memory that it must not read ahead of the program.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef CORTEXM7_H
#define CORTEXM7_H

#include "registers.h"

static inline void cortexm7_barrier(void)
{
    __asm__ volatile("dsb\n isb" ::: "memory");
}

/* Region 1: no access to 0x60000000 to 0xDFFFFFFF, the external memories, of which a board here has
 * none: a Cortex-M7 reads ahead where memory is normal, and such a read never ends where no memory
 * answers (ST AN4838, section 3.2). 4 GiB in eight parts, of which 0, 1, 2 and 7 keep what they are.
 * Start-up has switched the MPU on, with region 0 below the stack. */
static inline void cortexm7_close_external_memory(void)
{
    MPU_RBAR = MPU_RBAR_VALID | FIELD(MPU_RBAR_REGION, 1u);
    MPU_RASR =
        MPU_RASR_XN | FIELD(MPU_RASR_SRD, 0x87u) | FIELD(MPU_RASR_SIZE, 31u) | MPU_RASR_ENABLE;
    cortexm7_barrier();
}

/* Both caches are empty and on afterwards. Their contents after reset are not defined (Armv7-M
 * Architecture Reference Manual, B2.2.5). Nothing here uses DMA, so none is ever cleaned. */
static inline void cortexm7_start_caches(void)
{
    uint32_t size;

    SCB_ICIALLU = 0;
    cortexm7_barrier();
    SCB_CCR |= SCB_CCR_IC;
    cortexm7_barrier();

    SCB_CSSELR = 0; /* the data cache of level 1 */
    cortexm7_barrier();
    size = SCB_CCSIDR;
    for (uint32_t set = 0; set <= FIELD_OF(SCB_CCSIDR_NUMSETS, size); set++) {
        for (uint32_t way = 0; way <= FIELD_OF(SCB_CCSIDR_ASSOCIATIVITY, size); way++) {
            SCB_DCISW = FIELD(SCB_DCISW_SET, set) | FIELD(SCB_DCISW_WAY, way);
        }
    }
    cortexm7_barrier();
    SCB_CCR |= SCB_CCR_DC;
    cortexm7_barrier();
}

#endif
