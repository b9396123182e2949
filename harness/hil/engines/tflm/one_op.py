"""A model with one op: the smallest one that shows whether a library works.

FULLY_CONNECTED, int8, 8 inputs and 4 outputs, per-tensor, with bias: every TFLM has it, and an
optimized library has a kernel of its own for it.
"""

from __future__ import annotations

import numpy as np

from hil.records import Array
from hil.tflite.graph import Graph, Op, Quantization, Tensor
from hil.tflite.model import Model
from hil.tflite.schema import default_options

IN, OUT = 8, 4


def one_op_model() -> Model:
    """Return the model."""
    weights = (np.arange(OUT * IN, dtype=np.int16) * 37 % 255 - 127).astype(np.int8)
    bias = np.array([100, -200, 300, -400], np.int32)
    tensors = (
        _tensor(0, "input", (1, IN), 0.05, -3),
        _tensor(1, "weights", (OUT, IN), 0.01, 0, weights.reshape(OUT, IN)),
        _tensor(2, "bias", (OUT,), 0.05 * 0.01, 0, bias),
        _tensor(3, "output", (1, OUT), 0.04, 5),
    )
    options = default_options("FULLY_CONNECTED")
    op = Op(0, "FULLY_CONNECTED", 1, (0, 1, 2), (3,), options, IN * OUT)
    return Model.of_graph(Graph("one_op", tensors, (op,), (0,), (3,), "one op, made by hil"))


def _tensor(
    index: int,
    name: str,
    shape: tuple[int, ...],
    scale: float,
    zero_point: int,
    data: Array | None = None,
) -> Tensor:
    quantization = Quantization(np.array([scale], np.float32), np.array([zero_point]), 0)
    dtype = "int8" if data is None else str(data.dtype)
    return Tensor(index, name, shape, dtype, quantization, data)
