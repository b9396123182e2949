"""An engine of forty lines for tests of firmware and targets: no model file, predictable outputs.

Two inputs, int8 ``n`` and int32 ``1``; two outputs, int8 ``n`` (each byte plus the int32, wrapping,
reversed) and int32 ``3`` (sum of the bytes, the int32, inferences so far). Three ops. The int32
chooses mischief: ``SPIN`` never returns, ``FAULT`` writes where no memory is, ``FAIL`` returns -7.
"""

from __future__ import annotations

import numpy as np
from hil.engines.interface import Role
from hil.records import Array, EngineSources, MemoryPlan, Placement
from hil.tflite.model import Model

SPIN, FAULT, FAIL = 1_000_001, 1_000_002, 1_000_003

_MODEL = """
#include "hil_model.h"

#define N {n}u
static union {{ int32_t align; uint8_t bytes[2u * N + 16u]; }} arena;
static int32_t invocations;

const char hil_engine_name[] = "tiny";
const char hil_model_id[] = "0123456789abcdef";
const uint16_t hil_op_count = 3;
const uint8_t hil_input_count = 2;
const uint8_t hil_output_count = 2;
#define BYTES_IN (arena.bytes + 4)
#define BYTES_OUT (arena.bytes + 16 + N)
const hil_io hil_inputs[] = {{
    {{arena.bytes + 4, N, HIL_INT8, 0.5f, 0}},
    {{arena.bytes, 4, HIL_INT32, 0.0f, 0}},
}};
const hil_io hil_outputs[] = {{
    {{arena.bytes + 16 + N, N, HIL_INT8, 0.5f, 0}},
    {{arena.bytes + 4 + N, 12, HIL_INT32, 0.0f, 0}},
}};
uint8_t *const hil_arena = arena.bytes;
const uint32_t hil_arena_bytes = sizeof arena.bytes;

int hil_model_init(void) {{ return {init}; }}

__attribute__((noinline)) void tiny_mischief(int32_t kind)
{{
    if (kind == {spin})
        for (;;)
            __asm__ volatile("");
    if (kind == {fault})
        *(volatile uint32_t *)0xF0000000u = 1;
}}

int hil_model_invoke(void)
{{
    const int8_t *in = (const int8_t *)BYTES_IN;
    int8_t *out = (int8_t *)BYTES_OUT;
    int32_t *sums = (int32_t *)(void *)(arena.bytes + 4 + N);
    const int32_t add = *(int32_t *)(void *)arena.bytes;
    int32_t sum = 0;

    tiny_mischief(add);
    if (add == {fail})
        return -7;
    hil_op_begin(0);
    for (uint32_t i = 0; i < N; i++)
        out[N - 1u - i] = (int8_t)(uint8_t)((uint32_t)in[i] + (uint32_t)add);
    hil_op_end(0);
    hil_op_begin(1);
    for (uint32_t i = 0; i < N; i++)
        if (in[i] != 0)
            sum += in[i];
    hil_op_end(1);
    hil_op_begin(2);
    sums[0] = sum;
    sums[1] = add;
    sums[2] = ++invocations;
    hil_op_end(2);
    return 0;
}}
"""


def tiny_sources(n: int = 64, *, init: int = 0) -> EngineSources:
    """The engine's sources; ``n`` (a multiple of 4) bytes go in, ``init`` is the init code."""
    assert n % 4 == 0
    text = _MODEL.format(n=n, init=init, spin=SPIN, fault=FAULT, fail=FAIL)
    size = 2 * n + 16
    return EngineSources(
        engine="tiny",
        engine_version="1",
        files={"tiny_model.c": text},
        kernels=(),
        include_dirs=(),
        plan=MemoryPlan(size, (Placement("arena", None, 0, size, -1, 3),), 0),
        weights_bytes=0,
        tables_bytes=0,
    )


class TinyEngine:
    """The sources as an engine; the model only says how many bytes go in."""

    name = "tiny"
    title = "Tiny engine"
    version = "1"
    role: Role = "candidate"

    def sources(self, model: Model) -> EngineSources:
        """Return the sources for a model with one input."""
        return tiny_sources(model.graph.tensors[model.graph.inputs[0]].nbytes)


def tiny_specs(n: int = 64) -> list[tuple[tuple[int, ...], str]]:
    """Shapes and dtypes of the outputs."""
    return [((1, n), "int8"), ((3,), "int32")]


def tiny_inputs(seed: int, n: int = 64, add: int = 3) -> tuple[Array, Array]:
    """One pair of inputs; equal seeds give equal bytes."""
    data = np.random.default_rng(seed).integers(-128, 128, n, dtype=np.int8)
    return data.reshape(1, n), np.array([add], np.int32)


def tiny_outputs(inputs: tuple[Array, Array], invocation: int) -> tuple[Array, Array]:
    """What the device must answer at its ``invocation``-th inference since reset (from 1)."""
    data, add = inputs[0].reshape(-1), int(inputs[1][0])
    moved = ((data.astype(np.int64) + add) & 0xFF).astype(np.uint8).view(np.int8)[::-1]
    sums = np.array([data.astype(np.int64).sum(), add, invocation], np.int32)
    return moved.reshape(1, -1), sums
