/* Start-up and semihosting for the test programs, on any Cortex-M.
 * SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

#include "program.h"

extern uint32_t stack_top[], data_image[], data_start[], data_end[], bss_start[], bss_end[];

void reset(void);
void fault(void);

__attribute__((section(".vectors"), used)) void *const vectors[16] = {
    stack_top, reset, fault, fault, fault, fault, fault,
};

#ifndef LOCKUP
void fault(void)
{
    for (;;)
        ;
}
#else
void fault(void) /* faults again: the processor locks up */
{
    *(volatile uint32_t *)0xF0000000u = 0;
}
#endif

static int call(int operation, const void *argument)
{
    register int r0 __asm__("r0") = operation;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

void print(const char *text)
{
    call(0x04, text); /* SYS_WRITE0 */
}

void finish(int code)
{
    const uint32_t reason[2] = {0x20026u, (uint32_t)code}; /* ADP_Stopped_ApplicationExit */

    call(0x20, reason); /* SYS_EXIT_EXTENDED */
}

void reset(void)
{
    uint32_t *from = data_image;

    for (uint32_t *to = data_start; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* CPACR: full access to the FPU */
    __asm__ volatile("dsb\n isb");
#endif
    finish(run());
    for (;;)
        ;
}
