"""q16 in a few lines of numpy: what the kernels for int16 weights must compute, bit for bit.

Exact integer sums; for scales 2**-n and k = n_x + n_w - n_y the output is (sum + 2**(k-1)) >> k, or
sum << -k where k <= 0, clamped to the fused activation's range.
"""

from __future__ import annotations

import math

import numpy as np
from hil.tflite.graph import Graph, Tensor

_BOUNDS = {
    "NONE": (-math.inf, math.inf),
    "RELU": (0, math.inf),
    "RELU6": (0, 6),
    "RELU_N1_TO_1": (-1, 1),
}


def run(graph: Graph, x: np.ndarray) -> np.ndarray:
    """The output of a graph of one CONV_2D, DEPTHWISE_CONV_2D or FULLY_CONNECTED."""
    (op,) = graph.ops
    weights = graph.tensors[op.inputs[1]]
    has_bias = len(op.inputs) > 2 and op.inputs[2] >= 0
    bias = graph.tensors[op.inputs[2]].data if has_bias else 0
    y = graph.tensors[op.outputs[0]]
    w = np.asarray(weights.data).astype(np.int64)
    if op.name == "FULLY_CONNECTED":
        sums = x.reshape(-1, w.shape[1]).astype(np.int64) @ w.T
    elif op.name == "CONV_2D":
        sums = _windows(op.options, w.shape[1:3], x, y.shape, lambda p: _dense(p, w))
    else:
        sums = _windows(op.options, w.shape[1:3], x, y.shape, lambda p: _depthwise(p, w))
    sums = sums + np.asarray(bias, dtype=np.int64)
    n_x, n_y = _bits(graph.tensors[op.inputs[0]])[0], _bits(y)[0]
    shifted = np.empty_like(sums)
    for c in range(sums.shape[-1]):
        n_w = _bits(weights)[c % len(_bits(weights))]
        k = n_x + n_w - n_y
        column = sums[..., c]
        shifted[..., c] = (column + (1 << (k - 1))) >> k if k > 0 else column << -k
    low, high = _BOUNDS[str(op.options.get("fused_activation_function", "NONE"))]
    low, high = max(-32768, low * 2**n_y), min(32767, high * 2**n_y)
    return np.clip(shifted, low, high).astype(np.int16).reshape(y.shape)


def _bits(tensor: Tensor) -> list[int]:
    assert tensor.quantization is not None
    return [int(-math.log2(float(s))) for s in tensor.quantization.scale]


def _windows(options, kernel, x, out_shape, product):  # type: ignore[no-untyped-def]
    """Apply ``product`` to what the kernel sees ([batch, kh, kw, c]) at each output position."""
    strides = options["stride_h"], options["stride_w"]
    dilations = options["dilation_h_factor"], options["dilation_w_factor"]
    before = []
    for axis in (0, 1):
        span = (kernel[axis] - 1) * dilations[axis] + 1
        missing = (out_shape[axis + 1] - 1) * strides[axis] + span - x.shape[axis + 1]
        before.append(max(0, missing) // 2 if options["padding"] == "SAME" else 0)
    wide = np.zeros((x.shape[0], x.shape[1] + 99, x.shape[2] + 99, x.shape[3]), np.int64)
    wide[:, before[0] : before[0] + x.shape[1], before[1] : before[1] + x.shape[2]] = x
    out = np.zeros(out_shape, np.int64)
    for row in range(out_shape[1]):
        for column in range(out_shape[2]):
            top, left = row * strides[0], column * strides[1]
            seen = wide[:, top :: dilations[0], left :: dilations[1]]
            out[:, row, column] = product(seen[:, : kernel[0], : kernel[1]])
    return out


def _dense(patch: np.ndarray, w: np.ndarray) -> np.ndarray:
    groups = patch.shape[3] // w.shape[3]
    parts = zip(np.split(patch, groups, axis=3), np.split(w, groups), strict=True)
    return np.concatenate([np.einsum("bhwc,ohwc->bo", p, part) for p, part in parts], axis=1)


def _depthwise(patch: np.ndarray, w: np.ndarray) -> np.ndarray:
    repeated = np.repeat(patch, w.shape[3] // patch.shape[3], axis=3)
    return np.einsum("bhwc,hwc->bc", repeated, w[0])
