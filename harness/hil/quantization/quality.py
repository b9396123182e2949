"""How close a variant is to its float parent: every tensor, and the outputs.

Both run on the host's reference kernels with the same samples, each in its own input quantization.
For a parent's values x and the variant's y as real numbers, over all samples together:

- SQNR = 10 log10(sum x**2 / sum (y - x)**2) in dB; infinite where y equals x;
- cosine similarity = sum x*y / (|x| |y|); 1 where both are all zero;
- agreement (top-1): the share of samples for which the largest score is at the same class.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from hil.quantization.calibration_data import CalibrationData, Inputs, Samples, classes
from hil.records import Agreement, Array, TensorQuality
from hil.tflite.graph import Graph, Tensor
from hil.tflite.host_reference import HostReference, reference_for
from hil.tflite.integers import Reals, to_integers, to_reals
from hil.tflite.model import Model

Progress = Callable[[int, int], None]


def compare(
    parent: Model, variant: Model, data: CalibrationData, progress: Progress | None = None
) -> tuple[tuple[TensorQuality, ...], tuple[Agreement, ...]]:
    """Return the quality of every tensor, worst SQNR first, and the agreement on both sets.

    Activations are compared over the held-out samples.

    Raises:
        ModelError: one of the models cannot be run.
    """
    both = _Both(parent, variant)
    total, done = len(data.calibration) + len(data.held_out), 0
    agreements = []
    for name, samples in (("calibration", data.calibration), ("held-out", data.held_out)):
        ends = _Outputs()
        for inputs in samples.inputs:
            ends.add(*both.outputs(inputs))
            if name == "held-out":
                both.compare_tensors()
            done += 1
            if progress is not None:
                progress(done, total)
        agreements.append(ends.agreement(name, samples, classes(parent.graph)))
    tensors = [*both.activations(), *weights(parent.graph, variant.graph)]
    return tuple(sorted(tensors, key=lambda t: (t.sqnr_db, t.index))), tuple(agreements)


def matching(parent: Graph, variant: Graph) -> list[tuple[Tensor, Tensor]]:
    """Pair the tensors of both by name and number of elements, in order; constants with constants.

    A name that occurs several times in both is paired in order.
    """
    waiting: dict[tuple[str, int, bool], list[Tensor]] = {}
    for tensor in variant.tensors:
        key = (tensor.name, tensor.elements, tensor.is_constant)
        waiting.setdefault(key, []).append(tensor)
    pairs = []
    for tensor in parent.tensors:
        found = waiting.get((tensor.name, tensor.elements, tensor.is_constant))
        if found and tensor.dtype == "float32":
            pairs.append((tensor, found.pop(0)))
    return pairs


def weights(parent: Graph, variant: Graph) -> list[TensorQuality]:
    """Return the quality of the constants that were quantized."""
    qualities = []
    for before, after in matching(parent, variant):
        if before.data is None or after.data is None or after.dtype == "float32":
            continue
        sums = _Sums()
        sums.add(before.data, to_reals(after.data, after), _limits(after))
        qualities.append(sums.quality(before, after, "weights"))
    return qualities


def fed(inputs: Inputs, graph: Graph) -> Inputs:
    """Return float inputs in the dtypes of a model's inputs, quantized where those are integers."""
    pairs = zip(inputs, graph.input_tensors, strict=True)
    return tuple(_quantized(array, tensor) for array, tensor in pairs)


def _quantized(array: Array, tensor: Tensor) -> Array:
    to_quantize = tensor.quantization is not None and np.dtype(tensor.dtype).kind in "iu"
    return to_integers(array, tensor)[0] if to_quantize and array.dtype.kind == "f" else array


def _limits(tensor: Tensor) -> tuple[float, float]:
    """The real numbers between which the tensor's integers lie, a step beyond either end.

    A step, so that a SOFTMAX that writes 1 does not count: its integers end at 255/256 by rule.
    """
    q = tensor.quantization
    if q is None or np.dtype(tensor.dtype).kind not in "iu" or q.per_channel:
        return -math.inf, math.inf
    limits, scale, zero = np.iinfo(tensor.dtype), float(q.scale[0]), int(q.zero_point[0])
    return (limits.min - zero - 1) * scale, (limits.max - zero + 1) * scale


class _Both:
    """Both models, and the sums of each tensor so far."""

    def __init__(self, parent: Model, variant: Model) -> None:
        self._parent, self._variant = parent.graph, variant.graph
        self._float = reference_for(parent, keep_all=True)
        self._other = reference_for(variant, keep_all=True)
        written = {i for op in variant.graph.ops for i in op.outputs} | set(variant.graph.inputs)
        self._pairs = [
            (before, after, _Sums())
            for before, after in matching(parent.graph, variant.graph)
            if after.index in written
        ]

    def outputs(self, inputs: Inputs) -> tuple[list[Reals], list[Reals]]:
        """Run both; the outputs of each as real numbers."""
        return (
            list(_outputs(self._float, self._parent, inputs)),
            list(_outputs(self._other, self._variant, fed(inputs, self._variant))),
        )

    def compare_tensors(self) -> None:
        """Add the tensors of the last run to the sums."""
        for before, after, sums in self._pairs:
            y = to_reals(self._other.tensor(after.index), after)
            sums.add(self._float.tensor(before.index), y, _limits(after))

    def activations(self) -> Iterator[TensorQuality]:
        for before, after, sums in self._pairs:
            yield sums.quality(before, after, "activation")


def _outputs(reference: HostReference, graph: Graph, inputs: Inputs) -> Iterator[Reals]:
    for array, tensor in zip(reference.run(inputs), graph.output_tensors, strict=True):
        yield to_reals(array, tensor)


class _Sums:
    """Sums over all values of one tensor."""

    def __init__(self) -> None:
        self.signal = self.noise = self.other = self.product = self.largest = 0.0
        self.values = self.beyond = 0

    def add(self, x: Array, y: Reals, limits: tuple[float, float] = (-math.inf, math.inf)) -> None:
        x = x.astype(np.float64).ravel()
        y = y.ravel()
        difference = y - x
        self.signal += float(x @ x)
        self.other += float(y @ y)
        self.product += float(x @ y)
        self.noise += float(difference @ difference)
        self.largest = max(self.largest, float(np.abs(difference).max(initial=0.0)))
        self.values += x.size
        self.beyond += int(np.count_nonzero((x < limits[0]) | (x > limits[1])))

    @property
    def sqnr_db(self) -> float:
        if self.noise == 0:
            return math.inf
        return 10 * math.log10(self.signal / self.noise) if self.signal else -math.inf

    @property
    def cosine(self) -> float:
        if self.signal == 0 or self.other == 0:
            return float(self.signal == self.other)
        return self.product / math.sqrt(self.signal) / math.sqrt(self.other)

    def quality(self, before: Tensor, after: Tensor, kind: str) -> TensorQuality:
        q = after.quantization if after.dtype != "float32" else None
        return TensorQuality(
            index=before.index,
            name=before.name,
            kind=kind,
            dtype=after.dtype,
            scale=float(q.scale.max()) if q else 0.0,
            zero_point=int(q.zero_point[0]) if q else 0,
            sqnr_db=self.sqnr_db,
            cosine=self.cosine,
            saturated=self.beyond / self.values if self.values else 0.0,
        )


class _Outputs:
    """The outputs of both models over a set of samples."""

    def __init__(self) -> None:
        self._sums = _Sums()
        self._float: list[int] = []
        self._other: list[int] = []

    def add(self, want: Sequence[Reals], got: Sequence[Reals]) -> None:
        for x, y in zip(want, got, strict=True):
            self._sums.add(x, y)
        self._float.append(int(want[0].argmax()))
        self._other.append(int(got[0].argmax()))

    def agreement(self, name: str, samples: Samples, n_classes: int) -> Agreement:
        want, got = np.array(self._float), np.array(self._other)
        labels = samples.labels
        return Agreement(
            data=name,
            samples=len(samples),
            top1=float((want == got).mean()) if n_classes else None,
            sqnr_db=self._sums.sqnr_db,
            cosine=self._sums.cosine,
            max_abs_diff=self._sums.largest,
            parent_accuracy=None if labels is None else float((want == labels).mean()),
            accuracy=None if labels is None else float((got == labels).mean()),
        )
