"""What this machine has of what hil needs, and the command that installs what it lacks.

Every check uses the tool the way a run does (a target asks its emulator for its machines, the C
library is looked for): a tool on the PATH need not work.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from hil import children
from hil.errors import HilError, StoreError
from hil.records import Finding
from hil.resources import cache_dir

if TYPE_CHECKING:
    from hil.firmware.toolchain import Compiler

_APT = "sudo apt-get install -y"
_LOW_DISK_BYTES = 200 * 1024 * 1024
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_TIMEOUT_S = 30


def examine(db: str | None = None) -> list[Finding]:
    """Examine everything, in the order in which a run needs it. Does not raise ``HilError``."""
    checks: list[Callable[[], list[Finding]]] = [
        _python,
        _reference,
        _quantizer,
        _compiler,
        lambda: [_build_tool("cmake", "cmake"), _build_tool("ninja", "ninja-build")],
        _targets,
        _flashers,
        _meters,
        _cache,
        lambda: [_database(db)],
        _added_engines,
        _browser,
    ]
    return [finding for check in checks for finding in check()]


def _python() -> list[Finding]:
    detail = f"hil {metadata.version('hil')}"
    return [Finding("Python", "ok", platform.python_version(), detail)]


def _reference() -> list[Finding]:
    """The interpreter whose reference kernels outputs are compared with."""
    name = "reference interpreter"
    install = "pip install --force-reinstall hil"
    for package, module in (
        ("tflite-runtime", "tflite_runtime.interpreter"),
        ("ai-edge-litert", "ai_edge_litert.interpreter"),
    ):
        try:
            __import__(module)
        except ImportError:
            continue
        except Exception as error:  # a native module that does not fit numpy raises SystemError
            return [Finding(name, "missing", detail=f"{package}: {error}", install=install)]
        return [Finding(name, "ok", metadata.version(package), package)]
    package = "tflite-runtime" if sys.version_info < (3, 12) else "ai-edge-litert"
    detail = "TensorFlow Lite's interpreter is not installed"
    return [Finding(name, "missing", detail=detail, install=f"pip install {package}")]


def _quantizer() -> list[Finding]:
    """The library behind int8, int16x8 and dynamic variants; runs of given models need none."""
    name, package = "quantizer", "ai-edge-quantizer"
    try:
        return [Finding(name, "ok", metadata.version(package), package)]
    except metadata.PackageNotFoundError:
        detail = "optional: makes int8, int16x8 and dynamic variants (q8 and q16 need nothing)"
        return [Finding(name, "warn", detail=detail, install="pip install 'hil[quantize]'")]


def _compiler() -> list[Finding]:
    """The cross compiler, and the C library that comes in a package of its own."""
    from hil.firmware.toolchain import find_compiler

    install = f"{_APT} gcc-arm-none-eabi libnewlib-arm-none-eabi"
    try:
        compiler = find_compiler()
    except HilError as error:
        return [Finding("ARM compiler", "missing", detail=error.message, install=install)]
    found = Finding("ARM compiler", "ok", compiler.version, str(compiler.path))
    library = _answer([str(compiler.path), "-mcpu=cortex-m4", "-mthumb", "-print-file-name=libc.a"])
    if not Path(library).is_absolute():
        detail = f"{compiler.path.name} has no C library (newlib)"
        return [found, Finding("C library", "missing", detail=detail, install=install)]
    return [found, Finding("C library", "ok", detail=str(Path(library).resolve())), _cxx(compiler)]


def _cxx(compiler: Compiler) -> Finding:
    """The C++ side of the compiler, which only engines in C++ (TensorFlow Lite Micro) need."""
    from hil.firmware.toolchain import require_cxx

    try:
        path = require_cxx(compiler)
    except HilError as error:
        detail = f"{error.message} (only for `hil engine add`)"
        install = f"{_APT} libstdc++-arm-none-eabi-newlib"
        return Finding("C++ library", "warn", detail=detail, install=install)
    return Finding("C++ library", "ok", detail=f"of {path}")


def _added_engines() -> list[Finding]:
    """Engines that the user added: whether each can still be used."""
    from hil.engines import registry

    try:
        added = [(name, family) for family in registry.families() for name in family.names()]
    except HilError as error:
        return [Finding("added engines", "missing", detail=f"{error.message} ({error.hint})")]
    findings = []
    for name, family in sorted(added, key=lambda pair: pair[0]):
        try:
            family.require_usable(name)
        except HilError as error:
            findings.append(Finding(f"engine {name}", "warn", detail=error.message))
        else:
            facts = family.facts(name)
            detail = f"{facts['kind']}, {facts['core']}, {facts['kernels']} kernels"
            findings.append(Finding(f"engine {name}", "ok", detail=detail))
    return findings


def _build_tool(name: str, package: str) -> Finding:
    path = shutil.which(name)
    install = f"{_APT} {package}"
    if path is None:
        return Finding(name, "missing", detail=f"'{name}' is not on the PATH", install=install)
    version = _answer([path, "--version"]).removeprefix("cmake version ")
    if not version:
        return Finding(name, "missing", detail=f"{path} does not run", install=install)
    return Finding(name, "ok", version, path)


def _targets() -> list[Finding]:
    from hil.targets.registry import targets

    return [finding for target in targets() for finding in target.findings()]


def _flashers() -> list[Finding]:
    """Tools that flash boards: those that are here, and those that a board needs."""
    from hil.targets.flash import registry

    try:
        flashers = [registry.flasher(name) for name in registry.names()]
    except HilError as error:
        return [Finding("flashers", "warn", detail=error.message)]
    return [finding for flasher in flashers for finding in flasher.findings()]


def _meters() -> list[Finding]:
    """Of the boards' meters."""
    from hil.targets.meters.registry import findings

    return findings()


def _cache() -> list[Finding]:
    folder = cache_dir()
    name = "cache folder"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return [
            Finding(
                name,
                "missing",
                detail=f"{folder} cannot be written: {error.strerror or error}",
                install="export HIL_CACHE_DIR=DIR  # a folder that can be written",
            )
        ]
    if free < _LOW_DISK_BYTES:
        return [Finding(name, "warn", detail=f"{folder}: only {free // 1024**2} MiB free")]
    return [Finding(name, "ok", detail=str(folder))]


def _database(db: str | None) -> Finding:
    """An existing database is opened; one that is not there yet needs a folder to be made in."""
    from hil.store import Store
    from hil.store.database import locate

    name = "database"
    try:
        location = locate(db)
        if location.file is not None and not location.file.exists():
            return _new_database(location.file, is_default=db is None)
        with Store.open(db, read_only=True) as store:
            count = len(store.find(limit=1))
    except HilError as error:
        fix = error.hint if isinstance(error, StoreError) else "correct --db or HIL_DB"
        return Finding(name, "missing", detail=f"{error.message} ({fix})")
    return Finding(name, "ok", detail=location.label + ("" if count else " (no runs yet)"))


def _new_database(file: Path, *, is_default: bool) -> Finding:
    folder = file.parent
    while is_default and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if folder.is_dir() and os.access(folder, os.W_OK):
        return Finding("database", "ok", detail=f"{file} (made by the first run)")
    return Finding(
        "database",
        "missing",
        detail=f"{folder} is not a writable folder",
        install=f"mkdir -p {file.parent}",
    )


def _browser() -> list[Finding]:
    for browser in _BROWSERS:
        if path := shutil.which(browser):
            return [Finding("Chromium", "ok", _answer([path, "--version"]), path)]
    detail = "optional: only hil's own tests use it"
    return [Finding("Chromium", "warn", detail=detail, install=f"{_APT} chromium")]


def _answer(command: list[str]) -> str:
    """First line that a tool prints; '' where it does not run or fails."""
    try:
        done = children.run(command, timeout_s=_TIMEOUT_S)
        done.check_returncode()
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.partition("\n")[0].strip()
