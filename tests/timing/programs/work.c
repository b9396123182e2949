/* A program with a region to time: sorts, sums by a table, and prints what came out.
 * What goes wrong is chosen by a macro. SPDX-License-Identifier: Apache-2.0
 */
#include <stdint.h>

#include "program.h"

#define NOINLINE __attribute__((noinline))

NOINLINE void region_begin(void)
{
    __asm__ volatile("");
}

NOINLINE void region_end(void)
{
    __asm__ volatile("");
}

NOINLINE void never_called(void)
{
    __asm__ volatile("nop");
}

/* ROUNDS times two instructions and nothing else, whatever the compiler. */
__attribute__((naked, noinline)) void count_down(uint32_t rounds)
{
    __asm__ volatile(".syntax unified\n.balign 4\n1: subs r0, #1\n bne 1b\n bx lr");
}

void count_alias(uint32_t rounds) __attribute__((alias("count_down")));

static volatile int16_t items[64];
static const uint8_t weights[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
uint32_t total = 1; /* in .data: shows that start-up works */

static NOINLINE void fill(uint32_t seed)
{
    for (int i = 0; i < 64; i++) {
        seed = seed * 1664525u + 1013904223u;
        items[i] = (int16_t)(seed >> 16);
    }
}

static NOINLINE void sort(void)
{
    for (int i = 1; i < 64; i++) {
        int16_t item = items[i];
        int j = i;
        for (; j && items[j - 1] > item; j--)
            items[j] = items[j - 1];
        items[j] = item;
    }
}

static NOINLINE void weigh(void)
{
    for (int i = 0; i < 64; i++)
        total += (uint32_t)items[i] * weights[i & 15];
}

NOINLINE int sorted(void)
{
    for (int i = 1; i < 64; i++)
        if (items[i - 1] > items[i])
            return 0;
    return total != 1;
}

#if defined(RECURSIVE)
NOINLINE int recurse(int depth)
{
    volatile int kept = depth; /* lives through the call: no loop can replace it */
    return depth ? recurse(depth - 1) + kept : 0;
}
#endif

static void pass(uint32_t seed)
{
    region_begin();
    fill(seed);
    sort();
    weigh();
    count_down(ROUNDS);
#ifdef ENDLESS
    for (;;)
        ;
#elif defined(CHATTY)
    for (;;)
        print("all work and no play makes jack a dull boy\n");
#elif defined(CRASH)
    *(volatile uint32_t *)0xF0000000u = 0;
#elif defined(RECURSIVE)
    total += (uint32_t)recurse(5);
#endif
    region_end();
}

int run(void)
{
    print("sorting\n");
    for (uint32_t seed = 0; seed < PASSES; seed++)
        pass(seed);
    print(sorted() ? "sorted\n" : "NOT SORTED\n");
    return sorted() ? EXIT_CODE : 99;
}
