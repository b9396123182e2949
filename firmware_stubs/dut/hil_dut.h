/* The parts of the DUT program, as they see each other. docs/protocol.md is the specification.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_DUT_H
#define HIL_DUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HIL_PROTOCOL_VERSION 1
#define HIL_COMMAND_BYTES 80
#define HIL_LINE_BYTES 32 /* bytes of data in one line of hex */

/* main.c, called by start-up code */
int main(void);

/* text.c: answers, character by character, without stdio */
void hil_put(const char *text);
void hil_put_u32(uint32_t value);
void hil_put_u64(uint64_t value);
void hil_put_i32(int32_t value);
void hil_put_hex32(uint32_t value);
void hil_put_hex_bytes(const uint8_t *data, uint32_t bytes);
void hil_put_milli(float value); /* like printf's %.3f */
void hil_put_line_end(void);

/* args.c */
bool hil_take_word(const char **text, const char *word);
bool hil_take_u32(const char **text, uint32_t *value);
int hil_hex_digit(char digit); /* -1 if it is none */

/* commands.c */
void hil_command(const char *line);
extern int hil_model_status; /* what hil_model_init returned */

/* infer.c */
void hil_infer(uint32_t runs, uint32_t warmups);
int hil_infer_once(void);              /* without a word; what hil_model_invoke returned */
bool hil_put_model_error(void);        /* says why there is no model to run, if so */
bool hil_put_invoke_error(int status); /* says that an inference failed, if so */
void hil_put_results(void);

/* load.c: all inputs seen as one string of bytes */
uint32_t hil_inputs_bytes(void);
void hil_load_command(const char *arguments);
void hil_direct_command(const char *arguments);
void hil_direct_infer_command(const char *arguments);
void hil_crc_command(void);
void hil_out_command(const char *arguments);
uint32_t hil_crc32(uint32_t crc, const uint8_t *data, uint32_t bytes);

#ifdef HIL_MLPERF_MODEL
/* mlperf.c: a task of MLPerf Tiny. HIL_MLPERF_MODEL is its id, HIL_MLPERF_DATA the hil_dtype of
 * the HIL_MLPERF_ELEMENTS numbers that its runner sends; one stands for
 * HIL_MLPERF_SCALE * (number - HIL_MLPERF_ZERO_POINT). HIL_MLPERF_SCORE: the answer is a score. */
#if HIL_MLPERF_DATA == 0 /* HIL_FLOAT32 */
#define HIL_MLPERF_ELEMENT_BYTES 4u
#else
#define HIL_MLPERF_ELEMENT_BYTES 1u
#endif
void hil_mlperf_take(uint32_t offset, uint8_t byte); /* what was sent, in order */
uint32_t hil_mlperf_crc(void);                       /* of what was sent */
float hil_mlperf_score(void);                        /* mean square of (output - sent) */
float hil_output_value(uint32_t index);              /* infer.c: of the first output */
#endif

/* clock.c: microseconds since reset; poll often enough that the counter does not wrap unseen */
void hil_clock_start(void);
void hil_clock_poll(void);
uint64_t hil_clock_us(void);
bool hil_clock_counts(void);

/* arena.c */
void hil_paint_arena(void);
uint32_t hil_arena_used(void);

/* The rest is given by the port; Cortex-M ports share ports/cortexm. */

/* High-water marks in bytes. A port that does not know them reserves a stack of 0 bytes. */
uint32_t hil_stack_used(void);
uint32_t hil_stack_reserved(void);
uint32_t hil_heap_used(void);

/* Marks around ops and inferences, beside hil_op_begin and hil_op_end of hil_model.h */
void hil_infer_window_begin(void);
void hil_infer_window_end(void);
void hil_marks_clear(void);
void hil_marks_set_total(uint32_t cycles);
uint32_t hil_marks_total(void);
uint32_t hil_marks_cycles(uint32_t index);

/* Ends the line of hil-info with the build id in hex, or without one where the port has none. */
void hil_put_build_id(void);

void hil_provoke_fault(void) __attribute__((noreturn));

/* What start-up code paints the stack with, before anything runs. */
#define HIL_STACK_PAINT 0xC5A3965Cu

#endif
