"""What a target returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hil.records.arrays import Array
from hil.records.firmware import Platform
from hil.records.recording import MeteredRun


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
    """What the DUT observed: high-water marks in bytes since reset.

    A port that runs on another stack than the chip's has None for stack and heap.
    """

    stack_bytes: int | None
    stack_reserved_bytes: int | None
    heap_bytes: int | None
    arena_bytes: int


@dataclass(frozen=True)
class Inference:
    """One inference on the device: its outputs, and what the target observed of its execution.

    ``profile`` is an emulator's; ``cycles`` and ``op_cycles`` come from the cycle counter of
    silicon. Each is None where the target has no such thing.
    """

    outputs: tuple[Array, ...]
    profile: BlockProfile | None = None
    cycles: int | None = None
    op_cycles: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Trace:
    """Everything that a target returns for one session with the DUT.

    ``facts`` are for the run's provenance, such as a board's port and flasher. ``metered`` is what
    an energy meter recorded of further inferences, None where none was asked to.
    """

    platform: Platform
    transcript: str
    inferences: tuple[Inference, ...]
    memory: MemoryWatermarks
    tool: str  # version line of what ran the firmware
    command: tuple[str, ...]  # its command line
    load_path: str  # "protocol" or "direct"
    load_retries: int
    wall_s: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    metered: MeteredRun | None = None


@dataclass(frozen=True)
class RegionTrace:
    """What a program did between two functions.

    ``windows`` are the recorded passes, in order; everything in them is region 0. ``output`` is
    what the program printed (the first MiB). ``exit_code`` is the program's, None where it was
    stopped first because all windows were recorded.
    """

    windows: tuple[BlockProfile, ...]
    tool: str
    command: tuple[str, ...]
    output: bytes
    exit_code: int | None
    wall_s: float
