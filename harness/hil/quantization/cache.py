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
        content = (folder / "variant.tflite").read_bytes()
        variant = TypeAdapter(Variant).validate_json((folder / "variant.json").read_bytes())
        os.utime(folder)
    except (OSError, ValueError):
        return None
    if hashlib.sha256(content).hexdigest() != variant.sha256:
        return None
    return Quantized(Model.parse(content, name), variant)


def _store(folder: Path, made: Quantized) -> None:
    with files.replacing_folder(folder) as new:
        (new / "variant.tflite").write_bytes(made.model.content)
        text = json.dumps(dataclasses.asdict(made.variant))
        (new / "variant.json").write_text(text, encoding="utf-8")
    files.sweep(folder.parent, _KEEP)
