/* Stepping a cursor: once a row, so a call is cheaper than a copy of the loop in every kernel.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_walk.h"

int hil_walk_next(const hil_walk *walk, hil_cursor *cursor)
{
    for (int32_t d = walk->rank - 1; d >= 0; --d) {
        cursor->offset += walk->stride[d];
        if (++cursor->index[d] < walk->dims[d]) {
            return 1;
        }
        cursor->offset -= walk->stride[d] * walk->dims[d];
        cursor->index[d] = 0;
    }
    return 0;
}
