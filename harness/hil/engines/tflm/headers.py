"""Reads TFLM's headers: schema version, which ops it registers and how, and their hash."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from hil.errors import UsageError
from hil.tflite.schema import SCHEMA_VERSION

INTERPRETER = "tensorflow/lite/micro/micro_interpreter.h"
RESOLVER = "tensorflow/lite/micro/micro_mutable_op_resolver.h"
FLATBUFFERS = "flatbuffers/flatbuffers.h"
_BASE = "flatbuffers/base.h"
_SCHEMA = "tensorflow/lite/schema/schema_generated.h"
_SKIPPED = {"tools", "examples", "testing", "benchmarks", "integration_tests", "downloads", "docs"}
_SCHEMA_VERSION = re.compile(r"#define\s+TFLITE_SCHEMA_VERSION\s+\(?(\d+)\)?")
_METHOD = re.compile(r"TfLiteStatus\s+(Add\w+)\(")
_BUILTIN = re.compile(r"BuiltinOperator_(\w+)")
_CUSTOM = re.compile(r'AddCustom\(\s*"([^"]+)"')
_REGISTER = re.compile(r"\b(Register_\w+)\(\)")
_PARTS = ("MAJOR", "MINOR", "REVISION")
_INCLUDE_HINT = (
    "give every include folder that TFLM's own build uses: its root (the folder that has "
    "tensorflow/lite/micro), flatbuffers' include folder and gemmlowp's root"
)


@dataclass(frozen=True)
class Registration:
    """How an op is added to the resolver: its method, and the function that the library needs."""

    method: str  # "AddConv2D"
    function: str  # "Register_CONV_2D"


@dataclass(frozen=True)
class Headers:
    """What the include folders hold. ``ops`` is by TFLite's name (``CUSTOM:code`` for custom)."""

    schema_version: int
    flatbuffers_version: str
    ops: dict[str, Registration]
    sha256: str


def read_headers(include_dirs: Sequence[Path]) -> Headers:
    """Read TFLM's headers.

    Raises:
        UsageError: a folder does not exist, TFLM or flatbuffers is in none of them, their versions
            differ, or the schema version is not the one that hil reads.
    """
    for folder in include_dirs:
        if not folder.is_dir():
            raise UsageError(f"the include folder {folder} does not exist", hint=_INCLUDE_HINT)
    interpreter = _read(include_dirs, INTERPRETER, "TensorFlow Lite Micro")
    resolver = _read(include_dirs, RESOLVER, "TensorFlow Lite Micro")
    _read(include_dirs, FLATBUFFERS, "flatbuffers")
    found = _SCHEMA_VERSION.search(interpreter)
    version = int(found[1]) if found else 0
    if version != SCHEMA_VERSION:
        raise UsageError(
            f"these TFLM headers are for version {version or 'unknown'} of the model schema, "
            f"hil reads version {SCHEMA_VERSION}",
            hint="take a TFLM of 2021 or later, headers and library of the same commit",
        )
    flatbuffers = _flatbuffers_version(_read(include_dirs, _BASE, "flatbuffers"))
    _require_flatbuffers(_read(include_dirs, _SCHEMA, "TFLM's schema"), flatbuffers)
    return Headers(version, flatbuffers, registrations(resolver), headers_sha256(include_dirs))


def read_ops(include_dirs: Sequence[Path]) -> dict[str, Registration]:
    """Read only which ops TFLM registers; ``ops`` of :func:`read_headers`.

    Raises:
        UsageError: the resolver's header is not there.
    """
    return registrations(_read(include_dirs, RESOLVER, "TensorFlow Lite Micro"))


def registrations(resolver: str) -> dict[str, Registration]:
    """Read from the text of the op resolver's header which ops it can have, and how."""
    starts = list(_METHOD.finditer(resolver))
    ends = [*(start.start() for start in starts[1:]), len(resolver)]
    found: dict[str, Registration] = {}
    for start, end in zip(starts, ends, strict=True):
        body = resolver[start.end() : end]
        function = _REGISTER.search(body)
        custom, builtin = _CUSTOM.search(body), _BUILTIN.search(body)
        if function is None or start[1] in ("AddBuiltin", "AddCustom"):
            continue
        if custom:
            found.setdefault(f"CUSTOM:{custom[1]}", Registration(start[1], function[1]))
        elif builtin:
            found.setdefault(builtin[1], Registration(start[1], function[1]))
    return found


def headers_sha256(include_dirs: Sequence[Path]) -> str:
    """Hash the headers of TFLM and flatbuffers that the adapter may see (names and contents)."""
    total = hashlib.sha256()
    for folder in include_dirs:
        for path in sorted(_headers(folder)):
            data = path.read_bytes()
            total.update(f"{path.relative_to(folder).as_posix()}:{len(data)}:".encode())
            total.update(data)
    return total.hexdigest()


def _headers(folder: Path) -> Iterator[Path]:
    for top in ("tensorflow/lite", "tensorflow/compiler", "signal", "flatbuffers"):
        for where, folders, files in os.walk(folder / top):
            folders[:] = [name for name in folders if name not in _SKIPPED]
            yield from (Path(where) / name for name in files if name.endswith(".h"))


def _read(include_dirs: Sequence[Path], name: str, what: str) -> str:
    for folder in include_dirs:
        if (folder / name).is_file():
            return (folder / name).read_text(encoding="utf-8", errors="replace")
    shown = ", ".join(str(folder) for folder in include_dirs) or "none was given"
    raise UsageError(f"no include folder has {what}: {name} is not in {shown}", hint=_INCLUDE_HINT)


def _flatbuffers_version(base: str) -> str:
    parts = [re.search(rf"#define\s+FLATBUFFERS_VERSION_{part}\s+(\d+)", base) for part in _PARTS]
    return ".".join(part[1] if part else "?" for part in parts)


def _require_flatbuffers(schema: str, version: str) -> None:
    """Generated code of flatbuffers requires the version that made it."""
    wanted = [re.search(rf"FLATBUFFERS_VERSION_{part}\s*==\s*(\d+)", schema) for part in _PARTS]
    expected = ".".join(part[1] for part in wanted if part)
    if expected and expected != version:
        raise UsageError(
            f"TFLM's schema was made with flatbuffers {expected}, the include folders have "
            f"{version}",
            hint="give the flatbuffers that TFLM's own build downloads",
        )
