"""The key of a run: a hash of everything that decides its result, to find finished runs.

Two runs with the same key give the same figures: the key is a hash over the model's bytes, how it
is quantized (with the hash of the calibration data and the quantizer's version), the profile's
content, inputs and options, and over the tools: compiler, target, reference interpreter, the
firmware's sources and the code of hil that builds, runs and measures.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

from hil import files
from hil.engines.registry import engine as find_engine
from hil.firmware.toolchain import find_compiler
from hil.records import InputSpec
from hil.resources import data_dir
from hil.sweep.matrix import Member
from hil.targets.registry import target

KEY_VERSION = 1
_PACKAGE = Path(__file__).resolve().parents[1]
#: The parts of hil that cannot change what a run measures or checks; all others are in the key.
WITHOUT_EFFECT = frozenset(
    (
        *("__init__", "__main__", "_api", "calibrate", "children", "cli", "doctor"),
        *("errors", "evaluation", "files", "forms", "gate", "report", "resources", "settings"),
        *("store", "sweep", "validation"),
    )
)
_LIBRARIES = ("tflite-runtime", "ai-edge-litert", "ai-edge-quantizer", "numpy")


def tools(target_name: str | None = None) -> dict[str, Any]:
    """What all runs of a sweep share: versions of tools, hashes of sources.

    Raises:
        UsageError: there is no such target.
        MissingTool: the compiler or the target's tool is not here.
    """
    where = target(target_name)
    compiler = find_compiler()
    return {
        "version": KEY_VERSION,
        "compiler": [compiler.prefix, compiler.version],
        "target": [where.name, where.tool()],
        "firmware_stubs": _tree_hash([data_dir("firmware_stubs")]),
        "code": _tree_hash(code_with_effect(), ".py"),
        # Bands come from these tables.
        "validation": _tree_hash([data_dir("reports") / "validation"]),
        "published": _tree_hash([data_dir("reports") / "published"]),
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def code_with_effect() -> list[Path]:
    """Return the packages and modules of hil that decide what a run measures and checks."""
    found = [*_PACKAGE.glob("*.py"), *(path.parent for path in _PACKAGE.glob("*/__init__.py"))]
    return sorted(path for path in found if path.stem not in WITHOUT_EFFECT)


def sweep_key(member: Member, shared: Mapping[str, Any]) -> str:
    """Return the key of a member; ``shared`` is what ``tools`` gave.

    Raises:
        OSError: a file of samples cannot be read.
    """
    request = member.request
    variant: dict[str, Any] | None = None
    if request.variant is not None:
        variant = asdict(request.variant)
        for name in ("calibration", "held_out"):
            variant[name] = InputSpec.of(variant[name]).content_key()
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


def _tree_hash(roots: Iterable[Path], suffix: str = "") -> str:
    """Hash names and contents of all files below the roots, whatever the time they were written."""
    patterns = [(root.parent, root.name, f"{root.name}/**/*{suffix}") for root in roots]
    return files.digest(part for pattern in patterns for part in files.below(*pattern))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
