"""Data in a model input's own type: floats are quantized where the model takes integers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from hil.records import Array
from hil.tflite.graph import Tensor
from hil.tflite.inputs import as_samples
from hil.tflite.integers import to_integers


def prepare(array: Array, tensor: Tensor, where: str) -> tuple[Array, str]:
    """Return (samples of the tensor's dtype, a description of the conversion).

    Data of the tensor's own dtype stays as it is. Float data is rounded to float32 for a float32
    input, and quantized for an integer one (``hil.tflite.integers``). Nothing else is
    converted.

    Raises:
        InputError: dtype or shape do not fit, or there is a NaN or an infinity.
    """
    array = np.asarray(array)
    same = array.dtype.newbyteorder("=") == np.dtype(tensor.dtype)
    quantized = np.dtype(tensor.dtype).kind in "iu" and tensor.quantization is not None
    if array.dtype.kind != "f" or same or not (quantized or tensor.dtype == "float32"):
        return as_samples(array, tensor, where), f"{tensor.dtype} data as it is"
    wide = array.dtype
    with np.errstate(over="ignore"):  # what becomes infinite is refused with its sample's number
        array = array.astype(np.float32)
    samples = as_samples(array, replace(tensor, dtype="float32", quantization=None), where)
    if not quantized:
        return samples, f"{wide} data rounded to float32"
    return _quantized(samples, tensor, str(wide))


def _quantized(samples: Array, tensor: Tensor, dtype: str) -> tuple[Array, str]:
    assert tensor.quantization is not None
    out = np.empty(samples.shape, tensor.dtype)
    clipped = 0
    for at in range(len(samples)):  # sample by sample: a large data set would need it all as float
        out[at], beyond = to_integers(samples[at], tensor)
        clipped += beyond
    share = clipped / samples.size if samples.size else 0.0
    scale = np.float32(tensor.quantization.scale[0])
    return out, (
        f"{dtype} data quantized to {tensor.dtype} (scale {scale:.6g}, "
        f"zero point {int(tensor.quantization.zero_point[0])}; "
        + (f"{share:.2%} of the values clipped)" if clipped else "nothing clipped)")
    )
