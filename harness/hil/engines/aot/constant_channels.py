"""Output channels of int8 layers that have the same value for every input.

Training leaves channels that are always off: their scales are tiny and their biases huge, so that
all sums saturate. With zero weights and a small bias they compute the same, and the layer can use
the arithmetic for small biases and right shifts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hil.engines.aot.quant import (
    activation_range,
    quantize_multiplier,
    requantize,
    scale_zero_point,
)
from hil.tflite.graph import Graph, Op

SMALL_BIAS = 1 << 23  # a bias that shares a word with a shift has 24 bits


@dataclass(frozen=True, eq=False)
class Settled:
    """Which channels are ``constant`` and get weights of (real) zero, and the biases and effective
    scales of all channels then."""

    constant: npt.NDArray[np.bool_]
    bias: npt.NDArray[np.int32]
    scales: npt.NDArray[np.float64]


def settle(
    op: Op,
    graph: Graph,
    rows: npt.NDArray[Any],
    bias: npt.NDArray[np.int32],
    scales: npt.NDArray[np.float64],
) -> Settled:
    """Find constant channels among those with a large bias or without a right shift.

    ``rows``: weights [channels, ...] less their zero point; ``bias`` with the input's folded in.
    """
    output = graph.tensors[op.outputs[0]]
    low, high = activation_range(op, output)
    zero_point = scale_zero_point(op, output)[1]
    reach = 128 * np.abs(rows.reshape(len(rows), -1).astype(np.int64)).sum(axis=1)
    settled = Settled(np.zeros(len(rows), dtype=np.bool_), bias.copy(), scales.copy())
    for channel in range(len(rows)):
        middle = int(bias[channel])
        multiplier, shift = quantize_multiplier(float(scales[channel]))
        if abs(middle) < SMALL_BIAS and (shift < 0 or multiplier == 0):
            continue
        ends = (middle - int(reach[channel]), middle + int(reach[channel]))
        if any(abs(end) << max(shift, 0) >= 1 << 31 for end in ends):
            continue  # wraps on the device
        values = {
            min(max(requantize(end, multiplier, shift) + zero_point, low), high) for end in ends
        }
        if len(values) == 1:
            settled.constant[channel] = True
            settled.bias[channel] = 4 * (values.pop() - zero_point)
            settled.scales[channel] = 0.25
    return settled
