/* TensorFlow Lite Micro as an engine of the DUT: what generated code and the adapter see of each
 * other. The library itself is the user's; nothing of it lies here.
 *
 * hil_tflm_run.cc     the adapter of a finished firmware: an arena of a known size
 * hil_tflm_search.cc  the adapter of a firmware that tries arenas of any size (hil-arena)
 * hil_tflm_common.cc  what both need: marks, messages, the C++ runtime that is left
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#ifndef HIL_TFLM_H
#define HIL_TFLM_H

#include <cstddef>
#include <cstdint>

#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tensorflow/lite/micro/micro_profiler_interface.h"
#include "tensorflow/lite/schema/schema_generated.h"

extern "C" {
#include "hil_model.h"
}

namespace hil_tflm {

/* What hil_model_init returns where it fails; TFLM's own message is in m-hil-log before it. */
enum Status : int {
    kOk = 0,
    kSchema = 1,    /* the model's schema version is not the library's */
    kResolver = 2,  /* an op could not be registered */
    kAllocate = 3,  /* AllocateTensors failed */
    kPlacement = 4, /* a tensor is not where the search found it */
    kInvoke = 5     /* Invoke failed (hil-arena only) */
};

/* Of the generated model.cc: the .tflite file, a resolver with the model's ops (null where one
 * could not be added), and how many tensors TFLM has to plan. */
extern const unsigned char *const model_data;
const tflite::MicroOpResolver *resolver();
extern const int planned_tensors;

/* Marks the ops of the model's graph, in execution order; inner events of a kernel are its own. */
class OpMarks : public tflite::MicroProfilerInterface {
 public:
    void restart() { op_ = depth_ = 0; }
    uint32_t BeginEvent(const char *tag) override;
    void EndEvent(uint32_t event) override;

 private:
    uint32_t op_ = 0;
    uint32_t depth_ = 0;
    TF_LITE_REMOVE_VIRTUAL_DELETE
};

extern OpMarks marks;

} // namespace hil_tflm

#endif
