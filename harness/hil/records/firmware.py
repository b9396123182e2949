"""What an engine generates from a model, the platform it runs on, and the ELF."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Placement:
    """One buffer in the arena: ``offset`` and ``size`` in bytes, alive from op to op (inclusive).

    ``first_op`` is -1 for a graph input, ``last_op`` is the op count for a graph output.
    Buffers that share memory on purpose (in-place ops) carry the same ``offset``.
    """

    name: str
    tensor: int | None  # tensor index in the graph; None for scratch
    offset: int
    size: int
    first_op: int
    last_op: int


@dataclass(frozen=True)
class MemoryPlan:
    """Arena layout planned ahead of time. ``peak_op`` is the op at which the arena is fullest."""

    arena_bytes: int
    placements: tuple[Placement, ...]
    peak_op: int


@dataclass(frozen=True)
class ExternalCode:
    """A prebuilt library that an engine's sources call.

    ``library`` and ``include_dirs`` are absolute; ``sha256`` covers the library and the relevant
    headers. ``core`` is the only core of device profiles that it is for. ``defines`` (``NAME``
    or ``NAME=VALUE``) are those that its headers need.
    """

    library: Path
    include_dirs: tuple[Path, ...]
    sha256: str
    core: str
    defines: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArenaUse:
    """The smallest arena in which a model runs, found by running it, and its parts in bytes.

    ``persistent_bytes`` are kept while the model is loaded; tensors and scratch share the
    ``nonpersistent_bytes`` over time, ``scratch_bytes`` of which one op has as scratch at most.
    Offsets of inputs and outputs are from the arena's start.
    """

    arena_bytes: int
    used_bytes: int
    persistent_bytes: int
    nonpersistent_bytes: int
    scratch_bytes: int
    input_offsets: tuple[int, ...]
    output_offsets: tuple[int, ...]


@dataclass(frozen=True)
class EngineSources:
    """What an engine generates from a model: generated files, kernel files and the memory plan.

    ``files`` maps a relative file name to its text; ``kernels`` are paths below
    ``firmware_stubs``; both are compiled into the engine library. ``weights_bytes`` counts
    constant tensors, ``tables_bytes`` constant tables the engine adds (requantization, LUTs).
    ``runtime_defines`` are for the DUT program. ``op_count`` is the number of the file's ops,
    needed where the plan has no placements or ops are folded. ``details`` go into a run's
    provenance. ``folded`` are the indices of ops whose results are among the constants: they do
    not run.
    """

    engine: str
    engine_version: str
    files: Mapping[str, str]
    kernels: tuple[str, ...]
    include_dirs: tuple[str, ...]
    plan: MemoryPlan
    weights_bytes: int
    tables_bytes: int
    external: ExternalCode | None = None
    runtime_defines: tuple[str, ...] = ()
    op_count: int = 0
    details: Mapping[str, str] = field(default_factory=dict)
    folded: tuple[int, ...] = ()


@dataclass(frozen=True)
class MemoryRegion:
    """A contiguous memory as the linker sees it."""

    origin: int
    size: int


@dataclass(frozen=True)
class Platform:
    """What a firmware runs on: an emulator's machine, the board itself or this computer.

    ``exact`` is true where the machine is the profile's own chip; otherwise ``note`` names the
    substitute. ``port`` names a folder in ``firmware_stubs/ports``; ``machine`` is the target's
    name for it. ``defines`` are passed to the port's C code. ``time`` says how times and high-water
    marks arise there; None where the target has no time of the chip. ``attached`` is true where the
    machine is a device attached to this computer: it serves one session at a time and counts its
    cycles itself. ``baud`` is the rate of its serial port, None for the profile's; ``meter`` is the
    name of the energy meter that records it, None without one.
    """

    target: str  # its name in the registry of targets
    machine: str
    port: str
    core: str  # "cortex-m4f", ...
    flash: MemoryRegion
    ram: MemoryRegion
    clock_hz: int
    exact: bool
    note: str = ""
    defines: Mapping[str, str] = field(default_factory=dict)
    time: Literal["measured", "modelled"] | None = "modelled"
    attached: bool = False
    baud: int | None = None
    meter: str | None = None


@dataclass(frozen=True)
class Symbol:
    """A function or object of the ELF; ``address`` without the Thumb bit."""

    name: str
    address: int
    size: int
    section: str


@dataclass(frozen=True)
class Firmware:
    """A linked ELF with its sizes by owner.

    ``flash_by_owner`` has the keys ``code`` (engine), ``weights``, ``tables`` and ``runtime``;
    ``ram_by_owner`` has ``arena``, ``static``, ``stack_reserved`` and ``heap_reserved``.
    All in bytes. An ELF for another machine than the chip has only what both have alike:
    ``weights``, ``tables`` and ``arena``.
    """

    elf: Path
    sha256: str
    flash_by_owner: Mapping[str, int]
    ram_by_owner: Mapping[str, int]
    build_command: str
    compiler: str  # version line
    flags: str
    cached: bool
