"""Where a number comes from: versions, hashes, and the command that repeats the run."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import platform as host
import secrets
import shlex
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from hil import children
from hil.bench.source_revision import source_revision
from hil.devices import Profile
from hil.engines.interface import Engine
from hil.measure.cycles.memory_system import MemoryModel, memory_model
from hil.records import (
    Array,
    Check,
    EngineSources,
    Firmware,
    ModelInfo,
    Platform,
    RunRecord,
    Trace,
    Variant,
)
from hil.tflite.model import Model


class Asked(Protocol):
    """The part of a request that provenance records."""

    @property
    def model(self) -> Model: ...  # noqa: D102
    @property
    def profile(self) -> Profile: ...  # noqa: D102
    @property
    def command(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def optimize(self) -> str: ...  # noqa: D102
    @property
    def memory_model(self) -> MemoryModel | None: ...  # noqa: D102


def begin(
    asked: Asked, model: Model, platform: Platform, engine: Engine, sources: EngineSources
) -> RunRecord:
    """Return the record of a run that starts now."""
    started = datetime.now(UTC)
    profile = asked.profile.model_dump(mode="json", by_alias=True)
    return RunRecord(
        run_id=f"{started:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}",
        status="running",
        started_at=started.isoformat(timespec="milliseconds"),
        finished_at=None,
        profile_name=asked.profile.name,
        profile=profile,
        target=platform.target,
        machine=platform.machine,
        machine_exact=platform.exact,
        engine=sources.engine,
        model=ModelInfo(
            name=model.name,
            path=asked.model.path,
            sha256=model.sha256,
            dtype=model.graph.dtype,
            size_bytes=model.size_bytes,
            macs=model.graph.macs,
            ops=len(model.graph.ops),
        ),
        measurements={},
        ops=(),
        functions=(),
        plan=sources.plan,
        flash_by_owner={},
        ram_by_owner={},
        check=None,
        provenance={
            "command": shlex.join(asked.command),
            "hil_version": version("hil"),
            "hil_commit": commit(),
            "python": host.python_version(),
            "host": f"{host.system()} {host.machine()}",
            "engine_version": sources.engine_version,
            "engine_title": engine.title,
            "engine_role": engine.role,
            **sources.details,
            "model_sha256": model.sha256,
            **source_revision(asked.model.path),
            "optimize": asked.optimize,
            **(_timing(asked) if platform.time is not None and not platform.attached else {}),
        },
        notes=(*([platform.note] if platform.note else []), *asked.profile.notes),
        errors=(),
    )


def of_variant(record: RunRecord, variant: Variant) -> RunRecord:
    """Return the record with what the run's model is a variant of, and how near it comes."""
    return dataclasses.replace(
        record,
        provenance={**record.provenance, **variant_facts(variant)},
        notes=(*record.notes, _quality(variant)),
    )


def variant_facts(variant: Variant) -> dict[str, Any]:
    """Return what a model is a variant of and how it was made, as provenance."""
    return {
        "scheme": variant.scheme,
        "parent_name": variant.parent_name,
        "parent_sha256": variant.parent_sha256,
        "quantizer": variant.library,
        "quantize_options": {key: value for key, value in variant.options.items() if value},
        "quantize_calibration": variant.calibration,
        "quantize_calibration_samples": variant.calibration_samples,
        "quantize_calibration_sha256": variant.calibration_sha256,
    }


def _quality(variant: Variant) -> str:
    text = f"{variant.scheme} variant of {variant.parent_name}"
    found = next((a for a in variant.agreements if a.data == "held-out"), None)
    if found is None:
        return text
    text += f": on {found.samples} held-out samples "
    if found.top1 is not None:
        text += f"the same top-1 class for {found.top1:.1%}, "
    return text + f"output SQNR {found.sqnr_db:.1f} dB, cosine similarity {found.cosine:.4f}"


def _timing(asked: Asked) -> dict[str, str]:
    """What times are modelled with."""
    return {
        "memory_model": memory_model(asked.profile.flash, asked.memory_model),
        "calibration": _calibration(asked.profile),
    }


def _calibration(profile: Profile) -> str:
    """Describe the profile's calibration; the profile's snapshot has all of it."""
    found = profile.calibration
    if found is None:
        return "none"
    text = f"{found.date}, {len(found.rows)} firmwares, hil {found.hil_version}"
    return text + ", virtual board" * found.virtual


def of_results(
    firmware: Firmware, trace: Trace, check: Check, inputs: Sequence[tuple[Array, ...]]
) -> dict[str, Any]:
    """Return what is known of the tools and the data once the run is over."""
    profiles = [one.profile for one in trace.inferences if one.profile is not None]
    simulated = any(profile.line_misses is not None for profile in profiles)
    return {
        "compiler": firmware.compiler,
        "compiler_flags": firmware.flags,
        "build_command": firmware.build_command,
        "firmware_sha256": firmware.sha256,
        "firmware_cached": firmware.cached,
        "target": trace.platform.target,
        "target_tool": trace.tool,
        "target_command": shlex.join(trace.command),
        **trace.facts,
        **({"flash_misses": f"simulated on {trace.platform.target}"} if simulated else {}),
        "input_path": trace.load_path,
        "load_retries": trace.load_retries,
        "reference": check.reference,
        "inputs_sha256": inputs_sha256(inputs),
    }


def inputs_sha256(inputs: Sequence[tuple[Array, ...]]) -> str:
    """Hash the bytes of all inputs in order."""
    digest = hashlib.sha256()
    for tensors in inputs:
        for tensor in tensors:
            digest.update(tensor.tobytes())
    return digest.hexdigest()


@functools.cache
def commit() -> str:
    """Return the git commit that hil runs from, ``+`` appended if changed, or ``""``."""
    root = Path(__file__).resolve().parents[3]
    if not (root / ".git").exists():
        return ""
    try:
        describe = ["git", "-C", str(root), "describe", "--always", "--dirty=+", "--abbrev=12"]
        result = children.run(describe, timeout_s=5)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""
