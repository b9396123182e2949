/* The commands, by name. docs/protocol.md is the specification.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include "hil_dut.h"
#include "hil_model.h"
#include "hil_port.h"

#ifdef HIL_MLPERF_MODEL
#define TEXT_OF(name) #name
#define TEXT(name) TEXT_OF(name)
#define MODEL_ID TEXT(HIL_MLPERF_MODEL)
#else
#define MODEL_ID hil_model_id
#endif

int hil_model_status;

static void put_pair(const char *name, uint32_t value)
{
    hil_put(name);
    hil_put_u32(value);
}

static void name_command(const char *arguments)
{
    (void)arguments;
    hil_put("m-name-dut-[hil-");
    hil_put(hil_port_name);
    hil_put("]");
    hil_put_line_end();
}

static void profile_command(const char *arguments)
{
    (void)arguments;
    hil_put("m-profile-[ULPMark for tinyML Firmware V0.0.1]");
    hil_put_line_end();
    hil_put("m-model-[");
    hil_put(MODEL_ID);
    hil_put("]");
    hil_put_line_end();
}

static void timestamp_command(const char *arguments)
{
    (void)arguments;
    hil_put("m-lap-us-");
    hil_put_u64(hil_clock_us());
    hil_put_line_end();
}

static void infer_command(const char *arguments)
{
    uint32_t runs;
    uint32_t warmups = 0;

    if (!hil_take_u32(&arguments, &runs) || runs == 0 ||
        (*arguments != '\0' && !hil_take_u32(&arguments, &warmups)) || *arguments != '\0') {
        hil_put("e-[bad-argument infer]");
        hil_put_line_end();
    } else if (!hil_put_model_error()) {
        hil_infer(runs, warmups);
    }
}

static void put_tensors(const char *name, const hil_io *tensors, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        hil_put(name);
        hil_put_u32(i);
        hil_put(",0x");
        hil_put_hex32((uint32_t)(uintptr_t)tensors[i].data);
        put_pair(",", tensors[i].bytes);
        put_pair(",", tensors[i].dtype);
        hil_put("]");
        hil_put_line_end();
    }
}

static void info_command(const char *arguments)
{
    (void)arguments;
    put_pair("m-hil-info-[version=", HIL_PROTOCOL_VERSION);
    hil_put(",engine=");
    hil_put(hil_engine_name);
    hil_put(",model=");
    hil_put(hil_model_id);
    put_pair(",ops=", hil_op_count);
    hil_put(",port=");
    hil_put(hil_port_name);
    hil_put(",core=" HIL_CORE);
    put_pair(",clock=", hil_port_clock_hz());
    put_pair(",counter=", hil_clock_counts());
    put_pair(",arena=", hil_arena_bytes);
#ifdef HIL_STATE_BYTES
    put_pair(",state=", HIL_STATE_BYTES);
#endif
    hil_put(",build=");
    hil_put_build_id();
    put_tensors("m-hil-input-[", hil_inputs, hil_input_count);
    put_tensors("m-hil-output-[", hil_outputs, hil_output_count);
}

static void crc_command(const char *arguments)
{
    (void)arguments;
    hil_crc_command();
}

static void mem_command(const char *arguments)
{
    (void)arguments;
    put_pair("m-hil-mem-[stack=", hil_stack_used());
    put_pair(",stack_size=", hil_stack_reserved());
    put_pair(",heap=", hil_heap_used());
    put_pair(",arena=", hil_arena_used());
    hil_put("]");
    hil_put_line_end();
}

static void marks_command(const char *arguments)
{
    (void)arguments;
    put_pair("m-hil-cycles-[", hil_marks_total());
    hil_put("]");
    hil_put_line_end();
    for (uint32_t i = 0; i < hil_op_count; i++) {
        put_pair("m-hil-op-[", i);
        put_pair(",", hil_marks_cycles(i));
        hil_put("]");
        hil_put_line_end();
    }
}

#ifdef HIL_ARENA_SEARCH
static void put_offsets(const char *name, uint32_t count, int32_t (*offset_of)(uint32_t))
{
    for (uint32_t i = 0; i < count; i++) {
        put_pair(name, i);
        hil_put(",");
        hil_put_i32(offset_of(i));
        hil_put("]");
        hil_put_line_end();
    }
}

static void arena_command(const char *arguments)
{
    hil_arena_report report;
    uint32_t bytes;
    uint32_t invoke;

    if (!hil_take_u32(&arguments, &bytes) || !hil_take_u32(&arguments, &invoke) ||
        *arguments != '\0') {
        hil_put("e-[bad-argument hil-arena]");
        hil_put_line_end();
        return;
    }
    hil_model_arena(bytes, invoke != 0, &report);
    hil_put("m-hil-arena-[status=");
    hil_put_i32(report.status);
    put_pair(",out_of_memory=", report.out_of_memory);
    put_pair(",used=", report.used_bytes);
    put_pair(",persistent=", report.persistent_bytes);
    put_pair(",nonpersistent=", report.nonpersistent_bytes);
    put_pair(",scratch=", report.scratch_bytes);
    hil_put("]");
    hil_put_line_end();
    if (report.status == 0) {
        put_offsets("m-hil-arena-input-[", hil_input_count, hil_model_arena_input);
        put_offsets("m-hil-arena-output-[", hil_output_count, hil_model_arena_output);
    }
}
#endif

#ifdef HIL_STATE_BYTES
static void reset_command(const char *arguments)
{
    (void)arguments;
    hil_model_reset();
    put_pair("m-hil-reset-[", HIL_STATE_BYTES);
    hil_put("]");
    hil_put_line_end();
}
#endif

static void fault_command(const char *arguments)
{
    (void)arguments;
    hil_provoke_fault();
}

static const struct {
    const char *name;
    void (*run)(const char *arguments);
} commands[] = {
    {"name", name_command},
    {"profile", profile_command},
    {"timestamp", timestamp_command},
    {"db", hil_load_command},
    {"infer", infer_command},
    {"hil-info", info_command},
#ifndef HIL_MLPERF_MODEL /* what is sent differs from what is in the input */
    {"hil-direct", hil_direct_command},
    {"hil-infer", hil_direct_infer_command},
#endif
    {"hil-crc", crc_command},
    {"hil-out", hil_out_command},
    {"hil-mem", mem_command},
    {"hil-marks", marks_command},
    {"hil-fault", fault_command},
#ifdef HIL_ARENA_SEARCH
    {"hil-arena", arena_command},
#endif
#ifdef HIL_STATE_BYTES
    {"hil-reset", reset_command},
#endif
};

static void put_unknown(const char *name)
{
    hil_put("e-[unknown-command ");
    while (*name != ' ' && *name != '\0') {
        hil_port_putc((uint8_t)*name++);
    }
    hil_put("]");
    hil_put_line_end();
}

void hil_command(const char *line)
{
    if (*line == '\0') {
        return; /* a lone '%' asks only for m-ready */
    }
    for (uint32_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const char *arguments = line;

        if (hil_take_word(&arguments, commands[i].name)) {
            commands[i].run(arguments);
            return;
        }
    }
    put_unknown(line);
}
