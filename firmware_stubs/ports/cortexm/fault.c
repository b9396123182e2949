/* Faults: print the registers and stay. Trusts neither interrupts nor the stack.
 *
 * All faults escalate to HardFault (SHCSR stays at its reset value); the names of the others are
 * for engines that enable them.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"

#define FRAME_LR 5
#define FRAME_PC 6
#define FRAME_PSR 7
#define FRAME_BYTES 32u

extern uint8_t hil_ram_start[], hil_ram_end[];
extern uint8_t hil_stack_bottom[], hil_stack_top[];

void hil_fault_report(uintptr_t sp) __attribute__((noreturn, used));
void hil_fault_entry(void) __attribute__((naked));

/* Finds the stack pointer of what faulted, then moves to the half of the stack that does not hold
 * the exception frame: nothing will return there. Thumb-1 only, for Cortex-M0+. */
void hil_fault_entry(void)
{
    __asm__ volatile(".syntax unified\n"
                     "    cpsid i\n"
                     "    mrs r0, msp\n"
                     "    mov r1, lr\n"
                     "    lsrs r1, r1, #3\n" /* EXC_RETURN bit 2: the frame is on PSP */
                     "    bcc 1f\n"
                     "    mrs r0, psp\n"
                     "1:  ldr r1, =hil_stack_top\n"
                     "    ldr r2, =hil_stack_middle\n"
                     "    cmp r0, r2\n"
                     "    bcc 2f\n"
                     "    cmp r0, r1\n"
                     "    bcs 2f\n"
                     "    mov r1, r2\n"
                     "2:  msr msp, r1\n"
                     "    bl hil_fault_report\n"
                     ".ltorg\n");
}

static void put_register(const char *name, uint32_t value)
{
    hil_put(name);
    hil_put("=0x");
    hil_put_hex32(value);
}

static void put_name(uint32_t exception)
{
    static const char *const names[] = {"HardFault", "MemManage", "BusFault", "UsageFault"};

    if (exception >= 3u && exception <= 6u) {
        hil_put(names[exception - 3u]);
    } else {
        hil_put("Exception-");
        hil_put_u32(exception);
    }
}

static bool in_ram(uintptr_t address)
{
    return address % 4u == 0 && address >= (uintptr_t)hil_ram_start &&
           address <= (uintptr_t)hil_ram_end - FRAME_BYTES;
}

/* The fault status registers; ARMv6-M has none. */
static uint32_t status(uintptr_t address)
{
#ifdef __ARM_ARCH_6M__
    (void)address;
    return 0;
#else
    return *(const volatile uint32_t *)address;
#endif
}

void hil_fault_report(uintptr_t sp)
{
    static const uint32_t unreadable[8];
    const volatile uint32_t *frame = in_ram(sp) ? (const volatile uint32_t *)sp : unreadable;
    uint32_t exception;

    __asm__ volatile("mrs %0, ipsr" : "=r"(exception));
    hil_put_line_end(); /* the fault may have cut a line short */
    hil_put("e-[fault ");
    put_name(exception);
    put_register(" pc", frame[FRAME_PC]);
    put_register(" lr", frame[FRAME_LR]);
    put_register(" sp", (uint32_t)sp);
    put_register(" psr", frame[FRAME_PSR]);
    put_register(" cfsr", status(0xE000ED28u));
    put_register(" hfsr", status(0xE000ED2Cu));
    put_register(" mmfar", status(0xE000ED34u));
    put_register(" bfar", status(0xE000ED38u));
    hil_put("]");
    hil_put_line_end();
    for (;;) {
    }
}

void hil_provoke_fault(void)
{
    __builtin_trap();
}

/* For the C library's assert() and friends: report instead of hanging. */
void abort(void) __attribute__((noreturn));
void abort(void)
{
    __builtin_trap();
}
