"""Models of one fully connected op, for tests that need a model but not its arithmetic."""

from __future__ import annotations

import numpy as np

from tests.support.tflite_builder import ModelBuilder

SCALE, ZERO_POINT = 0.05, -3


def dense(
    inputs: tuple[int, ...] = (1, 6), outputs: int = 3, dtype: str = "int8", seed: int = 0
) -> bytes:
    """A model from ``inputs`` (flattened) to (1, ``outputs``); its input is quantized by
    ``SCALE`` and ``ZERO_POINT``, its output too."""
    random = np.random.Generator(np.random.PCG64(seed))
    elements = int(np.prod(inputs))
    b = ModelBuilder()
    quantized = {"scale": SCALE, "zero_point": ZERO_POINT} if dtype == "int8" else {}
    x = b.tensor(inputs, dtype, name="samples", **quantized)
    if dtype == "int8":
        weights = random.integers(-127, 128, (outputs, elements)).astype(np.int8)
        w = b.tensor(weights.shape, dtype, scale=0.02, data=weights)
    else:
        w = b.tensor(
            (outputs, elements), dtype, data=random.random((outputs, elements), np.float32)
        )
    y = b.tensor((1, outputs), dtype, **quantized)
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    return b.build([x], [y])
