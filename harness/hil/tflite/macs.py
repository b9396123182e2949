"""Multiply-accumulates of an op, from shapes alone.

Counted as MLPerf Tiny and TensorFlow's tools count: every output element of a convolution costs one
MAC per filter tap and input channel, taps that fall into the padding included; additions of a bias
and elementwise ops cost none.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

Shape = tuple[int, ...]
_RECURRENT = {"SVDF": slice(1, 3), "UNIDIRECTIONAL_SEQUENCE_LSTM": slice(1, 9)}
"""Inputs that are matrices which a row of the data, or of the state, is multiplied with."""


def op_macs(name: str, inputs: Sequence[Shape | None], outputs: Sequence[Shape]) -> int:
    """Return the MACs of one op; ``inputs`` holds None for an absent optional input.

    Weight layouts are TFLite's: CONV_2D (out, h, w, in), DEPTHWISE_CONV_2D (1, h, w, out),
    FULLY_CONNECTED (out, in), TRANSPOSE_CONV (out, h, w, in) as second input, CONV_3D
    (d, h, w, in, out), BATCH_MATMUL (..., k, n).

    Raises:
        ValueError: the op lacks its weights or they have the wrong rank.
    """
    if name == "CONV_2D":  # a grouped convolution's filter holds the channels of one group
        return prod(outputs[0]) * prod(_weights(inputs, rank=4)[1:])
    if name == "DEPTHWISE_CONV_2D":
        return prod(outputs[0]) * prod(_weights(inputs, rank=4)[1:3])
    if name == "FULLY_CONNECTED":
        return prod(outputs[0]) * _weights(inputs, rank=2)[1]
    if name == "TRANSPOSE_CONV":  # every input element is spread over all taps
        data = inputs[2] if len(inputs) > 2 else None
        if data is None:
            raise ValueError("it has no data input")
        return prod(data) * prod(_weights(inputs, rank=4)[:3])
    if name == "CONV_3D":
        return prod(outputs[0]) * prod(_weights(inputs, rank=5)[:4])
    if name == "BATCH_MATMUL":
        left = inputs[0]
        if not left or not outputs[0]:
            raise ValueError("it has no matrix to multiply")
        inner = prod(left) * outputs[0][-1]
        return inner * prod(outputs[0][:-2]) // max(1, prod(left[:-2]))
    if name in _RECURRENT:  # each row of the data meets all the matrices
        rows = prod((inputs[0] or ())[:-1]) if inputs else 0
        return rows * sum(prod(shape) for shape in inputs[_RECURRENT[name]] if shape)
    return 0


def _weights(inputs: Sequence[Shape | None], rank: int) -> Shape:
    weights = inputs[1] if len(inputs) > 1 else None
    if weights is None or len(weights) != rank:
        raise ValueError(f"its weights have shape {weights}, where rank {rank} was expected")
    return weights
