"""Samples that calibrate a variant, and held-out samples that evaluate it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hil.datasets.labels import checked_labels
from hil.errors import InputError
from hil.records import Array, InputSpec, VariantRequest
from hil.tflite.graph import Graph
from hil.tflite.inputs import arrays_of, make_inputs

DEFAULT_SAMPLES = 100
_KEPT_BACK = 5  # one in so many samples of a file
_FORMS = "it takes FILE.npz, FILE.npy, normal:SEED or random:SEED"

Inputs = tuple[Array, ...]


@dataclass(frozen=True)
class Samples:
    """Inputs of the float model, with their labels (class indices) where the file has them."""

    inputs: tuple[Inputs, ...]
    labels: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class CalibrationData:
    """Samples that calibrate and samples that evaluate; ``sha256`` is of the calibration
    samples."""

    calibration: Samples
    held_out: Samples
    sha256: str


def load(request: VariantRequest, graph: Graph) -> CalibrationData:
    """Make or read the samples that a request names, and check them all.

    Drawn samples (``normal:SEED``, ``random:SEED``): the first ``calibration_samples`` (100)
    calibrate, a quarter as many further draws are held out. Of a file the last fifth is held out,
    and the first ``calibration_samples`` (all) of the rest calibrate; with ``held_out`` a file of
    its own is held out, and all samples of the first may calibrate. Samples must be float32 arrays
    of the model's inputs, labels an array ``y`` of class indices beside them.

    Raises:
        InputError: an unknown form, an unreadable file, wrong shape, dtype or number of samples,
            NaN or infinity, samples that are all zero, labels that do not fit.
    """
    spec = InputSpec.of(request.calibration)
    if spec.is_drawn:
        own, kept = _drawn(spec, request, graph)
    elif spec.has_samples:
        own, kept = _given(spec, request, graph)
    else:
        raise InputError(f"--calibration does not know '{spec}'", hint=_FORMS)
    if request.held_out:
        kept = _read(InputSpec.of(request.held_out), graph)
    _check_content(own, graph, spec.text)
    return CalibrationData(own, kept, _digest(own.inputs))


def _drawn(spec: InputSpec, request: VariantRequest, graph: Graph) -> tuple[Samples, Samples]:
    count = request.calibration_samples or DEFAULT_SAMPLES
    _check_count(count, spec.text)
    further = 0 if request.held_out else max(1, count // (_KEPT_BACK - 1))
    drawn = make_inputs(spec, graph, count + further)
    return Samples(tuple(drawn[:count])), Samples(tuple(drawn[count:]))


def _given(spec: InputSpec, request: VariantRequest, graph: Graph) -> tuple[Samples, Samples]:
    found = _read(spec, graph)
    back = 0 if request.held_out else -(-len(found) // _KEPT_BACK)
    usable = len(found) - back
    count = usable if request.calibration_samples is None else request.calibration_samples
    if count > usable:
        kept = f", of which {back} are held out to evaluate" if back else ""
        raise InputError(
            f"{spec} holds {len(found)} samples{kept}; {count} were asked for",
            hint=f"ask for {usable} or fewer" + (", or give --held-out FILE" if back else ""),
        )
    _check_count(count, spec.text)
    return _part(found, 0, count), _part(found, usable, len(found))


def _read(spec: InputSpec, graph: Graph) -> Samples:
    content = arrays_of(spec)
    inputs = make_inputs(InputSpec(spec.text, content), graph)
    labels = content.get("y") if isinstance(content, Mapping) else None
    if labels is not None:
        labels = _check_labels(labels, len(inputs), graph, spec.text)
    return Samples(tuple(inputs), labels)


def _part(samples: Samples, first: int, end: int) -> Samples:
    labels = None if samples.labels is None else samples.labels[first:end]
    return Samples(samples.inputs[first:end], labels)


def _check_count(count: int, where: str) -> None:
    if count < 2:
        raise InputError(
            f"{where}: one sample is not enough to calibrate with",
            hint="the range of one input is not the range of the model; about 100 are usual",
        )


def _check_content(samples: Samples, graph: Graph, where: str) -> None:
    for position, tensor in enumerate(graph.input_tensors):
        if not any(inputs[position].any() for inputs in samples.inputs):
            raise InputError(
                f"{where}: all {len(samples)} samples of the input '{tensor.name}' are zero",
                hint="calibrate with data as the model will see it",
            )


def classes(graph: Graph) -> int:
    """Number of classes of a classifier; 0 where the model's output is not one vector of scores.

    One output of shape (1, C), C at least 2, of another size than the input (an autoencoder's is
    equal).
    """
    if len(graph.outputs) != 1:
        return 0
    (output,) = graph.output_tensors
    sizes = [tensor.elements for tensor in graph.input_tensors]
    is_vector = output.elements == (output.shape[-1] if output.shape else 1) >= 2
    return output.elements if is_vector and output.elements not in sizes else 0


def _check_labels(labels: Array, count: int, graph: Graph, where: str) -> Array:
    number = classes(graph)
    if not number:
        raise InputError(
            f"{where} has labels 'y', and {graph.name} is not a classifier",
            hint="leave 'y' out: agreement with the float model needs no labels",
        )
    return checked_labels(labels, count, number, where)


def _digest(samples: Sequence[Inputs]) -> str:
    total = hashlib.sha256()
    for inputs in samples:
        for array in inputs:
            total.update(array.tobytes())
    return total.hexdigest()
