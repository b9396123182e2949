"""Records to measure: two ops, a profile without wait states, a trace around given windows."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from hil import devices
from hil.devices import Flash, Profile
from hil.records import (
    BlockProfile,
    Firmware,
    Inference,
    MemoryRegion,
    MemoryWatermarks,
    Platform,
    Trace,
)
from hil.tflite.graph import Graph, Op, Tensor


def profile(**flash: object) -> Profile:
    """The stm32l4 profile with another flash; without arguments one that never waits."""
    known = devices.load("stm32l4")
    changed = {**known.flash.model_dump(), "wait_states": 0, **flash}
    return known.model_copy(update={"flash": Flash(**changed)})


def graph(weights: int = 100, macs: int = 1000) -> Graph:
    data = np.zeros(weights, dtype=np.int8)
    tensors = (
        Tensor(0, "in", (10,), "int8", None, None),
        Tensor(1, "weights", (weights,), "int8", None, data),
        Tensor(2, "middle", (10,), "int8", None, None),
        Tensor(3, "out", (10,), "int8", None, None),
    )
    ops = (
        Op(0, "FULLY_CONNECTED", 1, (0, 1, -1), (2,), {}, macs),
        Op(1, "RELU", 1, (2,), (3,), {}, 0),
    )
    return Graph("two", tensors, ops, (0,), (3,), "")


def blocks(*rows: tuple[int, int, int, int, int], regions: int = 2) -> BlockProfile:
    """Rows of (start, end, region, executed, taken)."""
    columns = np.array(rows, dtype=np.int64).reshape(len(rows), 5).T
    return BlockProfile(*columns, n_regions=regions, instructions=0)


def platform(
    target: str = "qemu",
    clock_hz: int = 25_000_000,
    note: str = "",
    time: Literal["measured", "modelled"] | None = "modelled",
) -> Platform:
    memory = MemoryRegion(0, 4 << 20)
    return Platform(
        target=target,
        machine="machine",
        port="mps2",
        core="cortex-m4f",
        flash=memory,
        ram=memory,
        clock_hz=clock_hz,
        exact=not note,
        note=note,
        time=time,
    )


def firmware(elf: Path) -> Firmware:
    flash = {"code": 1000, "weights": 2000, "tables": 300, "runtime": 40}
    ram = {"arena": 5000, "static": 600, "stack_reserved": 4096}
    return Firmware(elf, "0" * 64, flash, ram, "cmake", "gcc", "-O2", False)


def trace(*inferences: Inference, on: Platform | None = None) -> Trace:
    marks = MemoryWatermarks(
        stack_bytes=520, stack_reserved_bytes=4096, heap_bytes=16, arena_bytes=1
    )
    return Trace(on or platform(), "", inferences, marks, "QEMU", (), "protocol", 0, 0.1)
