"""From a float model and calibration data to a variant, with its quality against the float model.

::

    request = VariantRequest("int8", "samples.npz")
    made = quantize(Model.read(path), request)
    made.model.content  # the variant's .tflite
    made.variant        # ranges, quality per tensor, agreement

Invalid requests are rejected before any work (:func:`check_request`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata

from hil.errors import UnsupportedModel, UsageError
from hil.quantization import affine, calibration_data, islands, quality
from hil.quantization.fixed_format import parse_format
from hil.quantization.fixed_point import WIDTH, quantize_fixed_point
from hil.quantization.ranges import Method, Ranges, calibrate
from hil.records import Progress, Variant, VariantRequest
from hil.tflite.fold import folded
from hil.tflite.graph import Graph
from hil.tflite.model import Model

#: Scheme -> dtype of its activations.
SCHEMES = {
    "int8": "int8",
    "int8-per-tensor": "int8",
    "int16x8": "int16",
    "dynamic": "float32",
    "q8": "int8",
    "q16": "int16",
}


@dataclass(frozen=True)
class Quantized:
    """A variant: the model, and its quality."""

    model: Model
    variant: Variant


def variant_name(parent_name: str, scheme: str) -> str:
    """Return the model name of a variant, such as ``ic_float32-int8``."""
    return f"{parent_name}-{scheme}"


def check_request(request: VariantRequest) -> VariantRequest:
    """Check a request without its data; return it with its defaults filled in.

    Raises:
        UsageError: unknown scheme, method, Q format or io; an option of another scheme.
        MissingTool: the scheme needs a library that is not installed.
    """
    scheme = request.scheme
    if scheme not in SCHEMES:
        raise UsageError(f"unknown scheme '{scheme}'", hint="schemes are " + ", ".join(SCHEMES))
    method = str(Method.parse(request.method))
    if request.q_format:
        if scheme not in WIDTH:
            raise UsageError(
                f"a Q format is for q8 and q16, not for {scheme}",
                hint="leave --q-format out, or choose --scheme q8 or q16",
            )
        parse_format(request.q_format, WIDTH[scheme])
    own = SCHEMES[scheme]
    if request.io not in ("", own, "float32"):
        choices = own if own == "float32" else f"{own} (the default) or float32"
        raise UsageError(
            f"{scheme} has no {request.io} inputs and outputs", hint=f"--io takes {choices}"
        )
    if scheme not in WIDTH:
        affine.version()
    return dataclasses.replace(request, method=method, io=request.io or own)


def check_parent(graph: Graph) -> None:
    """Check that a model is a float model.

    Raises:
        UnsupportedModel: it is quantized already, or computes in something else.
    """
    if graph.dtype == "float32":
        return
    quantized = graph.dtype in ("int8", "uint8", "int16", "int16x8", "hybrid")
    what = f"is quantized already ({graph.dtype})" if quantized else f"is {graph.dtype}"
    raise UnsupportedModel(
        f"{graph.name} {what}", hint="give the float32 model that it was made from"
    )


def quantize(parent: Model, request: VariantRequest, progress: Progress | None = None) -> Quantized:
    """Make a variant of a float model and compare it with that.

    Args:
        parent: the float32 model.
        request: what to make.
        progress: called with ``calibrate`` or ``compare``, samples done, and of how many.

    Raises:
        UsageError: the request is wrong (:func:`check_request`), or its data
            (``calibration_data.load``).
        UnsupportedModel: the model is not a float model, or has ops that the scheme does not
        support. MissingTool: the scheme's library is not installed.
    """
    request = check_request(request)
    check_parent(parent.graph)
    data = calibration_data.load(request, parent.graph)
    plain = _without_folded(parent)
    ranges = calibrate(
        plain, data.calibration.inputs, request.method, _stage(progress, "calibrate")
    )
    content = _made(plain.graph, request, ranges)
    made = Model.parse(content, variant_name(parent.name, request.scheme))
    tensors, agreements = quality.compare(plain, made, data, _stage(progress, "compare"))
    variant = Variant(
        sha256=made.sha256,
        parent_sha256=parent.sha256,
        parent_name=parent.name,
        scheme=request.scheme,
        options={"method": request.method, "io": request.io, "q_format": request.q_format},
        calibration=str(request.calibration),
        calibration_sha256=data.sha256,
        calibration_samples=len(data.calibration),
        library=library(request.scheme),
        created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        size_bytes=made.size_bytes,
        ranges=tuple(ranges.tensors.values()),
        tensors=tensors,
        agreements=agreements,
    )
    return Quantized(made, variant)


def library(scheme: str) -> str:
    """Return what makes a scheme's variants, with its version."""
    return f"hil {metadata.version('hil')}" if scheme in WIDTH else affine.version()


def drop(variant: Variant) -> tuple[float, str]:
    """Return how much worse than its parent a variant is on held-out samples, and in what.

    0 to 1: the loss in accuracy where the samples have labels (negative for a gain); else the
    share of samples with another top-1 class; else, without classes, 1 - cosine similarity of the
    outputs.
    """
    found = next(a for a in variant.agreements if a.data == "held-out")
    if found.accuracy is not None and found.parent_accuracy is not None:
        return found.parent_accuracy - found.accuracy, "accuracy lost"
    if found.top1 is not None:
        return 1.0 - found.top1, "samples with another top-1 class"
    return 1.0 - found.cosine, "1 - cosine similarity of the outputs"


def _without_folded(model: Model) -> Model:
    """The model with its folded ops as constants, such as float16 weights; itself without any."""
    graph = folded(model)
    if graph is model.graph:
        return model
    return Model.of_graph(islands.without_unused(graph, graph.ops))


def _made(graph: Graph, request: VariantRequest, ranges: Ranges) -> bytes:
    float_io = request.io == "float32"
    if request.scheme in ("q8", "q16"):
        return quantize_fixed_point(
            graph,
            ranges,
            request.scheme,
            q_format=request.q_format or None,
            io="float32" if float_io else "int",
        )
    needed = None if request.scheme == "dynamic" else ranges
    return affine.quantize_affine(graph, request.scheme, needed, float_io=float_io)


def _stage(progress: Progress | None, stage: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(stage, done, total)
