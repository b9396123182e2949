/* The DSP extension of Cortex-M4, M7, M33 and M55: two 16-bit products in one instruction. The plain
 * C beside each use gives the same bits, and is what other cores and the host run.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DSP_H
#define HIL_DSP_H

#include <stdint.h>
#include <string.h>

#if defined(__ARM_FEATURE_DSP)
#include <arm_acle.h>

#define HIL_DSP 1

/* Four bytes from any address. */
static inline int32_t hil_load_word(const void *from)
{
    int32_t word;
    memcpy(&word, from, 4);
    return word;
}

/* Bytes 0 and 2 of a word, and bytes 1 and 3, as pairs of int16. */
static inline int32_t hil_even_bytes(int32_t word)
{
    return __sxtb16(word);
}
static inline int32_t hil_odd_bytes(int32_t word)
{
    int32_t pair; /* GCC 12 does not find the rotation that the instruction has for nothing */
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(pair) : "r"(word));
    return pair;
}

/* Loads do not move across: GCC would load all words of a step first and have no registers left. */
#define HIL_LOADS_STAY() __asm__ volatile("" ::: "memory")

static inline int32_t hil_mac_pair_32(int32_t sum, int32_t x, int32_t y)
{
    return __smlad(x, y, sum);
}
static inline int64_t hil_mac_pair_64(int64_t sum, int32_t x, int32_t y)
{
    return __smlald(x, y, sum);
}

/* round(x * y / 2^32), ties up. */
static inline int32_t hil_high_word_rounded(int32_t x, int32_t y)
{
    int32_t high;
    __asm__("smmulr %0, %1, %2" : "=r"(high) : "r"(x), "r"(y));
    return high;
}

/* x / 2^right, ties up, plus `more`; the shift is the low byte of `right`, 1 to 31. The last bit that is
 * shifted out is the carry. */
static inline int32_t hil_shift_and_add(int32_t x, int32_t right, int32_t more)
{
    __asm__("asrs %0, %0, %1\n\tadc %0, %0, %2" : "+r"(x) : "r"(right), "r"(more) : "cc");
    return x;
}

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion" /* inside of arm_acle.h's __ssat */
static inline int32_t hil_saturate_s8(int32_t x)
{
    return (int32_t)__ssat(x, 8);
}
#pragma GCC diagnostic pop

/* Four bytes, each between the byte of `low` and that of `high`. */
static inline int32_t hil_clamp_bytes(int32_t x, int32_t low, int32_t high)
{
    int32_t difference;
    __asm__("ssub8 %1, %0, %2\n\tsel %0, %0, %2\n\tssub8 %1, %3, %0\n\tsel %0, %0, %3"
            : "+r"(x), "=&r"(difference)
            : "r"(low), "r"(high)
            : "cc");
    return x;
}

#else
#define HIL_DSP 0

static inline int32_t hil_high_word_rounded(int32_t x, int32_t y)
{
    return (int32_t)(((int64_t)x * y + INT64_C(0x80000000)) >> 32);
}

static inline int32_t hil_shift_and_add(int32_t x, int32_t right, int32_t more)
{
    const int32_t halves = x >> ((right & 31) - 1);
    return (halves >> 1) + (halves & 1) + more;
}

static inline int32_t hil_saturate_s8(int32_t x)
{
    x = x < INT8_MIN ? INT8_MIN : x;
    return x > INT8_MAX ? INT8_MAX : x;
}

#define HIL_LOADS_STAY() ((void)0)
#endif

#endif
