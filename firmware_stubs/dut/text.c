/* Numbers and hex on the UART, without stdio.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_dut.h"
#include "hil_port.h"

#define FLOAT_FRACTION_BITS 23
#define FLOAT_EXPONENT_BIAS 127

void hil_put(const char *text)
{
    while (*text != '\0') {
        hil_port_putc((uint8_t)*text++);
    }
}

void hil_put_line_end(void)
{
    hil_put("\r\n");
}

void hil_put_u64(uint64_t value)
{
    char digits[21];
    char *first = &digits[20];

    *first = '\0';
    do {
        *--first = (char)('0' + (char)(value % 10u));
        value /= 10u;
    } while (value != 0);
    hil_put(first);
}

void hil_put_u32(uint32_t value)
{
    hil_put_u64(value);
}

void hil_put_i32(int32_t value)
{
    if (value < 0) {
        hil_put("-");
    }
    hil_put_u32(value < 0 ? 0u - (uint32_t)value : (uint32_t)value);
}

static void put_digit(uint32_t nibble)
{
    hil_port_putc((uint8_t)"0123456789abcdef"[nibble & 15u]);
}

void hil_put_hex32(uint32_t value)
{
    for (int shift = 28; shift >= 0; shift -= 4) {
        put_digit(value >> shift);
    }
}

void hil_put_hex_bytes(const uint8_t *data, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        put_digit((uint32_t)data[i] >> 4);
        put_digit(data[i]);
    }
}

/* significand * 2^exponent, a whole number of up to 39 digits: doubled digit by digit. */
static void put_huge(uint32_t significand, int32_t exponent)
{
    uint8_t digits[40] = {0}; /* least significant first */
    int32_t top = 39;

    for (int32_t i = 0; significand != 0; i++) {
        digits[i] = (uint8_t)(significand % 10u);
        significand /= 10u;
    }
    while (exponent-- > 0) {
        uint32_t carry = 0;
        for (int32_t i = 0; i < 40; i++) {
            const uint32_t doubled = 2u * digits[i] + carry;
            carry = doubled >= 10u;
            digits[i] = (uint8_t)(doubled - 10u * carry);
        }
    }
    while (top > 0 && digits[top] == 0) {
        top--;
    }
    for (; top >= 0; top--) {
        put_digit(digits[top]);
    }
}

/* significand * 2^exponent in thousandths, rounded to nearest, ties to even; exponent <= 29. */
static uint64_t thousandths(uint32_t significand, int32_t exponent)
{
    const uint64_t exact = 1000u * (uint64_t)significand; /* < 2^34 */

    if (exponent >= 0) {
        return exact << exponent;
    }
    if (exponent < -40) {
        return 0;
    }
    const uint64_t whole = exact >> -exponent;
    const uint64_t rest = exact & ((UINT64_C(1) << -exponent) - 1u);
    const uint64_t half = UINT64_C(1) << (-exponent - 1);
    return whole + (rest > half || (rest == half && (whole & 1u) != 0));
}

static void put_fraction(uint32_t milli)
{
    hil_put(".");
    put_digit(milli / 100u);
    put_digit(milli / 10u % 10u);
    put_digit(milli % 10u);
}

void hil_put_milli(float value)
{
    uint32_t bits;
    uint32_t significand;
    int32_t exponent;

    memcpy(&bits, &value, sizeof bits);
    significand = bits & ((1u << FLOAT_FRACTION_BITS) - 1u);
    exponent = (int32_t)(bits >> FLOAT_FRACTION_BITS & 0xFFu);
    if ((bits >> 31) != 0 && !(exponent == 0xFF && significand != 0)) {
        hil_put("-");
    }
    if (exponent == 0xFF) {
        hil_put(significand != 0 ? "nan" : "inf");
        return;
    }
    if (exponent == 0) {
        exponent = 1; /* subnormal */
    } else {
        significand |= 1u << FLOAT_FRACTION_BITS;
    }
    exponent -= FLOAT_EXPONENT_BIAS + FLOAT_FRACTION_BITS;
    if (exponent > 29) {
        put_huge(significand, exponent);
        put_fraction(0);
    } else {
        const uint64_t milli = thousandths(significand, exponent);
        hil_put_u64(milli / 1000u);
        put_fraction((uint32_t)(milli % 1000u));
    }
}
