"""Real numbers into a tensor's integers, by the one rule that all parts of hil share."""

from __future__ import annotations

import numpy as np

from hil.records import Array
from hil.tflite.graph import Tensor


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
