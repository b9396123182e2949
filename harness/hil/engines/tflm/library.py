"""Inspects a library of TFLM and its headers, and checks that they have not changed since.

What the linker would fail on is reported here: another core, another float ABI, a library without
the interpreter, without its optimized kernels, or with its messages removed.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from hil.cores import buildable
from hil.engines.tflm.archive import Archive, read_archive
from hil.engines.tflm.headers import headers_sha256, read_headers
from hil.engines.tflm.installed import Installed, check_name
from hil.errors import UsageError

KIND = "tflm"
_ADD_AGAIN = "add it again with `hil engine add`"

_NEEDED = {
    "_ZN6tflite16MicroInterpreter15AllocateTensorsEv": "MicroInterpreter::AllocateTensors",
    "_ZN6tflite16MicroInterpreter6InvokeEv": "MicroInterpreter::Invoke",
    "_ZN6tflite19GreedyMemoryPlannerC1Ev": "GreedyMemoryPlanner",
}
_MESSAGES = "_Z11MicroPrintfPKcz"
_REGISTER = re.compile(r"\d+(Register_\w+?)Ev$")
_CMSIS_NN = ("arm_convolve_s8", "arm_fully_connected_s8", "arm_nn_mat_mult_nt_t_s8")
_OPTIMIZED = re.compile(r"arm_\w+")
_NAMES_SHOWN = 3
_NOT_IN_PATHS = ';"$\\\n'  # they have a meaning in CMake's lists and strings


def inspect(
    name: str,
    library: Path,
    include_dirs: Sequence[Path],
    core: str,
    defines: Sequence[str] = (),
    *,
    taken: Collection[str] = (),
) -> Installed:
    """Inspect a library of TFLM and its headers, and return what is to be recorded.

    ``core`` is a core of the device profiles, or an alias of one; a library that passes floats in
    registers selects the core with FPU.

    Raises:
        UsageError: the name, the core, the library or the headers cannot be used; see above.
    """
    check_name(name, taken)
    for define in defines:
        if not re.match(r"[A-Za-z_]\w*(=[\w.+-]*)?$", define):
            raise UsageError(
                f"invalid --define {define}", hint="write NAME or NAME=VALUE, without spaces"
            )
    for path in (library, *include_dirs):
        if strange := set(str(path.absolute())) & set(_NOT_IN_PATHS):
            raise UsageError(
                f"the path {path} has a character that CMake cannot take: {strange.pop()!r}",
                hint="move it, or give a symbolic link without it",
            )
    headers = read_headers([path.absolute() for path in include_dirs])
    archive = read_archive(library)
    chosen = choose_core(core, archive, library)
    _require_interpreter(archive, library)
    functions = {found[1] for symbol in archive.defined if (found := _REGISTER.search(symbol))}
    return Installed(
        name=name,
        kind=KIND,
        core=chosen,
        float_abi=archive.float_abi,
        library=library.absolute(),
        library_sha256=file_sha256(library),
        library_bytes=library.stat().st_size,
        include_dirs=tuple(path.absolute() for path in include_dirs),
        headers_sha256=headers.sha256,
        defines=tuple(defines),
        schema_version=headers.schema_version,
        flatbuffers_version=headers.flatbuffers_version,
        kernels=kernels_of(archive),
        compiler=archive.compiler,
        functions=tuple(sorted(functions)),
        added_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def choose_core(asked: str, archive: Archive, library: Path) -> str:
    """Return the name of the core that was asked for, checked against the library.

    Raises:
        UsageError: unknown core, or the library is for another one or another float ABI.
    """
    known = buildable()
    named = {alias: core.name for core in known.values() for alias in core.aliases}
    name = named.get(asked.lower(), asked.lower())
    if archive.float_abi == "hard" and f"{name}f" in known:
        name = f"{name}f"
    if name not in known:
        raise UsageError(
            f"unknown core '{asked}'",
            hint=f"cores that firmware can be built for: {', '.join(known)}",
        )
    core = known[name]
    if archive.arch not in (core.arch, "v6-M" if core.arch == "v6S-M" else core.arch):
        fitting = [other.name for other in known.values() if other.arch == archive.arch]
        raise UsageError(
            f"{library} is for {archive.arch}, a {name} is {core.arch}",
            hint=f"it was built for {' or '.join(fitting) or 'another core'}; build it for {name}, "
            "or give that core",
        )
    if archive.float_abi != core.float_abi:
        raise UsageError(
            f"{library} has the {archive.float_abi} float ABI, firmware for a {name} the "
            f"{core.float_abi} one",
            hint=f"build it with -mfloat-abi={core.float_abi}"
            + (" (TFLM's build: TARGET_ARCH=…+fp)" if core.float_abi == "hard" else ""),
        )
    if not archive.short_enums:
        raise UsageError(
            f"{library} was compiled with -fno-short-enums, firmware has short ones",
            hint="build it for the target arm-none-eabi, whose enums are short",
        )
    return name


def _require_interpreter(archive: Archive, library: Path) -> None:
    missing = [title for symbol, title in _NEEDED.items() if symbol not in archive.defined]
    if missing:
        raise UsageError(
            f"{library} is not a library of TensorFlow Lite Micro: it lacks {', '.join(missing)}",
            hint="give libtensorflow-microlite.a as TFLM's own build makes it",
        )
    if _MESSAGES not in archive.defined:
        raise UsageError(
            f"{library} was built with TF_LITE_STRIP_ERROR_STRINGS, which also removes the "
            "profiler that marks its ops",
            hint="build it with its messages: BUILD_TYPE=release_with_logs",
        )
    optimized = [name for name in archive.needed if _OPTIMIZED.fullmatch(name)]
    if optimized:
        shown = ", ".join(optimized[:_NAMES_SHOWN])
        more = f" and {len(optimized) - _NAMES_SHOWN} more" * (len(optimized) > _NAMES_SHOWN)
        raise UsageError(
            f"{library} lacks {shown}{more}, which its {archive.needed[optimized[0]]} calls",
            hint="its kernels are made for CMSIS-NN, but CMSIS-NN is not in it: put both into one "
            "archive",
        )


def kernels_of(archive: Archive) -> str:
    """Name the kernels in a library: ``CMSIS-NN`` or ``reference``."""
    return "CMSIS-NN" if any(name in archive.defined for name in _CMSIS_NN) else "reference"


def require_unchanged(entry: Installed) -> None:
    """Refuse a library or headers that are not what was added.

    Raises:
        UsageError: they changed, or are missing.
    """
    if not entry.library.is_file():
        raise UsageError(
            f"the library of engine '{entry.name}' is missing: {entry.library}", hint=_ADD_AGAIN
        )
    if file_sha256(entry.library) != entry.library_sha256:
        raise UsageError(
            f"the library of engine '{entry.name}' changed since it was added: {entry.library}",
            hint=f"if that was meant, {_ADD_AGAIN}",
        )
    if headers_sha256(entry.include_dirs) != entry.headers_sha256:
        raise UsageError(
            f"the headers of engine '{entry.name}' changed since it was added: "
            + ", ".join(str(path) for path in entry.include_dirs),
            hint=f"if that was meant, {_ADD_AGAIN}",
        )


def file_sha256(path: Path) -> str:
    """Hash a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
