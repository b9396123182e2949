"""Real numbers into a tensor's integers and back, by the rule that all parts of hil share."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hil.records import Array
from hil.tflite.graph import Tensor

Reals = npt.NDArray[np.float64]


def to_integers(values: Array, tensor: Tensor) -> tuple[Array, int]:
    """Quantize finite reals with a tensor's one scale and zero point, as TFLite's QUANTIZE does.

    x / scale in float32, rounded to the nearest with halves away from zero, plus zero point,
    clipped. Returns (integers of the tensor's dtype in the shape of ``values``, how many of them
    were clipped).
    """
    quantization = tensor.quantization
    assert quantization is not None
    scale = np.float32(quantization.scale[0])
    real = (values.astype(np.float32, copy=False) / scale).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(real) + 0.5), real) + int(quantization.zero_point[0])
    limits = np.iinfo(tensor.dtype)
    clipped = int(np.count_nonzero((rounded < limits.min) | (rounded > limits.max)))
    integers: Array = np.clip(rounded, limits.min, limits.max).astype(tensor.dtype)
    return integers, clipped


def to_reals(array: Array, tensor: Tensor) -> Reals:
    """Return the real numbers that a tensor's values are, by its scales and zero points."""
    values = array.astype(np.float64)
    quantization = tensor.quantization
    if quantization is None or array.dtype.kind == "f":
        return values
    shape = [1] * array.ndim
    if quantization.per_channel:
        shape[quantization.axis] = -1
    scale = quantization.scale.astype(np.float64).reshape(shape if array.ndim else ())
    result: Reals = (values - quantization.zero_point.reshape(scale.shape)) * scale
    return result
