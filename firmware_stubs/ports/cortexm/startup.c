/* From reset to main() on a Cortex-M. One vector table for all ports: they enable no interrupts.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <stddef.h>
#include <stdint.h>

#include "hil_dut.h"

#define VTOR (*(volatile uint32_t *)0xE000ED08u)
#define MPU_TYPE (*(volatile uint32_t *)0xE000ED90u)
#define MPU_CTRL (*(volatile uint32_t *)0xE000ED94u)
#define MPU_CTRL_ENABLE (1u << 0)
#define MPU_CTRL_PRIVDEFENA (1u << 2)
#define MPU_RBAR (*(volatile uint32_t *)0xE000ED9Cu)
#define MPU_RBAR_VALID_REGION_0 (1u << 4)
#define MPU_RASR (*(volatile uint32_t *)0xE000EDA0u)
#define MPU_RASR_NO_EXECUTE_NO_ACCESS (1u << 28)
#define MPU_RASR_64K (15u << 1)
#define MPU_RASR_ENABLE (1u << 0)
#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CPACR_FPU (0xFu << 20)

typedef void (*vector)(void);

extern uint32_t hil_stack_bottom[], hil_stack_top[];
extern uint32_t hil_data_load[], hil_data_start[], hil_data_end[];
extern uint32_t hil_bss_start[], hil_bss_end[];
extern const vector hil_init_array_start[], hil_init_array_end[];

void hil_fault_entry(void);
void hil_reset(void) __attribute__((noreturn));

__attribute__((section(".isr_vector"), used)) static const vector vectors[16] = {
    (vector)(uintptr_t)hil_stack_top,
    (vector)(uintptr_t)hil_reset,
    hil_fault_entry, /* NMI */
    hil_fault_entry, /* HardFault */
    hil_fault_entry, /* MemManage */
    hil_fault_entry, /* BusFault */
    hil_fault_entry, /* UsageFault */
    hil_fault_entry, /* SecureFault */
    hil_fault_entry,
    hil_fault_entry,
    hil_fault_entry,
    hil_fault_entry, /* SVCall */
    hil_fault_entry, /* DebugMonitor */
    hil_fault_entry,
    hil_fault_entry, /* PendSV */
    hil_fault_entry, /* SysTick */
};

/* Volatile, so that none of these loops becomes a call that uses the stack being painted or the
 * FPU not yet switched on. */
static inline __attribute__((always_inline)) void fill(uint32_t *at, const uint32_t *end,
                                                       uint32_t value)
{
    while (at < end) {
        *(volatile uint32_t *)at++ = value;
    }
}

static inline __attribute__((always_inline)) void copy(uint32_t *at, const uint32_t *end,
                                                       const uint32_t *from)
{
    while (at < end) {
        *(volatile uint32_t *)at++ = *from++;
    }
}

static void enable_fpu(void)
{
#ifdef __ARM_FP
    CPACR |= CPACR_FPU;
    __asm__ volatile("dsb\n isb" ::: "memory");
#endif
}

static void set_vector_table(void)
{
#ifndef __ARM_ARCH_6M__
    VTOR = (uint32_t)(uintptr_t)vectors;
#endif
}

/* An overflow of the stack must fault. It leaves the RAM at its lower end, where a chip may have
 * nothing, but QEMU's MPS2 swallow writes. The rest of the memory map stays as it is. */
static void guard_stack(void)
{
#if defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)
    if (MPU_TYPE != 0) {
        MPU_RBAR = ((uint32_t)(uintptr_t)hil_stack_bottom - 0x10000u) | MPU_RBAR_VALID_REGION_0;
        MPU_RASR = MPU_RASR_NO_EXECUTE_NO_ACCESS | MPU_RASR_64K | MPU_RASR_ENABLE;
        MPU_CTRL = MPU_CTRL_ENABLE | MPU_CTRL_PRIVDEFENA;
        __asm__ volatile("dsb\n isb" ::: "memory");
    }
#endif
}

void hil_reset(void)
{
    uint32_t *sp;

    __asm__ volatile("mov %0, sp" : "=r"(sp));
    fill(hil_stack_bottom, sp, HIL_STACK_PAINT);
    set_vector_table();
    guard_stack();
    enable_fpu();
    copy(hil_data_start, hil_data_end, hil_data_load);
    fill(hil_bss_start, hil_bss_end, 0);
    for (const vector *init = hil_init_array_start; init < hil_init_array_end; init++) {
        (*init)();
    }
    (void)main();
    for (;;) {
    }
}
