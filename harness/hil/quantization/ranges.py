"""Calibration: the range of every float activation over a set of samples.

Three methods choose the range ``[low, high]`` that a quantizer will represent:

- ``minmax``: the smallest and the largest value seen.
- ``percentile:P``: the range that keeps P percent of all values of all samples; (100 - P) / 2
  percent lie beyond either end. Values are counted in bins (:class:`_Histogram`), so an end is off
  by at most 1/256 of its own size, outwards: never more is clipped than P allows.
- ``moving-average:A``: the exponential moving average of each sample's minimum and maximum, as
  TensorFlow's quantization-aware training and ai-edge-quantizer take it: the first sample as it is,
  then ``A * average + (1 - A) * sample``. It depends on the order of the samples.

Memory does not grow with the number of samples: 1 MiB a tensor for the bins, none for ``minmax``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from hil.errors import InputError, UnsupportedModel, UsageError
from hil.records import Array
from hil.records import TensorRange as TensorRange
from hil.tflite.graph import Graph, Tensor
from hil.tflite.host_reference import reference_for
from hil.tflite.model import Model

METHODS = "minmax, percentile:P (such as percentile:99.9), moving-average:A (0.95)"
_DEFAULT_PARAMETER = {"minmax": 0.0, "percentile": 99.9, "moving-average": 0.95}
_FORM = f"calibration methods are {METHODS}"
_SHIFT = (
    15  # of a float32's 32 bits the upper 17 name its bin: sign, exponent, 8 of the significand
)
_BINS = 1 << (32 - _SHIFT)

Progress = Callable[[int, int], None]  # samples done, of how many


@dataclass(frozen=True)
class Method:
    """A calibration method and its parameter (P in percent, A from 0 to 1; 0 where none)."""

    name: Literal["minmax", "percentile", "moving-average"]
    parameter: float = 0.0

    def __str__(self) -> str:
        return self.name if self.name == "minmax" else f"{self.name}:{self.parameter:g}"

    @classmethod
    def parse(cls, text: str) -> Method:
        """Parse ``NAME`` or ``NAME:PARAMETER``.

        Raises:
            UsageError: an unknown name, or an invalid parameter.
        """
        name, colon, given = text.partition(":")
        if name not in _DEFAULT_PARAMETER or (name == "minmax" and colon):
            raise UsageError(f"unknown calibration method '{text}'", hint=_FORM)
        try:
            parameter = float(given) if colon else _DEFAULT_PARAMETER[name]
        except ValueError as error:
            raise UsageError(f"'{given}' in '{text}' is not a number", hint=_FORM) from error
        if name == "percentile" and not 50 < parameter <= 100:
            raise UsageError(f"{text}: P must be above 50 and at most 100 percent", hint=_FORM)
        if name == "moving-average" and not 0 <= parameter < 1:
            raise UsageError(f"{text}: A must be at least 0 and below 1", hint=_FORM)
        return cls(name, parameter)  # type: ignore[arg-type]  # a key of the table of defaults


@dataclass(frozen=True)
class Ranges:
    """The ranges of a model's float activations by tensor index, in file order."""

    method: str
    samples: int
    tensors: Mapping[int, TensorRange]


def calibrate(
    model: Model,
    samples: Sequence[tuple[Array, ...]],
    method: Method | str = "minmax",
    progress: Progress | None = None,
) -> Ranges:
    """Run ``samples`` through the float model on the host and return its activations' ranges.

    A sample is one array for each input of the model, as ``hil.tflite.inputs.make_inputs`` gives
    them. Activations are all float32 tensors that are not constants, inputs of the model included.

    Raises:
        UsageError: the method is unknown.
        UnsupportedModel: the model has no float activations.
        InputError: there are no samples, one does not fit the model, or one makes an activation
            infinite or not a number.
        ModelError: TFLite cannot run the model.
    """
    chosen = Method.parse(method) if isinstance(method, str) else method
    observers = {t.index: _observer(chosen, t) for t in float_activations(model.graph)}
    if not observers:
        raise UnsupportedModel(
            f"{model.name} has no float activations to calibrate; it is {model.graph.dtype}",
            hint="give the float32 model that it was made from",
        )
    if not samples:
        raise InputError("there are no samples to calibrate with", hint="give at least one")
    reference = reference_for(model, keep_all=True)
    for number, sample in enumerate(samples):
        reference.run(sample)
        for index, observer in observers.items():
            observer.see(reference.tensor(index), number)
        if progress is not None:
            progress(number + 1, len(samples))
    found = {index: observer.result() for index, observer in observers.items()}
    return Ranges(str(chosen), len(samples), found)


def float_activations(graph: Graph) -> list[Tensor]:
    """Return the float32 tensors that are inputs of the model or outputs of ops, with elements."""
    written = {*graph.inputs, *(index for op in graph.ops for index in op.outputs)}
    return [t for t in graph.tensors if t.index in written and t.dtype == "float32" and t.elements]


class _Observer:
    """Keeps the extremes of one tensor: the method ``minmax``."""

    def __init__(self, tensor: Tensor) -> None:
        self._tensor = tensor
        self.minimum, self.maximum = math.inf, -math.inf

    def see(self, values: Array, sample: int) -> None:
        low, high = float(values.min()), float(values.max())
        if not (math.isfinite(low) and math.isfinite(high)):
            raise InputError(
                f"sample {sample} makes the tensor '{self._tensor.name}' infinite or not a number",
                hint="the model's arithmetic overflows there; remove the sample or scale it",
            )
        self._note(values, low, high)
        self.minimum, self.maximum = min(self.minimum, low), max(self.maximum, high)

    def _note(self, values: Array, low: float, high: float) -> None:
        """Add one sample's finite values, before the extremes are updated."""

    def result(self) -> TensorRange:
        low, high, clipped = self._choose()
        # -0.0 + 0.0 is 0.0, without the sign.
        return TensorRange(
            self._tensor.index,
            self._tensor.name,
            minimum=self.minimum + 0.0,
            maximum=self.maximum + 0.0,
            low=low + 0.0,
            high=high + 0.0,
            clipped=clipped,
        )

    def _choose(self) -> tuple[float, float, float]:
        return self.minimum, self.maximum, 0.0


class _Percentile(_Observer):
    def __init__(self, tensor: Tensor, percent: float) -> None:
        super().__init__(tensor)
        self._percent, self._histogram = percent, _Histogram()

    def _note(self, values: Array, low: float, high: float) -> None:
        self._histogram.add(values)

    def _choose(self) -> tuple[float, float, float]:
        low, high = self._histogram.keeping(self._percent)
        low = min(max(low, self.minimum), self.maximum)
        high = max(min(high, self.maximum), low)
        return low, high, self._histogram.share_outside(low, high)


class _MovingAverage(_Observer):
    def __init__(self, tensor: Tensor, smoothing: float) -> None:
        super().__init__(tensor)
        self._smoothing, self._histogram = smoothing, _Histogram()
        self._average: tuple[float, float] | None = None

    def _note(self, values: Array, low: float, high: float) -> None:
        self._histogram.add(values)
        old, a = self._average, self._smoothing
        self._average = (
            (low, high)
            if old is None
            else (a * old[0] + (1 - a) * low, a * old[1] + (1 - a) * high)
        )

    def _choose(self) -> tuple[float, float, float]:
        assert self._average is not None
        low, high = self._average
        return low, high, self._histogram.share_outside(low, high)


def _observer(method: Method, tensor: Tensor) -> _Observer:
    if method.name == "percentile":
        return _Percentile(tensor, method.parameter)
    if method.name == "moving-average":
        return _MovingAverage(tensor, method.parameter)
    return _Observer(tensor)


class _Histogram:
    """Counts of float32 values by the upper bits of their pattern, in the order of the numbers.

    The bit patterns of floats of one sign are ordered as the floats are, so their upper bits make
    bins whose relative width is 2**-8 everywhere: no range has to be known beforehand. Only what
    lies below the smallest normal number is taken for zero.
    """

    def __init__(self) -> None:
        self._counts = np.zeros(_BINS, np.int64)

    def add(self, values: Array) -> None:
        self._counts += np.bincount(_bins(values), minlength=_BINS)

    def keeping(self, percent: float) -> tuple[float, float]:
        """Return the narrowest bounds on bin edges with at most half the rest beyond each."""
        total = int(self._counts.sum())
        beyond = math.floor(total * (100 - percent) / 200)
        below = np.cumsum(self._counts)
        first = int(np.searchsorted(below, beyond, side="right"))
        last = int(np.searchsorted(below, total - beyond, side="left"))
        return float(_edges(first)[0]), float(_edges(last)[1])

    def share_outside(self, low: float, high: float) -> float:
        """Share of the values in bins below that of ``low`` or above that of ``high``."""
        first, last = _bins(np.array([low, high], np.float32))
        outside = int(self._counts[:first].sum()) + int(self._counts[last + 1 :].sum())
        return outside / int(self._counts.sum())


def _bins(values: Array) -> npt.NDArray[np.int64]:
    """Bin numbers that rise with the value; -0.0 counts as 0.0."""
    pattern = (np.ravel(values).astype(np.float32, copy=False) + np.float32(0)).view(np.uint32)
    negative = pattern >> np.uint32(31) == 1
    ordered = np.where(negative, ~pattern, pattern | np.uint32(1 << 31))
    return (ordered >> np.uint32(_SHIFT)).astype(np.int64)


def _edges(number: int) -> tuple[np.float32, np.float32]:
    """Smallest and largest float32 in a bin."""
    ordered = np.array([number << _SHIFT, ((number + 1) << _SHIFT) - 1], np.uint32)
    positive = ordered >> np.uint32(31) == 1
    pattern = np.where(positive, ordered & np.uint32(0x7FFFFFFF), ~ordered)
    low, high = np.where(pattern & np.uint32(0x7F800000), pattern, 0).view(np.float32)
    return low, high
