/* Inner loops are functions of their own because GCC then finds registers for all sums.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_INNER_H
#define HIL_INNER_H

#define HIL_INNER_LOOP static __attribute__((noinline, unused))

#endif
