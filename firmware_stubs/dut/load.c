/* Inputs and outputs as bytes: loading, checking, printing.
 *
 * The model's inputs, one after the other, are one string of bytes for the host.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"
#include "hil_model.h"

static uint32_t expected; /* bytes of the load that was started */
static uint32_t loaded;

uint32_t hil_inputs_bytes(void)
{
    uint32_t bytes = 0;

    for (uint32_t i = 0; i < hil_input_count; i++) {
        bytes += hil_inputs[i].bytes;
    }
    return bytes;
}

/* Bytes of one load: of MLPerf Tiny's data, whose type may be another, or of the inputs. */
static uint32_t load_bytes_wanted(void)
{
#ifdef HIL_MLPERF_MODEL
    return HIL_MLPERF_ELEMENTS * HIL_MLPERF_ELEMENT_BYTES;
#else
    return hil_inputs_bytes();
#endif
}

/* Where byte `offset` of the string is, and how many bytes follow there without a gap. */
static uint8_t *input_at(uint32_t offset, uint32_t *run)
{
    for (uint32_t i = 0; i < hil_input_count; i++) {
        if (offset < hil_inputs[i].bytes) {
            *run = hil_inputs[i].bytes - offset;
            return (uint8_t *)hil_inputs[i].data + offset;
        }
        offset -= hil_inputs[i].bytes;
    }
    *run = 0;
    return NULL;
}

/* The reflected polynomial 0xEDB88320, four bits at a time: a table of 64 bytes is enough. */
uint32_t hil_crc32(uint32_t crc, const uint8_t *data, uint32_t bytes)
{
    static const uint32_t table[16] = {0x00000000u, 0x1DB71064u, 0x3B6E20C8u, 0x26D930ACu,
                                       0x76DC4190u, 0x6B6B51F4u, 0x4DB26158u, 0x5005713Cu,
                                       0xEDB88320u, 0xF00F9344u, 0xD6D6A3E8u, 0xCB61B38Cu,
                                       0x9B64C2B0u, 0x86D3D2D4u, 0xA00AE278u, 0xBDBDF21Cu};

    crc = ~crc;
    for (uint32_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        crc = crc >> 4 ^ table[crc & 15u];
        crc = crc >> 4 ^ table[crc & 15u];
    }
    return ~crc;
}

static void put_error(const char *error)
{
    hil_put("e-[");
    hil_put(error);
    hil_put("]");
    hil_put_line_end();
}

static void put_load_done(void)
{
    hil_put("m-load-done");
    hil_put_line_end();
}

/* Reads the size of a load; anything but the right one is refused. */
static bool take_size(const char *arguments)
{
    const uint32_t bytes = load_bytes_wanted();
    uint32_t asked;

    if (hil_take_u32(&arguments, &asked) && *arguments == '\0' && asked == bytes) {
        return true;
    }
    hil_put("e-[db-size expected ");
    hil_put_u32(bytes);
    hil_put("]");
    hil_put_line_end();
    return false;
}

static void load_bytes(const char *hex)
{
    uint32_t digits = 0;

    while (hil_hex_digit(hex[digits]) >= 0) {
        digits++;
    }
    if (hex[digits] != '\0' || digits % 2u != 0 || digits == 0) {
        put_error("db-hex");
        return;
    }
    if (digits / 2u > expected - loaded) {
        put_error("db-overflow");
        return;
    }
    for (; *hex != '\0'; hex += 2) {
#ifdef HIL_MLPERF_MODEL
        hil_mlperf_take(loaded++, (uint8_t)(hil_hex_digit(hex[0]) << 4 | hil_hex_digit(hex[1])));
#else
        uint32_t run;
        *input_at(loaded++, &run) = (uint8_t)(hil_hex_digit(hex[0]) << 4 | hil_hex_digit(hex[1]));
#endif
    }
    if (loaded == expected) {
        put_load_done();
    }
}

/* Bytes of the inputs that the load has reached. */
static uint32_t loaded_inputs(void)
{
#ifdef HIL_MLPERF_MODEL
    return (uint32_t)((uint64_t)loaded * hil_inputs_bytes() / load_bytes_wanted());
#else
    return loaded;
#endif
}

static void print_loaded(void)
{
    uint32_t offset = 0;

    while (offset < loaded_inputs()) {
        const uint32_t left = loaded_inputs() - offset;
        uint32_t room = left < HIL_LINE_BYTES ? left : HIL_LINE_BYTES;

        hil_put("m-buffer-");
        while (room > 0) {
            uint32_t run;
            const uint8_t *data = input_at(offset, &run);

            run = run < room ? run : room;
            hil_put_hex_bytes(data, run);
            offset += run;
            room -= run;
        }
        hil_put_line_end();
    }
}

void hil_load_command(const char *arguments)
{
    const char *rest = arguments;

    if (hil_take_word(&rest, "print") && *rest == '\0') {
        print_loaded();
    } else if (hil_take_word(&rest, "load")) {
        if (take_size(rest)) {
            expected = load_bytes_wanted();
            loaded = 0;
        }
    } else {
        load_bytes(arguments);
    }
}

#ifndef HIL_MLPERF_MODEL
void hil_direct_command(const char *arguments)
{
    if (take_size(arguments)) {
        expected = hil_inputs_bytes();
        loaded = expected;
        put_load_done();
    }
}
#endif

/* CRC-32 of what is loaded, as it is in the inputs now (of MLPerf Tiny's data: as it arrived). */
static uint32_t loaded_crc(void)
{
#ifdef HIL_MLPERF_MODEL
    return hil_mlperf_crc();
#else
    uint32_t crc = 0;
    uint32_t run;

    for (uint32_t offset = 0; offset < loaded; offset += run) {
        const uint8_t *data = input_at(offset, &run);

        run = run < loaded - offset ? run : loaded - offset;
        crc = hil_crc32(crc, data, run);
    }
    return crc;
#endif
}

#ifndef HIL_MLPERF_MODEL
/* CRC-32 of all outputs, one after the other. */
static uint32_t outputs_crc(void)
{
    uint32_t crc = 0;

    for (uint32_t i = 0; i < hil_output_count; i++) {
        crc = hil_crc32(crc, hil_outputs[i].data, hil_outputs[i].bytes);
    }
    return crc;
}

/* One inference for a debugger that has written the inputs and will read the outputs itself. */
void hil_direct_infer_command(const char *arguments)
{
    uint32_t inputs_crc;

    if (hil_put_model_error() || !take_size(arguments)) {
        return;
    }
    expected = hil_inputs_bytes();
    loaded = expected;
    inputs_crc = loaded_crc();
    if (hil_put_invoke_error(hil_infer_once())) {
        return;
    }
    hil_put("m-hil-infer-[");
    hil_put_u32(loaded);
    hil_put(",");
    hil_put_hex32(inputs_crc);
    hil_put(",");
    hil_put_hex32(outputs_crc());
    hil_put("]");
    hil_put_line_end();
}

#endif

void hil_crc_command(void)
{
    hil_put("m-hil-crc-[");
    hil_put_u32(loaded);
    hil_put(",");
    hil_put_hex32(loaded_crc());
    hil_put("]");
    hil_put_line_end();
}

static void put_output_line(uint32_t index, uint32_t offset)
{
    const uint32_t left = hil_outputs[index].bytes - offset;

    hil_put("m-hil-out-[");
    hil_put_u32(index);
    hil_put(",");
    hil_put_u32(offset);
    hil_put(",");
    hil_put_hex_bytes((const uint8_t *)hil_outputs[index].data + offset,
                      left < HIL_LINE_BYTES ? left : HIL_LINE_BYTES);
    hil_put("]");
    hil_put_line_end();
}

void hil_out_command(const char *arguments)
{
    uint32_t index;

    if (!hil_take_u32(&arguments, &index) || *arguments != '\0' || index >= hil_output_count) {
        put_error("bad-argument hil-out");
        return;
    }
    for (uint32_t offset = 0; offset < hil_outputs[index].bytes; offset += HIL_LINE_BYTES) {
        put_output_line(index, offset);
    }
    hil_put("m-hil-outcrc-[");
    hil_put_u32(index);
    hil_put(",");
    hil_put_u32(hil_outputs[index].bytes);
    hil_put(",");
    hil_put_hex32(hil_crc32(0, hil_outputs[index].data, hil_outputs[index].bytes));
    hil_put("]");
    hil_put_line_end();
}
