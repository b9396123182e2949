"""Variants kept between runs, so that a run with ``--quantize`` makes each only once.

::

    CACHE/variants/KEY/    variant.tflite, variant.json; complete or not there

The key covers all inputs: the parent's bytes, the request, the calibration data, the
library's version and the modules of this package. An entry appears in one step.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from pathlib import Path

from pydantic import TypeAdapter

from hil import files
from hil.errors import InputError
from hil.quantization import (
    Quantized,
    check_parent,
    check_request,
    library,
    quantize,
    variant_name,
)
from hil.records import InputSpec, Progress, Variant, VariantRequest
from hil.tflite.model import Model

_KEEP = 256
_PACKAGE = Path(__file__).resolve().parents[1]


def cached(
    cache: Path,
    parent: Model,
    request: VariantRequest,
    progress: Progress | None = None,
) -> Quantized:
    """Return the variant of an equal earlier request, or make and keep it.

    A cache that cannot be written is not an error. Raises as :func:`hil.quantization.quantize`.
    """
    request = check_request(request)
    check_parent(parent.graph)
    folder = cache / "variants" / _key(parent, request)
    found = _load(folder, variant_name(parent.name, request.scheme))
    if found is not None:
        named = dataclasses.replace(
            found.variant, parent_name=parent.name, calibration=str(request.calibration)
        )
        return Quantized(found.model, named)
    made = quantize(parent, request, progress)
    with contextlib.suppress(OSError):
        _store(folder, made)
    return made


def _key(parent: Model, request: VariantRequest) -> str:
    samples = {"calibration": request.calibration, "held_out": request.held_out}
    keys = {name: _content_key(InputSpec.of(spec)) for name, spec in samples.items()}
    fields = dataclasses.asdict(dataclasses.replace(request, **keys))  # type: ignore[arg-type]
    code = files.digest(files.below(_PACKAGE, "quantization/*.py", "tflite/*.py"))
    fields |= {"parent": parent.sha256, "library": library(request.scheme), "code": code}
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _content_key(spec: InputSpec) -> str:
    try:
        return spec.content_key()
    except OSError as error:
        raise InputError(
            f"cannot read {spec}: {error.strerror}", hint="check the path of the samples"
        ) from error


def _load(folder: Path, name: str) -> Quantized | None:
    try:
        content, text, digest = _contents(folder)
        if _digest(folder, content, text) != digest:
            return None
        variant = TypeAdapter(Variant).validate_json(text)
        os.utime(folder)
    except (OSError, ValueError):
        return None
    return Quantized(Model.parse(content, name), variant)


def is_whole(folder: Path) -> bool:
    """Whether an entry is what was stored; its last use stays."""
    try:
        content, text, digest = _contents(folder)
    except OSError:
        return False
    return _digest(folder, content, text) == digest


def _contents(folder: Path) -> tuple[bytes, bytes, str]:
    names = ("variant.tflite", "variant.json", "digest")
    content, text, digest = ((folder / name).read_bytes() for name in names)
    return content, text, digest.decode("ascii", "replace")


def _digest(folder: Path, content: bytes, text: bytes) -> str:
    """Hash of an entry's key, model and metadata."""
    return files.digest([("key", folder.name.encode()), ("model", content), ("metadata", text)])


def _store(folder: Path, made: Quantized) -> None:
    with files.replacing_folder(folder) as new:
        text = json.dumps(dataclasses.asdict(made.variant)).encode()
        (new / "variant.tflite").write_bytes(made.model.content)
        (new / "variant.json").write_bytes(text)
        (new / "digest").write_text(_digest(folder, made.model.content, text), encoding="ascii")
    files.sweep(folder.parent, _KEEP)
