"""What a mode of MLPerf Tiny gave, and where it counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from statistics import median
from typing import Any, Literal

from hil import cores
from hil.bench import pipeline
from hil.records import Firmware, Kind, Measurement, Platform

Mode = Literal["performance", "accuracy", "energy"]
MODELLED = "modelled, not measured"


@dataclass(frozen=True)
class WindowResult:
    """One window or, of accuracy, one inference: the runner's ``infer`` of ``results.json``.

    ``energy_uj`` is of one inference.
    """

    file: str
    label: int | None
    inferences: int
    warmups: int
    elapsed_us: int | None
    results: tuple[float, ...] = ()
    energy_uj: float | None = None


@dataclass(frozen=True)
class MlperfResult:
    """One mode of one task on one system.

    ``figures`` are what counts: ``throughput`` (inferences/s) and ``latency_us`` of performance,
    ``energy_uj`` and ``power_mw`` of energy, ``top1`` and ``auc`` (0 to 1) of accuracy. ``windows``
    are the windows, of accuracy the files. ``obstacles`` are the reasons for which the result would
    not count in a submission, beside that the rules ask for the official runner's own logs.
    ``log`` is what device and host said, without the loads.
    """

    mode: Mode
    task: str
    system: str
    target: str
    machine: str
    kind: Kind
    figures: Mapping[str, Measurement]
    windows: tuple[WindowResult, ...]
    quality_met: bool | None
    obstacles: tuple[str, ...]
    provenance: Mapping[str, Any]
    notes: tuple[str, ...] = ()
    log: tuple[str, ...] = field(default=(), repr=False)


def kind_of(platform: Platform) -> Kind:
    """``measured`` on silicon, else ``modelled``."""
    return "measured" if platform.time == "measured" else "modelled"


def facts(job: pipeline.Job, firmware: Firmware, tool: str, **more: Any) -> dict[str, Any]:
    """What identifies system, model and firmware of a result."""
    request = job.request
    return {
        "hil_version": version("hil"),
        "model": job.model.name,
        "model_sha256": job.model.sha256,
        "model_dtype": job.graph.dtype,
        "profile": request.profile.name,
        "engine": job.sources.engine,
        "engine_version": job.sources.engine_version,
        "compiler": firmware.compiler,
        "flags": firmware.flags,
        "optimize": request.optimize,
        "firmware_sha256": firmware.sha256,
        "chip": request.profile.chip.part,
        "core": cores.find(request.profile.chip.core).title,
        "clock_hz": job.platform.clock_hz,
        "target_tool": tool,
        **more,
    }


def obstacles(platform: Platform, *, official: bool | None) -> tuple[str, ...]:
    """Reasons for which a result could not count; ``official`` None: there was no data set."""
    found = []
    if kind_of(platform) != "measured":
        found.append(MODELLED)
    if official is None:
        found.append("drawn inputs instead of the official data set")
    elif not official:
        found.append("the labels are not those of the official data set")
    return tuple(found)


def over_windows(
    name: str, unit: str, values: Sequence[float], kind: Kind, source: str
) -> Measurement:
    """The median of the windows' values, with their spread."""
    middle = median(values)
    return Measurement(
        name=name,
        value=middle,
        unit=unit,
        kind=kind,
        uncertainty_pct=None,
        n=len(values),
        spread_pct=(max(values) - min(values)) / middle * 100 if len(values) > 1 else None,
        source=source,
        samples=tuple(values),
    )


def without_loads(transcript: str) -> tuple[str, ...]:
    """Return the lines of a transcript but the bytes of the loads and their bare answers."""
    kept: list[str] = []
    loading = False
    for line in transcript.splitlines():
        sent = line.startswith(">")
        loading = line.startswith("> db ") and "load" not in line if sent else loading
        if not loading or line.endswith("m-load-done"):
            kept.append(line)
    return tuple(kept)
