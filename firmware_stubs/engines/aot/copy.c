/* Data movement whatever the element type: TRANSPOSE, STRIDED_SLICE, CONCATENATION, SPLIT.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_aot_ops.h"

/* `count` runs, `step` bytes apart, one behind the other. Single elements of common sizes go
 * without a call of memcpy. */
static uint8_t *gather(uint8_t *to, const uint8_t *from, int32_t run_bytes, int32_t count,
                       int32_t step)
{
    if (run_bytes == 1) {
        for (int32_t i = 0; i < count; ++i) {
            *to++ = *from;
            from += step;
        }
    } else if (run_bytes == 2) {
        for (int32_t i = 0; i < count; ++i) {
            memcpy(to, from, 2);
            to += 2;
            from += step;
        }
    } else if (run_bytes == 4) {
        for (int32_t i = 0; i < count; ++i) {
            memcpy(to, from, 4);
            to += 4;
            from += step;
        }
    } else {
        for (int32_t i = 0; i < count; ++i) {
            memcpy(to, from, (size_t)run_bytes);
            to += run_bytes;
            from += step;
        }
    }
    return to;
}

void hil_copy(const hil_copy_params *p, const void *input, void *output)
{
    const uint8_t *from = (const uint8_t *)input + p->start;
    uint8_t *to = output;
    hil_cursor at = {0};
    do {
        to = gather(to, from + at.offset, p->run_bytes, p->count, p->step);
    } while (hil_walk_next(&p->outer, &at));
}

void hil_concatenation(const hil_concatenation_params *p, const void *const *inputs, void *output)
{
    uint8_t *to = output;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t i = 0; i < p->count; ++i) {
            const int32_t bytes = p->chunk_bytes[i];
            memcpy(to, (const uint8_t *)inputs[i] + o * bytes, (size_t)bytes);
            to += bytes;
        }
    }
}

void hil_split(const hil_split_params *p, const void *input, void *const *outputs)
{
    const uint8_t *from = input;
    const int32_t bytes = p->chunk_bytes;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t i = 0; i < p->count; ++i) {
            memcpy((uint8_t *)outputs[i] + o * bytes, from, (size_t)bytes);
            from += bytes;
        }
    }
}
