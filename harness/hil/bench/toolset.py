"""What decides the results of all runs of this installation: tools, sources and libraries."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any

from hil import files
from hil.errors import HilError
from hil.firmware.toolchain import find_compiler
from hil.resources import data_dir
from hil.targets.registry import target

KEY_VERSION = 1
_PACKAGE = Path(__file__).resolve().parents[1]
#: The parts of hil that cannot change what a run measures or checks; all others are in the key.
WITHOUT_EFFECT = frozenset(
    (
        *("__init__", "__main__", "_api", "calibrate", "children", "cli", "doctor"),
        *("errors", "evaluation", "execution", "files", "forms", "gate", "report", "resources"),
        *("settings", "store", "sweep", "validation", "verdict"),
    )
)
_LIBRARIES = ("tflite-runtime", "ai-edge-litert", "ai-edge-quantizer", "numpy")
_SHOWN = 12  # digits of a hash


def tools(target_name: str | None = None) -> dict[str, Any]:
    """What all runs on a target share: versions of tools, hashes of sources.

    Raises:
        UsageError: there is no such target.
        MissingTool: the compiler or the target's tool is not here.
    """
    return {"version": KEY_VERSION, **_programs(target_name), **_sources()}


def installation(target_names: Iterable[str | None]) -> dict[str, str]:
    """What has to be equal on two machines that carry out runs of the same study, by name.

    A tool that is missing here has a value of its own.
    """
    python = ".".join(platform.python_version_tuple()[:2])
    found = {"hil": _version("hil"), "Python": python}
    for name in sorted(set(target_names), key=str):
        try:
            programs = _programs(name)
        except HilError as error:
            found[f"target {name}" if name else "tools"] = f"missing ({error.message})"
            continue
        title, tool = programs["target"]
        found |= {"compiler": " ".join(programs["compiler"]), f"target {title}": tool}
    sources = _sources()
    hashes = {
        "firmware's code": sources["firmware_stubs"],
        "validation tables": sources["validation"],
        "published tables": sources["published"],
        # Tasks and results travel as objects of all of hil.
        "hil's code": _tree_hash([_PACKAGE], ".py"),
    }
    found |= {what: value[:_SHOWN] for what, value in hashes.items()}
    return found | {library: version or "none" for library, version in sources["libraries"].items()}


def _programs(target_name: str | None) -> dict[str, list[str]]:
    where = target(target_name)
    compiler = find_compiler()
    return {
        "compiler": [compiler.prefix, compiler.version],
        "target": [where.name, where.tool()],
    }


def _sources() -> dict[str, Any]:
    return {
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


def _tree_hash(roots: Iterable[Path], suffix: str = "") -> str:
    """Hash names and contents of all files below the roots, whatever the time they were written."""
    patterns = [(root.parent, root.name, f"{root.name}/**/*{suffix}") for root in roots]
    return files.digest(part for pattern in patterns for part in files.below(*pattern))


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
