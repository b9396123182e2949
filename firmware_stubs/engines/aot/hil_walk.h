/* Walking through a tensor by strides, outermost dimension first. The host has merged dimensions
 * that lie dense behind each other, so that ranks are small and the innermost runs long.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_WALK_H
#define HIL_WALK_H

#include <stdint.h>

#define HIL_MAX_DIMS 6

/* `rank` dimensions in use; `stride` in elements (or bytes, where the kernel says so), may be 0
 * (an operand that is broadcast) or negative. */
typedef struct {
    int32_t rank;
    int32_t dims[HIL_MAX_DIMS];
    int32_t stride[HIL_MAX_DIMS];
} hil_walk;

typedef struct {
    int32_t offset;
    int32_t index[HIL_MAX_DIMS];
} hil_cursor;

/* Step to the next position, the last dimension fastest. Returns 0 after the last one, with the
 * cursor back at the start. */
int hil_walk_next(const hil_walk *walk, hil_cursor *cursor);

#endif
