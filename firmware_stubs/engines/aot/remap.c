/* Data movement by positions: SPLIT_V, MIRROR_PAD, BATCH_TO_SPACE_ND, SPACE_TO_BATCH_ND, GATHER.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <string.h>

#include "hil_aot_ops.h"

void hil_split_v(const hil_concatenation_params *p, const void *input, void *const *outputs)
{
    const uint8_t *from = input;
    for (int32_t o = 0; o < p->outer; ++o) {
        for (int32_t i = 0; i < p->count; ++i) {
            const int32_t bytes = p->chunk_bytes[i];
            memcpy((uint8_t *)outputs[i] + o * bytes, from, (size_t)bytes);
            from += bytes;
        }
    }
}

/* Copies the runs of the dimensions from `d` on; returns the end of what was written. */
static uint8_t *remap(const hil_remap_params *p, int32_t d, const int32_t *table,
                      const uint8_t *from, uint8_t *to)
{
    if (d == p->rank) {
        memcpy(to, from, (size_t)p->run_bytes);
        return to + p->run_bytes;
    }
    for (int32_t i = 0; i < p->dims[d]; ++i) {
        to = remap(p, d + 1, table + p->dims[d], from + table[i], to);
    }
    return to;
}

void hil_remap(const hil_remap_params *p, const void *input, void *output)
{
    (void)remap(p, 0, p->offsets, input, output);
}

static void put_padding(const hil_space_to_batch_params *p, uint8_t *to)
{
    for (int32_t at = 0; at < p->pixel_bytes; at += p->unit) {
        memcpy(to + at, p->value, (size_t)p->unit);
    }
}

/* One image of the output: the pixels of `image` that lie `y0` and `x0` behind a block's corner. */
static uint8_t *take_image(const hil_space_to_batch_params *p, const uint8_t *image, int32_t y0,
                           int32_t x0, uint8_t *to)
{
    for (int32_t h = 0; h < p->out_h; ++h) {
        const int32_t y = h * p->block_h + y0;
        for (int32_t w = 0; w < p->out_w; ++w) {
            const int32_t x = w * p->block_w + x0;
            if (y < 0 || y >= p->in_h || x < 0 || x >= p->in_w) {
                put_padding(p, to);
            } else {
                memcpy(to, image + (y * p->in_w + x) * p->pixel_bytes, (size_t)p->pixel_bytes);
            }
            to += p->pixel_bytes;
        }
    }
    return to;
}

void hil_space_to_batch(const hil_space_to_batch_params *p, const void *input, void *output)
{
    const int32_t image_bytes = p->in_h * p->in_w * p->pixel_bytes;
    uint8_t *to = output;
    for (int32_t i = 0; i < p->block_h; ++i) {
        for (int32_t j = 0; j < p->block_w; ++j) {
            for (int32_t b = 0; b < p->batches; ++b) {
                to = take_image(p, (const uint8_t *)input + b * image_bytes, i - p->before_h,
                                j - p->before_w, to);
            }
        }
    }
}

static int64_t index_at(const uint8_t *indices, int32_t bytes, int32_t at)
{
    if (bytes == 2) {
        int16_t value;
        memcpy(&value, indices + 2 * at, sizeof value);
        return value;
    }
    if (bytes == 4) {
        int32_t value;
        memcpy(&value, indices + 4 * at, sizeof value);
        return value;
    }
    int64_t value;
    memcpy(&value, indices + 8 * at, sizeof value);
    return value;
}

void hil_gather(const hil_gather_params *p, const void *input, const void *indices, void *output)
{
    const uint8_t *from = input;
    const uint8_t *index = indices;
    uint8_t *to = output;
    for (int32_t b = 0; b < p->batches; ++b) {
        for (int32_t o = 0; o < p->outer; ++o) {
            for (int32_t i = 0; i < p->count; ++i) {
                const int64_t asked = index_at(index, p->index_bytes, i);
                const int64_t last = p->size - 1;
                const int64_t taken = asked < 0 ? 0 : asked > last ? last : asked;
                memcpy(to, from + (int32_t)taken * p->run_bytes, (size_t)p->run_bytes);
                to += p->run_bytes;
            }
            from += p->size * p->run_bytes;
        }
        index += p->count * p->index_bytes;
    }
}
