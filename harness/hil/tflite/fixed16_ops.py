"""Exact arithmetic of the ops with int16 weights; :mod:`hil.tflite.fixed16` says what it is.

Sums are taken in float64 by BLAS, and are exact all the same: a product of two int16 numbers is at
most 2**30, so every partial sum of fewer than 2**23 products is an integer below 2**53. float64
represents all of those, in whatever order, fused or not, they are added.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from hil.errors import UnsupportedModel
from hil.records import Array
from hil.tflite.graph import Graph, Op

_MOST_PRODUCTS = (1 << 23) - 1
_BOUNDS = {"NONE": (-math.inf, math.inf), "RELU": (0.0, math.inf), "RELU6": (0.0, 6.0)}
_BOUNDS["RELU_N1_TO_1"] = (-1.0, 1.0)
_MIN, _MAX = -32768, 32767

Floats = npt.NDArray[np.float64]
Step = Callable[[Mapping[int, Array]], Sequence[Array]]


def lowered(op: Op, graph: Graph) -> Step:
    """Return what computes an op with int16 weights from the values of tensors.

    Raises:
        UnsupportedModel: the op is not as ``hil.tflite.fixed16`` has it.
    """
    weights = graph.tensors[op.inputs[1]].data
    if weights is None:
        _refuse(op, "computes its weights", "constant weights")
    finish = _Finish(op, graph)
    _check_shapes(op, graph)
    if op.name == "FULLY_CONNECTED":
        sums = _fully_connected(op, weights)
    elif op.name == "DEPTHWISE_CONV_2D":
        sums = _depthwise(op, graph, weights)
    else:
        sums = _convolution(op, graph, weights)
    source = op.inputs[0]
    return lambda values: [finish(sums(values[source].astype(np.float64)))]


class _Finish:
    """From exact sums, channels last, to the op's int16 output."""

    def __init__(self, op: Op, graph: Graph) -> None:
        x, weights = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]]
        y = graph.tensors[op.outputs[0]]
        for tensor in (x, weights, y):
            if tensor.dtype != "int16":
                _refuse(op, f"has the {tensor.dtype} tensor '{tensor.name}'", "int16 throughout")
        bits = [_fraction_bits(op, graph, index) for index in (*op.inputs[:2], op.outputs[0])]
        self._excess = bits[0] + bits[1] - bits[2]
        self._bias = _bias(op, graph, bits[0] + bits[1])
        self._low, self._high = _activation_range(op, bits[2])
        self._shape = y.shape

    def __call__(self, sums: Floats) -> Array:
        acc = sums.astype(np.int64)
        acc += self._bias
        q = _shifted(acc, self._excess)
        return np.clip(q, self._low, self._high, out=q).astype(np.int16).reshape(self._shape)


def _shifted(acc: npt.NDArray[np.int64], k: int) -> npt.NDArray[np.int64]:
    """acc * 2**-k, ties towards plus infinity, saturated where it leaves int16; reuses ``acc``."""
    if k > 62:  # |acc| is below 2**62
        return np.zeros_like(acc)
    if k > 0:
        acc += 1 << (k - 1)
        acc >>= k
        return acc
    # Beyond 16 bits to the left all but 0 saturates: no need to shift further, nor to overflow.
    return np.clip(acc, 2 * _MIN, 2 * _MAX) << min(-k, 17)


def _fraction_bits(op: Op, graph: Graph, index: int) -> int:
    """n where the tensor's one scale is 2**-n and its zero point 0."""
    tensor = graph.tensors[index]
    quantization = tensor.quantization
    needed = "one power-of-two scale and zero point 0 for each tensor (the scheme q16)"
    if quantization is None or quantization.scale.size != 1:
        _refuse(op, f"has int16 weights and several or no scales for '{tensor.name}'", needed)
    scale = float(quantization.scale[0])
    mantissa, exponent = math.frexp(scale)
    if mantissa != 0.5:
        _refuse(
            op,
            f"has int16 weights and the scale {scale:g} for '{tensor.name}', no power of two",
            needed + "; int8 weights (int16x8) may have any scale",
        )
    if quantization.zero_point[0] != 0:
        _refuse(op, f"has a zero point for '{tensor.name}'", needed)
    return 1 - exponent


def _bias(op: Op, graph: Graph, fraction_bits: int) -> npt.NDArray[np.int64]:
    if len(op.inputs) < 3 or op.inputs[2] < 0:
        return np.zeros(1, np.int64)
    tensor = graph.tensors[op.inputs[2]]
    if tensor.data is None or tensor.dtype != "int64":
        _refuse(op, f"has the {tensor.dtype} bias '{tensor.name}'", "a constant int64 bias")
    if _fraction_bits(op, graph, tensor.index) != fraction_bits:
        _refuse(op, f"has another scale for '{tensor.name}'", "the input's times the weights'")
    if tensor.elements and int(np.abs(tensor.data).max()) >= 1 << 61:
        _refuse(op, f"has a bias beyond 2**61 ('{tensor.name}')", "smaller ones")
    return tensor.data.astype(np.int64)


def _activation_range(op: Op, fraction_bits: int) -> tuple[int, int]:
    """As TFLite's CalculateActivationRangeQuantized; bounds are integers of power-of-two scales."""
    name = str(op.options.get("fused_activation_function", "NONE"))
    if name not in _BOUNDS:
        _refuse(op, f"has the fused activation {name}", ", ".join(_BOUNDS))
    low, high = _BOUNDS[name]

    def quantized(bound: float) -> int:
        steps = math.ldexp(bound, fraction_bits)
        return math.floor(abs(steps) + 0.5) * (1 if steps >= 0 else -1)

    return (
        _MIN if low == -math.inf else max(_MIN, quantized(low)),
        _MAX if high == math.inf else min(_MAX, quantized(high)),
    )


# Sums


def _fully_connected(op: Op, weights: Array) -> Callable[[Floats], Floats]:
    """Weights [channels, depth]; the input's elements in rows of ``depth``."""
    _check_depth(op, weights.shape[1])
    matrix = np.ascontiguousarray(weights.astype(np.float64).T)
    return lambda x: x.reshape(-1, matrix.shape[0]) @ matrix


def _convolution(op: Op, graph: Graph, weights: Array) -> Callable[[Floats], Floats]:
    """Weights [channels, height, width, depth]; groups where the input is deeper than that."""
    window = _Window(op, graph, weights.shape[1:3])
    channels, depth = weights.shape[0], weights.shape[3]
    groups = graph.tensors[op.inputs[0]].shape[3] // depth
    per_group = channels // groups
    _check_depth(op, math.prod(weights.shape[1:]))
    matrices = [
        np.ascontiguousarray(
            weights[g * per_group : (g + 1) * per_group].reshape(per_group, -1).astype(np.float64).T
        )
        for g in range(groups)
    ]

    def sums(x: Floats) -> Floats:
        parts = []
        for group, matrix in enumerate(matrices):
            part = x if groups == 1 else x[..., group * depth : (group + 1) * depth]
            taken = window.taps(part)  # batch, out_h, out_w, taps, depth
            parts.append(taken.reshape(-1, matrix.shape[0]) @ matrix)
        joined = parts[0] if groups == 1 else np.concatenate(parts, axis=1)
        return joined.reshape(-1, window.height, window.width, channels)

    return sums


def _depthwise(op: Op, graph: Graph, weights: Array) -> Callable[[Floats], Floats]:
    """Weights [1, height, width, channels]; ``depth_multiplier`` results of each input channel."""
    window = _Window(op, graph, weights.shape[1:3])
    channels = weights.shape[3]
    multiplier = channels // graph.tensors[op.inputs[0]].shape[3]
    _check_depth(op, weights.shape[1] * weights.shape[2])
    taps = weights.reshape(-1, channels).astype(np.float64)

    def sums(x: Floats) -> Floats:
        deep = x if multiplier == 1 else np.repeat(x, multiplier, axis=3)
        total = np.zeros((x.shape[0], window.height, window.width, channels))
        product = np.empty_like(total)
        for tap, shifted in zip(taps, window.shifted(deep), strict=True):
            total += np.multiply(shifted, tap, out=product)
        return total

    return sums


class _Window:
    """Where a kernel of (height, width) taps lies on the input, by TFLite's padding rules."""

    def __init__(self, op: Op, graph: Graph, kernel: Sequence[int]) -> None:
        options = op.options
        _, in_h, in_w, _ = graph.tensors[op.inputs[0]].shape
        _, self.height, self.width, _ = graph.tensors[op.outputs[0]].shape
        self._kernel = (int(kernel[0]), int(kernel[1]))
        self._stride = (int(options["stride_h"]), int(options["stride_w"]))
        self._dilation = (int(options["dilation_h_factor"]), int(options["dilation_w_factor"]))
        same = options["padding"] == "SAME"
        self._pad = [(0, 0)]
        for size, out, axis in ((in_h, self.height, 0), (in_w, self.width, 1)):
            stride, reach = self._stride[axis], self._dilation[axis] * (self._kernel[axis] - 1) + 1
            expected = -(-size // stride) if same else (size - reach) // stride + 1
            if out != expected:
                _refuse(op, f"has an output of {out} where {expected} follows", "a whole model")
            total = max((out - 1) * stride + reach - size, 0) if same else 0
            self._pad.append((total // 2, total - total // 2))
        self._pad.append((0, 0))
        self._plain = self._kernel == (1, 1) and self._stride == (1, 1)

    def shifted(self, x: Floats) -> list[Floats]:
        """The input as each tap of the kernel sees it, row by row: [batch, out_h, out_w, depth]."""
        if any(sum(pair) for pair in self._pad):
            x = np.pad(x, self._pad)
        (stride_h, stride_w), (dilation_h, dilation_w) = self._stride, self._dilation
        return [
            x[
                :,
                i * dilation_h : i * dilation_h + (self.height - 1) * stride_h + 1 : stride_h,
                j * dilation_w : j * dilation_w + (self.width - 1) * stride_w + 1 : stride_w,
            ]
            for i in range(self._kernel[0])
            for j in range(self._kernel[1])
        ]

    def taps(self, x: Floats) -> Floats:
        """All taps beside each other: [batch, out_h, out_w, taps, depth]."""
        return x if self._plain else np.stack(self.shifted(x), axis=3)


def _check_shapes(op: Op, graph: Graph) -> None:
    """The shapes belong together, so that no later step has to ask."""
    x, weights, y = (graph.tensors[i].shape for i in (*op.inputs[:2], op.outputs[0]))
    bias = graph.tensors[op.inputs[2]].elements if op.inputs[2:] and op.inputs[2] >= 0 else None
    if op.name == "FULLY_CONNECTED":
        fits = len(weights) == 2 and weights[1] > 0 and math.prod(x) % weights[1] == 0
        fits = fits and math.prod(x) // weights[1] * weights[0] == math.prod(y)
        channels = weights[0] if weights else 0
    else:
        channels = weights[-1] if op.name == "DEPTHWISE_CONV_2D" else (*weights, 0)[0]
        fits = len(x) == len(weights) == len(y) == 4 and min(*x, *weights, *y) > 0
        fits = fits and x[0] == y[0] and y[3] == channels
        if op.name == "DEPTHWISE_CONV_2D":
            fits = fits and weights[0] == 1 and channels % x[3] == 0
        else:
            fits = fits and x[3] % weights[3] == 0 and channels % (x[3] // weights[3]) == 0
        steps = ("stride_h", "stride_w", "dilation_h_factor", "dilation_w_factor")
        fits = fits and all(int(op.options[step]) > 0 for step in steps)
    if not fits or bias not in (None, channels):
        shapes = f"{x}, weights {weights}, output {y}, bias of {bias or 0}"
        _refuse(op, f"has shapes that do not belong together: {shapes}", "a whole model")


def _check_depth(op: Op, products: int) -> None:
    if products > _MOST_PRODUCTS:
        _refuse(op, f"sums {products:,} products", f"at most {_MOST_PRODUCTS:,}, to stay exact")


def _refuse(op: Op, what: str, needed: str) -> NoReturn:
    raise UnsupportedModel(f"op {op.index} ({op.name}) {what}", hint=f"the reference has: {needed}")
