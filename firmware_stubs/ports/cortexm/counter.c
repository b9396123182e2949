/* The cycle counter of the DWT unit. Cortex-M0 and M0+ have none; emulators keep it at 0.
 *
 * A port with HIL_OWN_COUNTER has a counter of its own: that of a virtual board (docs/boards.md).
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <stdbool.h>

#include "hil_port.h"

#define DEMCR (*(volatile uint32_t *)0xE000EDFCu)
#define DEMCR_TRCENA (1u << 24)
#define DWT_CTRL (*(volatile uint32_t *)0xE0001000u)
#define DWT_CTRL_CYCCNTENA 1u
#define DWT_CYCCNT (*(volatile uint32_t *)0xE0001004u)
#define DWT_LAR (*(volatile uint32_t *)0xE0001FB0u)
#define LAR_KEY 0xC5ACCE55u

#if defined(HIL_OWN_COUNTER)

#elif defined(__ARM_ARCH_6M__)

void hil_port_cycles_start(void)
{
}

uint32_t hil_port_cycles(void)
{
    return 0;
}

#else

/* A counter that does not count is not read again: QEMU from 9.0 on leaves a block in which a
 * device is read and translates its rest anew, so that a profiler counts more there than 7.2's. */
static bool counting;

void hil_port_cycles_start(void)
{
    DEMCR |= DEMCR_TRCENA;
    DWT_LAR = LAR_KEY; /* Cortex-M7 locks the unit; the others ignore the write */
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CTRL_CYCCNTENA;
    for (uint32_t i = 0; i < 16u && !counting; i++) {
        counting = DWT_CYCCNT != 0;
    }
}

uint32_t hil_port_cycles(void)
{
    return counting ? DWT_CYCCNT : 0;
}

#endif
