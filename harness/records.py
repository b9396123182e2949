"""Plain frozen dataclasses that flow between rooms. This module imports nothing of the project.

The order of the classes is the order of the spine: variant, sources, plan, platform, firmware,
trace, measurement, run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy.typing as npt

Array = npt.NDArray[Any]
Kind = Literal["measured", "modelled", "static", "published"]
RunStatus = Literal["running", "passed", "failed", "error", "interrupted"]


Scheme = Literal["int8", "int8-per-tensor", "int16x8", "dynamic", "q8", "q16"]


@dataclass(frozen=True)
class VariantRequest:
    """How a float model is to be quantized before it runs.

    ``calibration`` is a .npz or .npy, ``normal:SEED`` or ``random:SEED``; ``calibration_samples``
    None takes the default number of drawn ones, or all of a file. ``method`` is ``minmax``,
    ``percentile:P`` or ``moving-average:M``; ``q_format`` (q8 and q16) such as ``Q7.9``, empty for
    one format per layer; ``io`` the dtype of the variant's inputs and outputs, empty for the
    scheme's own. ``held_out`` is a file of samples that only judge the variant; empty keeps back a
    fifth of the calibration file.
    """

    scheme: Scheme
    calibration: str
    calibration_samples: int | None = None
    method: str = "minmax"
    q_format: str = ""
    io: str = ""
    held_out: str = ""


@dataclass(frozen=True)
class TensorRange:
    """Real values of one tensor over the calibration samples.

    ``minimum`` and ``maximum`` were seen, ``low`` and ``high`` are what the method keeps of them;
    ``clipped`` is the share (0 to 1) of values outside (with ``moving-average`` a value within
    1/256 of an end may count on either side). ``index`` is the float parent's.
    """

    index: int
    name: str
    minimum: float
    maximum: float
    low: float
    high: float
    clipped: float

    @property
    def magnitude(self) -> float:
        """The largest absolute value to represent, for symmetric schemes."""
        return max(abs(self.low), abs(self.high))


@dataclass(frozen=True)
class TensorQuality:
    """One tensor of a variant against the same tensor of its float parent.

    ``index`` is the parent's; ``kind`` is ``activation`` (over held-out samples) or ``weights``.
    ``sqnr_db`` is 10 log10 of signal power over error power (infinite where equal), ``cosine``
    the cosine similarity of both taken as vectors; ``saturated`` the share (0 to 1) of the
    parent's values more than a step beyond the variant's integers (0 in a float tensor).
    ``scale`` is the largest where there are several, 0 in a float tensor.
    """

    index: int
    name: str
    kind: str
    dtype: str
    scale: float
    zero_point: int
    sqnr_db: float
    cosine: float
    saturated: float


@dataclass(frozen=True)
class Agreement:
    """Outputs of a variant and of its float parent for the same samples.

    ``data`` says which samples: ``calibration`` or ``held-out``. ``top1`` is the share (0 to 1) of
    samples for which both name the same class; None where the model is no classifier. Where the
    samples have labels, ``parent_accuracy`` and ``accuracy`` are the shares that are right.
    """

    data: str
    samples: int
    top1: float | None
    sqnr_db: float
    cosine: float
    max_abs_diff: float
    parent_accuracy: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True)
class Variant:
    """What is known of a quantized model that hil made; ``sha256`` is that of its bytes.

    ``options`` holds ``method``, ``io``, ``q_format``; ``calibration`` is the data as it was
    named, ``calibration_sha256`` the hash of the samples' bytes; ``library`` the quantizer and its
    version. ``created_at`` is ISO 8601 in UTC.
    """

    sha256: str
    parent_sha256: str
    parent_name: str
    scheme: str
    options: Mapping[str, Any]
    calibration: str
    calibration_sha256: str
    calibration_samples: int
    library: str
    created_at: str
    size_bytes: int
    ranges: tuple[TensorRange, ...] = ()
    tensors: tuple[TensorQuality, ...] = ()
    agreements: tuple[Agreement, ...] = ()


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
    """A prebuilt library of somebody else's that an engine's sources call.

    ``library`` and ``include_dirs`` are absolute; ``sha256`` covers the library and the headers
    that count. ``core`` is the only core of device profiles that it is for. ``defines`` (``NAME``
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
    """What an engine makes of a variant: generated files, kernel files and the memory plan.

    ``files`` maps a relative file name to its text; ``kernels`` are paths below
    ``firmware_stubs``; both are compiled into the engine library. ``weights_bytes`` counts
    constant tensors, ``tables_bytes`` constant tables the engine adds (requantization, LUTs).
    ``runtime_defines`` are for the DUT program. ``op_count`` is needed where the plan has no
    placements that tell it. ``details`` go into a run's provenance.
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


@dataclass(frozen=True)
class MemoryRegion:
    """A contiguous memory as the linker sees it."""

    origin: int
    size: int


@dataclass(frozen=True)
class Platform:
    """Where a firmware will run: an emulator's machine or the board itself.

    ``exact`` is true where the machine is the profile's own chip; otherwise ``note`` says what
    stands in for it. ``port`` names a folder in ``firmware_stubs/ports``; ``machine`` is the
    emulator's name for it (``board`` for silicon). ``defines`` are passed to the port's C code.
    """

    target: str  # "qemu", "renode", "board"
    machine: str
    port: str
    core: str  # "cortex-m4f", ...
    flash: MemoryRegion
    ram: MemoryRegion
    clock_hz: int
    exact: bool
    note: str = ""
    defines: Mapping[str, str] = field(default_factory=dict)


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
    All in bytes.
    """

    elf: Path
    sha256: str
    flash_by_owner: Mapping[str, int]
    ram_by_owner: Mapping[str, int]
    build_command: str
    compiler: str  # version line
    flags: str
    cached: bool


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


@dataclass(frozen=True)
class Measurement:
    """A number that never travels without its kind.

    ``uncertainty_pct`` is the half width of the band in per cent; None where unknown. ``n`` is
    the number of observations, ``spread_pct`` their (max - min) / median in per cent.
    ``source`` says in words where it comes from. ``samples`` are the observations themselves, in
    ``unit``, where they scatter for reasons nobody models (boards); empty where they were not kept.
    """

    name: str
    value: float
    unit: str
    kind: Kind
    uncertainty_pct: float | None
    n: int = 1
    spread_pct: float | None = None
    source: str = ""
    samples: tuple[float, ...] = ()


@dataclass(frozen=True)
class OpMeasurement:
    """Where the time goes, one row per op; ``op`` is TFLite's name, ``name`` the output tensor."""

    index: int
    op: str
    name: str
    macs: int
    instructions: int
    cycles: int
    latency_us: float
    kind: Kind


@dataclass(frozen=True)
class FunctionMeasurement:
    """Cycles by function of the ELF, self only."""

    name: str
    instructions: int
    cycles: int


@dataclass(frozen=True)
class Measurements:
    """All that ``harness.measure`` makes of a trace and an ELF."""

    figures: Mapping[str, Measurement]
    ops: tuple[OpMeasurement, ...]
    functions: tuple[FunctionMeasurement, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Check:
    """Outputs of the device against the host's reference.

    ``max_abs_diff`` is in units of the output (LSB for integers). ``tolerance`` is 0 for exact.
    """

    reference: str  # e.g. "tflite-runtime 2.14.0 BUILTIN_REF"
    exact: bool
    passed: bool
    max_abs_diff: float
    max_rel_diff: float
    tolerance: float
    inputs: int
    mismatches: int


@dataclass(frozen=True)
class ModelInfo:
    """What the store and reports say about a model."""

    name: str
    path: str
    sha256: str
    dtype: str
    size_bytes: int
    macs: int
    ops: int


@dataclass(frozen=True)
class ErrorInfo:
    """An error as stored and as shown in JSON."""

    message: str
    hint: str = ""
    kind: str = "HilError"


@dataclass(frozen=True)
class RunRecord:
    """One run, whole: what goes into the store and what reports are made of.

    ``profile`` is the validated profile as plain data; ``provenance`` is a flat mapping of tool
    versions, hashes and the command that repeats the run. Times are ISO 8601 in UTC.
    """

    run_id: str
    status: RunStatus
    started_at: str
    finished_at: str | None
    profile_name: str
    profile: Mapping[str, Any]
    target: str
    machine: str
    machine_exact: bool
    engine: str
    model: ModelInfo | None
    measurements: Mapping[str, Measurement]
    ops: tuple[OpMeasurement, ...]
    functions: tuple[FunctionMeasurement, ...]
    plan: MemoryPlan | None
    flash_by_owner: Mapping[str, int]
    ram_by_owner: Mapping[str, int]
    check: Check | None
    provenance: Mapping[str, Any]
    notes: tuple[str, ...]
    errors: tuple[ErrorInfo, ...]


@dataclass(frozen=True)
class SampleResult:
    """One labelled sample: what the device and the host's reference made of it.

    ``sample`` is its position in the data set, ``label`` the class it has (for anomalies 0 or 1).
    ``decision`` and ``host_decision`` are classes, ``in_top5`` whether the label is among the
    device's five most likely; ``score`` and ``host_score`` anomaly scores. What a metric does not
    know is None. ``equal`` says that all outputs match the reference's (integers bit for bit,
    floats within ``harness.check``'s tolerance); ``max_abs_diff`` is in units of the output.
    """

    sample: int
    label: int
    equal: bool
    max_abs_diff: float
    decision: int | None = None
    host_decision: int | None = None
    in_top5: bool | None = None
    score: float | None = None
    host_score: float | None = None


@dataclass(frozen=True)
class Estimate:
    """A share or an AUC (0 to 1) with its confidence interval; ``n`` observations.

    ``count`` is the number of hits of a share, None for an AUC; ``method`` names the interval.
    """

    value: float
    low: float
    high: float
    n: int
    count: int | None
    method: str


@dataclass(frozen=True)
class Accuracy:
    """What the samples of an evaluation add up to; ``metric`` is ``top1`` or ``auc``.

    ``main`` is the device's figure, ``host`` the reference's over the same samples. ``confusion``
    has a row per true class and a column per class the device named. ``equal`` and
    ``same_decision`` count samples on which device and reference agree; ``exact`` says that
    outputs are integers, which must be equal. ``differing`` names the first samples that are not.
    """

    metric: str
    main: Estimate
    host: Estimate
    top5: Estimate | None
    confusion: tuple[tuple[int, ...], ...]
    samples: int
    items: int
    equal: int
    same_decision: int | None
    exact: bool
    max_abs_diff: float
    differing: tuple[int, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Evaluation:
    """Labelled samples through a firmware on a target, whole: what the store keeps of it.

    ``key`` identifies the question (model, firmware, data and options by their hashes), so that an
    interrupted evaluation can be continued. ``samples`` are to be done, ``done`` of them are.
    ``preparation`` says in words how the data became the model's input.
    """

    evaluation_id: str
    key: str
    status: RunStatus
    started_at: str
    finished_at: str | None
    profile_name: str
    target: str
    machine: str
    machine_exact: bool
    engine: str
    model_name: str
    model_sha256: str
    model_dtype: str
    firmware_sha256: str
    data_name: str
    data_sha256: str
    metric: str
    samples: int
    done: int
    preparation: str
    options: Mapping[str, Any]
    provenance: Mapping[str, Any]
    accuracy: Accuracy | None = None
    errors: tuple[ErrorInfo, ...] = ()
