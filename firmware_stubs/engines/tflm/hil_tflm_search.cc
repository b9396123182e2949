/* The adapter of a firmware that tries arenas: hil-arena builds the interpreter anew in the first
 * BYTES of the arena and reports how much of them is used for what. It allocates as TFLM's default
 * does (the allocator and a greedy planner, both inside the arena), with classes that only observe
 * and have no members, so that every size is the default's.
 *
 * Copyright the hil authors. SPDX-License-Identifier: Apache-2.0
 */
#include <cstring>
#include <new>

#include "hil_tflm.h"
#include "tensorflow/lite/micro/arena_allocator/single_arena_buffer_allocator.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/micro/micro_allocator.h"

namespace {

bool out_of_memory;

/* The arena; notes when it runs out of memory. */
class Arena : public tflite::SingleArenaBufferAllocator {
 public:
    using tflite::SingleArenaBufferAllocator::SingleArenaBufferAllocator;

    uint8_t *AllocatePersistentBuffer(size_t size, size_t alignment) override
    {
        return noted(SingleArenaBufferAllocator::AllocatePersistentBuffer(size, alignment));
    }
    uint8_t *AllocateTemp(size_t size, size_t alignment) override
    {
        return noted(SingleArenaBufferAllocator::AllocateTemp(size, alignment));
    }
    TfLiteStatus ResizeBuffer(uint8_t *buffer, size_t size, size_t alignment) override
    {
        const TfLiteStatus status =
            SingleArenaBufferAllocator::ResizeBuffer(buffer, size, alignment);
        out_of_memory |= status != kTfLiteOk;
        return status;
    }

 private:
    static uint8_t *noted(uint8_t *buffer)
    {
        out_of_memory |= buffer == nullptr;
        return buffer;
    }
    TF_LITE_REMOVE_VIRTUAL_DELETE
};

int buffers;         /* added to the plan: first the tensors, then scratch op by op */
int scratch_time;    /* the op whose scratch is being added */
uint32_t scratch_op; /* bytes of scratch of that op */
uint32_t scratch_peak;

/* The default planner, seen when it is given buffers. */
class Planner : public tflite::GreedyMemoryPlanner {
 public:
    TfLiteStatus AddBuffer(int size, int first_time_used, int last_time_used) override
    {
        note(size, first_time_used);
        return GreedyMemoryPlanner::AddBuffer(size, first_time_used, last_time_used);
    }
    TfLiteStatus AddBuffer(int size, int first_time_used, int last_time_used,
                           int offline_offset) override
    {
        note(size, first_time_used);
        return GreedyMemoryPlanner::AddBuffer(size, first_time_used, last_time_used,
                                              offline_offset);
    }

 private:
    static void note(int size, int time)
    {
        if (buffers++ < hil_tflm::planned_tensors) {
            return;
        }
        scratch_op = time == scratch_time ? scratch_op : 0;
        scratch_time = time;
        scratch_op += static_cast<uint32_t>(size);
        scratch_peak = scratch_op > scratch_peak ? scratch_op : scratch_peak;
    }
    TF_LITE_REMOVE_VIRTUAL_DELETE
};

static_assert(sizeof(Arena) == sizeof(tflite::SingleArenaBufferAllocator), "members change sizes");
static_assert(sizeof(Planner) == sizeof(tflite::GreedyMemoryPlanner), "members change sizes");

alignas(tflite::MicroInterpreter) unsigned char storage[sizeof(tflite::MicroInterpreter)];

tflite::MicroInterpreter &interpreter()
{
    return *reinterpret_cast<tflite::MicroInterpreter *>(storage);
}

/* As SingleArenaBufferAllocator::Create and MicroAllocator::Create do it. Null where they do not fit. */
Arena *arena_of(uint32_t bytes)
{
    Arena first(hil_arena, bytes);
    uint8_t *place = first.AllocatePersistentBuffer(sizeof(Arena), alignof(Arena));

    return place == nullptr ? nullptr : new (place) Arena(first);
}

tflite::MicroAllocator *allocator_in(Arena *arena)
{
    uint8_t *place = arena->AllocatePersistentBuffer(sizeof(Planner), alignof(Planner));

    if (place == nullptr || arena->GetAvailableMemory(alignof(tflite::MicroAllocator)) <
                                sizeof(tflite::MicroAllocator)) {
        out_of_memory = true;
        return nullptr;
    }
    return tflite::MicroAllocator::Create(arena, new (place) Planner());
}

int32_t offset_of(const TfLiteTensor *tensor)
{
    const uint8_t *data = tensor == nullptr ? nullptr : tensor->data.uint8;
    const bool inside = data >= hil_arena && data < hil_arena + hil_arena_bytes;

    return inside ? static_cast<int32_t>(data - hil_arena) : -1;
}

int invoke_with_zeros()
{
    for (uint32_t i = 0; i < hil_input_count; i++) {
        TfLiteTensor *tensor = interpreter().input(i);

        std::memset(tensor->data.data, 0, tensor->bytes);
    }
    hil_tflm::marks.restart();
    return interpreter().Invoke() == kTfLiteOk ? hil_tflm::kOk : hil_tflm::kInvoke;
}

int allocate(uint32_t bytes, hil_arena_report *report)
{
    const tflite::Model *model = tflite::GetModel(hil_tflm::model_data);
    const tflite::MicroOpResolver *resolver = hil_tflm::resolver();

    if (model->version() != TFLITE_SCHEMA_VERSION) {
        return hil_tflm::kSchema;
    }
    if (resolver == nullptr) {
        return hil_tflm::kResolver;
    }
    Arena *arena = arena_of(bytes);
    tflite::MicroAllocator *allocator = arena == nullptr ? nullptr : allocator_in(arena);
    if (allocator == nullptr) {
        return hil_tflm::kAllocate;
    }
    new (storage) tflite::MicroInterpreter(model, *resolver, allocator, nullptr, &hil_tflm::marks);
    if (interpreter().AllocateTensors() != kTfLiteOk) {
        return hil_tflm::kAllocate;
    }
    report->used_bytes = interpreter().arena_used_bytes();
    report->persistent_bytes = arena->GetPersistentUsedBytes();
    report->nonpersistent_bytes = arena->GetNonPersistentUsedBytes();
    report->scratch_bytes = scratch_peak;
    return hil_tflm::kOk;
}

} // namespace

extern "C" void hil_model_arena(uint32_t bytes, int invoke, hil_arena_report *report)
{
    out_of_memory = false;
    buffers = 0;
    scratch_time = -1;
    scratch_op = scratch_peak = 0;
    std::memset(report, 0, sizeof *report);
    report->status =
        bytes > hil_arena_bytes ? static_cast<int>(hil_tflm::kAllocate) : allocate(bytes, report);
    report->out_of_memory = out_of_memory || bytes > hil_arena_bytes;
    if (report->status == hil_tflm::kOk && invoke) {
        report->status = invoke_with_zeros();
    }
}

extern "C" int32_t hil_model_arena_input(uint32_t index)
{
    return offset_of(interpreter().input(index));
}

extern "C" int32_t hil_model_arena_output(uint32_t index)
{
    return offset_of(interpreter().output(index));
}

/* The interpreter is built by hil-arena alone. */
extern "C" int hil_model_init(void)
{
    return 0;
}

extern "C" int hil_model_invoke(void)
{
    return hil_tflm::kInvoke;
}
