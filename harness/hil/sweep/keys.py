"""The key of a run: a hash of everything that decides its result, to find finished runs.

Two runs with the same key give the same figures: the key is a hash over the model's bytes, how it
is quantized (with the hash of the calibration data and the quantizer's version), the profile's
content, inputs and options, and over the tools: compiler, target, reference interpreter, the
firmware's sources and the code of hil that builds, runs and measures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from hil.engines.registry import engine as find_engine
from hil.records import InputSpec
from hil.sweep.matrix import Member


def sweep_key(member: Member, shared: Mapping[str, Any]) -> str:
    """Return the key of a member; ``shared`` is what ``hil.bench.toolset.tools`` gave.

    Raises:
        OSError: a file of samples cannot be read.
    """
    request = member.request
    variant: dict[str, Any] | None = None
    if request.variant is not None:
        variant = asdict(request.variant)
        for name in ("calibration", "held_out"):
            variant[name] = InputSpec.of(getattr(request.variant, name)).content_key()
    parts = {
        "tools": shared,
        "model": request.model.sha256,
        # Results contain the names, so another name is another run.
        "name": request.model.name,
        "scheme": member.scheme.name,
        "variant": variant,
        "profile": request.profile.model_dump(mode="json", by_alias=True),
        "engine": [request.engine, find_engine(request.engine).version],
        "inputs": InputSpec.of(request.inputs or "").content_key(),
        "samples": request.samples,
        "repeat": request.repeat,
        "machine": request.machine,
        "optimize": request.optimize,
        "load": request.load,
        "memory_model": request.memory_model,
    }
    canonical = json.dumps(parts, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
