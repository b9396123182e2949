/* The DUT program as a process: the protocol on file descriptor 0, which is a terminal in raw mode.
 *
 * There is no cycle counter, no stack or heap of its own, and nothing to mark. A fault ends the
 * process by a signal; the parent reports the signal.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <stdlib.h>
#include <unistd.h>

#include "hil_dut.h"
#include "hil_model.h"
#include "hil_port.h"

#define TERMINAL 0

const char hil_port_name[] = "host";

static uint8_t received[4096];
static size_t received_at, received_end;
static uint8_t unsent[4096];
static size_t unsent_bytes;

static void flush(void)
{
    for (size_t done = 0; done < unsent_bytes;) {
        const ssize_t count = write(TERMINAL, unsent + done, unsent_bytes - done);

        if (count <= 0) {
            _exit(EXIT_SUCCESS); /* the other end is gone */
        }
        done += (size_t)count;
    }
    unsent_bytes = 0;
}

void hil_port_init(void)
{
}

uint32_t hil_port_clock_hz(void)
{
    return 1; /* of no meaning; the number of microseconds is divided by it */
}

int hil_port_getc(void)
{
    if (received_at == received_end) {
        const ssize_t count = read(TERMINAL, received, sizeof received);

        if (count <= 0) {
            _exit(EXIT_SUCCESS);
        }
        received_at = 0;
        received_end = (size_t)count;
    }
    return received[received_at++];
}

void hil_port_putc(uint8_t byte)
{
    unsent[unsent_bytes++] = byte;
    if (byte == '\n' || unsent_bytes == sizeof unsent) {
        flush();
    }
}

void hil_port_window(int open)
{
    (void)open;
}

void hil_port_cycles_start(void)
{
}

uint32_t hil_port_cycles(void)
{
    return 0;
}

void hil_put_build_id(void)
{
    hil_put("]");
    hil_put_line_end();
}

uint32_t hil_stack_used(void)
{
    return 0;
}

uint32_t hil_stack_reserved(void)
{
    return 0;
}

uint32_t hil_heap_used(void)
{
    return 0;
}

void hil_infer_window_begin(void)
{
}

void hil_infer_window_end(void)
{
}

void hil_op_begin(uint32_t index)
{
    (void)index;
}

void hil_op_end(uint32_t index)
{
    (void)index;
}

void hil_marks_clear(void)
{
}

void hil_marks_set_total(uint32_t cycles)
{
    (void)cycles;
}

uint32_t hil_marks_total(void)
{
    return 0;
}

uint32_t hil_marks_cycles(uint32_t index)
{
    (void)index;
    return 0;
}

void hil_provoke_fault(void)
{
    abort();
}
