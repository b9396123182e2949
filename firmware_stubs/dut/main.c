/* The command loop: commands end with '%', answers with m-ready.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"
#include "hil_model.h"
#include "hil_port.h"

static uint8_t next_byte(void)
{
    int byte;

    do {
        hil_clock_poll();
        byte = hil_port_getc();
    } while (byte < 0);
    return (uint8_t)byte;
}

/* Reads up to '%'. False if the command was longer than the buffer; the rest of it is dropped. */
static bool read_command(char line[HIL_COMMAND_BYTES + 1])
{
    uint32_t length = 0;

    for (;;) {
        const char byte = (char)next_byte();

        if (byte == '%') {
            break;
        }
        if (byte == '\r' || byte == '\n') {
            continue;
        }
        if (length < HIL_COMMAND_BYTES) {
            line[length] = byte;
        }
        if (length <= HIL_COMMAND_BYTES) {
            length++;
        }
    }
    if (length > HIL_COMMAND_BYTES) {
        return false;
    }
    line[length] = '\0';
    return true;
}

static void put_ready(void)
{
    hil_put("m-ready");
    hil_put_line_end();
}

static void start(void)
{
    hil_port_init();
    hil_clock_start();
    hil_paint_arena();
    hil_model_status = hil_model_init();
    if (hil_model_status != 0) {
        hil_put("e-[model-init ");
        hil_put_i32(hil_model_status);
        hil_put("]");
        hil_put_line_end();
    }
    hil_put("m-init-done");
    hil_put_line_end();
    put_ready();
}

int main(void)
{
    static char line[HIL_COMMAND_BYTES + 1];

    start();
    for (;;) {
        if (read_command(line)) {
            hil_command(line);
        } else {
            hil_put("e-[command-too-long]");
            hil_put_line_end();
        }
        put_ready();
    }
}
