/* What an engine gives to the DUT program. One model per firmware.
 *
 * The engine's library defines everything below; dut/ calls it and knows nothing else about it.
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_MODEL_H
#define HIL_MODEL_H

#include <stdint.h>

typedef enum {
    HIL_FLOAT32 = 0,
    HIL_INT8 = 1,
    HIL_UINT8 = 2,
    HIL_INT16 = 3,
    HIL_INT32 = 4,
    HIL_INT64 = 5,
    HIL_BOOL = 6
} hil_dtype;

typedef struct {
    void *data; /* where the tensor lives (in the arena) */
    uint32_t bytes;
    uint8_t dtype; /* hil_dtype */
    float scale;   /* real = scale * (q - zero_point); scale 0 where not quantized */
    int32_t zero_point;
} hil_io;

extern const char hil_engine_name[]; /* "aot" */
extern const char hil_model_id[];    /* first 16 hex digits of the model file's sha256 */
extern const uint16_t hil_op_count;  /* regions marked by hil_op_begin/hil_op_end */

extern const uint8_t hil_input_count;
extern const hil_io hil_inputs[];
extern const uint8_t hil_output_count;
extern const hil_io hil_outputs[];

/* The arena, so that the DUT can paint it and read its watermark. */
extern uint8_t *const hil_arena;
extern const uint32_t hil_arena_bytes;

/* Once after reset. 0, or a code that the DUT reports as e-[model-init CODE]. */
int hil_model_init(void);

/* One inference: reads the inputs in place, leaves the outputs in place. Inputs may be overwritten.
 * Calls hil_op_begin(i) and hil_op_end(i) around op i, 0 <= i < hil_op_count, in execution order.
 * 0, or a code that the DUT reports as e-[invoke CODE]. */
int hil_model_invoke(void);

/* Only of models with state (HIL_STATE_BYTES): as before the first inference. */
void hil_model_reset(void);

/* Only of engines that find their arena by running (HIL_ARENA_SEARCH), in the firmware that does. */
typedef struct {
    int status;                   /* 0, or a code of the engine's */
    uint32_t out_of_memory;       /* 1: the arena was too small; other failures have other causes */
    uint32_t used_bytes;          /* of the arena, as the engine counts them */
    uint32_t persistent_bytes;    /* kept for as long as the model is loaded */
    uint32_t nonpersistent_bytes; /* tensors and scratch, which share memory over time */
    uint32_t scratch_bytes;       /* of these, the most that one op has as scratch */
} hil_arena_report;

/* Prepares the model in the first `bytes` of the arena and, if `invoke`, runs it on zeros. */
void hil_model_arena(uint32_t bytes, int invoke, hil_arena_report *report);
/* Where a tensor then is in the arena; -1 for one outside the arena. */
int32_t hil_model_arena_input(uint32_t index);
int32_t hil_model_arena_output(uint32_t index);

/* Given by the port. On a Cortex-M each index has an address of its own in the mark sled, where an
 * emulator's profiler sees it pass; on silicon the cycle counter is read. Cost: see docs/protocol.md. */
void hil_op_begin(uint32_t index);
void hil_op_end(uint32_t index);

#endif
