"""What a target gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from hil.records.firmware import Platform

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BlockProfile:
    """Execution counts of one window (one inference), exact and repeatable.

    Parallel arrays, one row per (translation block, region): ``start`` and ``end`` are byte
    addresses (``end`` exclusive), ``region`` is the op index or ``n_regions`` for code between
    ops, ``executed`` how often the block ran, ``taken`` how often the next block was not the
    fall-through.

    Where flash caches were simulated, reads that the flash had to serve, parallel to the others
    (else None): instruction fetches after a jump (``line_misses``), fetches of code that follows
    what ran before (``sequential_misses``), and loads of data (``data_misses``).
    """

    start: Array
    end: Array
    region: Array
    executed: Array
    taken: Array
    n_regions: int
    instructions: int
    line_misses: Array | None = None
    sequential_misses: Array | None = None
    data_misses: Array | None = None


@dataclass(frozen=True)
class MemoryWatermarks:
    """What the DUT observed: high-water marks in bytes since reset."""

    stack_bytes: int
    stack_reserved_bytes: int
    heap_bytes: int
    arena_bytes: int


@dataclass(frozen=True)
class Inference:
    """One inference on the device: outputs as raw tensors and, on silicon, its counters.

    ``cycles`` and ``op_cycles`` come from the device's cycle counter; None in emulation.
    ``profile`` is the emulator's; None on silicon.
    """

    outputs: tuple[Array, ...]
    profile: BlockProfile | None = None
    cycles: int | None = None
    op_cycles: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Trace:
    """Everything that a target gives back for one session with the DUT."""

    platform: Platform
    transcript: str
    inferences: tuple[Inference, ...]
    memory: MemoryWatermarks
    tool: str  # e.g. "QEMU emulator version 10.0.2 (...)"
    command: tuple[str, ...]
    load_path: str  # "protocol" or "direct"
    load_retries: int
    wall_s: float
