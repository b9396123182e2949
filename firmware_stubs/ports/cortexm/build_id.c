/* Which firmware this is: the GNU build id, a SHA-1 that the linker makes of the whole ELF.
 *
 * Everything here is in a section of its own behind all other code, whose place, and so the waits of
 * the flash, do not change.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"

#define NOTE_HEADER_BYTES 16u /* name size, size, type, "GNU" (System V ABI, note section) */
#define BUILD_ID_BYTES 20u

extern const uint8_t hil_build_id_note[];

__attribute__((section(".hil_build_id"))) void hil_put_build_id(void)
{
    hil_put_hex_bytes(hil_build_id_note + NOTE_HEADER_BYTES, BUILD_ID_BYTES);
    hil_put("]");
    hil_put_line_end();
}
