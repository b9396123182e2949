/* Time since reset out of the 32-bit cycle counter, which wraps every minute or so.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"
#include "hil_port.h"

static uint64_t cycles;
static uint32_t last;
static bool counts;

void hil_clock_start(void)
{
    hil_port_cycles_start();
    last = hil_port_cycles();
    for (uint32_t i = 0; i < 16u && !counts; i++) {
        counts = hil_port_cycles() != last;
    }
}

void hil_clock_poll(void)
{
    const uint32_t now = hil_port_cycles();

    cycles += (uint32_t)(now - last);
    last = now;
}

uint64_t hil_clock_us(void)
{
    hil_clock_poll();
    return cycles * 1000000u / hil_port_clock_hz();
}

bool hil_clock_counts(void)
{
    return counts;
}
