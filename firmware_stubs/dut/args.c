/* Reading a command's arguments.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"

/* Takes a word and the spaces after it off the front of *text. */
bool hil_take_word(const char **text, const char *word)
{
    const char *at = *text;

    while (*word != '\0') {
        if (*at++ != *word++) {
            return false;
        }
    }
    if (*at != ' ' && *at != '\0') {
        return false;
    }
    while (*at == ' ') {
        at++;
    }
    *text = at;
    return true;
}

/* Takes a decimal number and the spaces around it off the front of *text. */
bool hil_take_u32(const char **text, uint32_t *value)
{
    const char *at = *text;
    uint64_t number = 0;

    while (*at == ' ') {
        at++;
    }
    if (*at < '0' || *at > '9') {
        return false;
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        number = 10u * number + (uint32_t)(*at - '0');
        if (number > UINT32_MAX) {
            return false;
        }
    }
    if (*at != ' ' && *at != '\0') {
        return false;
    }
    while (*at == ' ') {
        at++;
    }
    *text = at;
    *value = (uint32_t)number;
    return true;
}

int hil_hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}
