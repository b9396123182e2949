/* The adapter of a finished firmware: TFLM's interpreter as any application uses it, with an arena
 * of the size that the search found. The tables of inputs and outputs are constants; that every
 * tensor has the address that they state is checked once, after reset.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <new>

#include "hil_tflm.h"

namespace {

alignas(tflite::MicroInterpreter) unsigned char storage[sizeof(tflite::MicroInterpreter)];

tflite::MicroInterpreter &interpreter()
{
    return *reinterpret_cast<tflite::MicroInterpreter *>(storage);
}

bool is_in_place(const TfLiteTensor *tensor, const hil_io &expected)
{
    return tensor != nullptr && tensor->data.data == expected.data &&
           tensor->bytes == expected.bytes;
}

bool all_in_place()
{
    for (uint32_t i = 0; i < hil_input_count; i++) {
        if (!is_in_place(interpreter().input(i), hil_inputs[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < hil_output_count; i++) {
        if (!is_in_place(interpreter().output(i), hil_outputs[i])) {
            return false;
        }
    }
    return true;
}

} // namespace

extern "C" int hil_model_init(void)
{
    const tflite::Model *model = tflite::GetModel(hil_tflm::model_data);
    const tflite::MicroOpResolver *resolver = hil_tflm::resolver();

    if (model->version() != TFLITE_SCHEMA_VERSION) {
        return hil_tflm::kSchema;
    }
    if (resolver == nullptr) {
        return hil_tflm::kResolver;
    }
    new (storage) tflite::MicroInterpreter(model, *resolver, hil_arena, hil_arena_bytes, nullptr,
                                           &hil_tflm::marks);
    if (interpreter().AllocateTensors() != kTfLiteOk) {
        return hil_tflm::kAllocate;
    }
    return all_in_place() ? hil_tflm::kOk : hil_tflm::kPlacement;
}

extern "C" int hil_model_invoke(void)
{
    hil_tflm::marks.restart();
    return interpreter().Invoke();
}
