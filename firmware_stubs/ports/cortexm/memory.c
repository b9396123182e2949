/* High-water marks of a Cortex-M: the painted stack, the heap's break.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <errno.h>
#include <stddef.h>

#include "hil_dut.h"

/* Of the linker script. */
extern uint8_t hil_stack_bottom[], hil_stack_top[];
extern uint8_t hil_heap_bottom[], hil_heap_top[];

static uint32_t heap_used;

uint32_t hil_stack_reserved(void)
{
    return (uint32_t)(hil_stack_top - hil_stack_bottom);
}

uint32_t hil_stack_used(void)
{
    const volatile uint32_t *word = (const volatile uint32_t *)(uintptr_t)hil_stack_bottom;

    while ((uintptr_t)word < (uintptr_t)hil_stack_top && *word == HIL_STACK_PAINT) {
        word++;
    }
    return (uint32_t)((uintptr_t)hil_stack_top - (uintptr_t)word);
}

uint32_t hil_heap_used(void)
{
    return heap_used;
}

/* newlib's malloc asks here; the break never moves back below its high-water mark in our count. */
void *_sbrk(ptrdiff_t increment);
void *_sbrk(ptrdiff_t increment)
{
    static ptrdiff_t current;
    const ptrdiff_t size = hil_heap_top - hil_heap_bottom;

    if (increment > size - current || current + increment < 0) {
        errno = ENOMEM;
        return (void *)-1;
    }
    current += increment;
    if ((uint32_t)current > heap_used) {
        heap_used = (uint32_t)current;
    }
    return hil_heap_bottom + (current - increment);
}

/* newlib's own errno lives in a structure of 1 KiB that nothing else here needs. */
int *__errno(void);
int *__errno(void)
{
    static int value;

    return &value;
}
