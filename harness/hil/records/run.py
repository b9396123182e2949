"""What is measured and checked of a run, and the record of the whole run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hil.errors import HilError
from hil.records.energy import MeasuredEnergy
from hil.records.firmware import MemoryPlan

Kind = Literal["measured", "modelled", "static", "published"]
#: Called with a stage, how much of it is done, and of how much (0: unknown).
Progress = Callable[[str, int, int], None]
RunStatus = Literal["running", "passed", "failed", "error", "interrupted"]


@dataclass(frozen=True)
class Measurement:
    """A figure with its unit, kind and uncertainty.

    ``uncertainty_pct`` is the half width of the band in per cent; None where unknown. ``n`` is
    the number of observations, ``spread_pct`` their (max - min) / median in per cent.
    ``source`` describes its origin. ``samples`` are the single observations in ``unit`` where they
    vary (boards); empty where they were not kept.
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
    """Cost of one op; ``op`` is TFLite's name, ``name`` the output tensor.

    ``instructions`` is None where they are not counted, as on a board.
    """

    index: int
    op: str
    name: str
    macs: int
    instructions: int | None
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
    """What ``hil.measure`` derives from a trace and an ELF; ``energy`` where a meter recorded."""

    figures: Mapping[str, Measurement]
    ops: tuple[OpMeasurement, ...]
    functions: tuple[FunctionMeasurement, ...]
    notes: tuple[str, ...] = ()
    energy: MeasuredEnergy | None = None


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
    """A model in stored runs and reports."""

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

    @classmethod
    def of(cls, error: BaseException) -> ErrorInfo:
        """Return an exception as it is stored; one that is not of hil is a bug."""
        kind = type(error).__name__
        if isinstance(error, HilError):
            return cls(error.message, error.hint, kind)
        return cls(f"bug: {kind}: {error}", "", kind)


@dataclass(frozen=True)
class RunRecord:
    """One run with all results: what is stored, and what reports are made of.

    ``profile`` is the validated profile as plain data; ``provenance`` is a flat mapping of tool
    versions, hashes and the command that repeats the run. Times are ISO 8601 in UTC. ``energy`` is
    what a meter recorded, None without one.
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
    energy: MeasuredEnergy | None = None
