"""LiteRT's reference kernels, held to the fixed-point arithmetic of TensorFlow Lite and TFLM.

From 1.4 on (tested: 1.4.0 to 2.3.0) LiteRT's reference FULLY_CONNECTED with int8 weights scales its
sums in double precision; TensorFlow Lite up to 2.14, TFLM and CMSIS-NN use a fixed-point
multiplier, as LiteRT's own CONV_2D still does. A model has one expected result, so for the
reference each such op becomes RESHAPE, a 1x1 CONV_2D and RESHAPE. The convolution's multiplier is
exactly the one that FULLY_CONNECTED had. With one scale for all weights, the convolution's input
scale is 1 and its weights' scale is the float32 product of both, which is how TensorFlow Lite
computed it; with one for each channel, both ops multiply and divide the scales in double precision.
Weights with a zero point, which a convolution does not have, are split into a sum of three int8
values, and the input is repeated three times.

On int16 activations the bias's type chooses the arithmetic: int64 takes a multiplier of 15 bits,
int32 (and FULLY_CONNECTED without a bias) one of 31. TensorFlow Lite looks at the bias; LiteRT
looks at the option ``quantized_bias_type`` instead, reads an int32 bias as int64 where the option
is absent, with wrong results. The rewritten ops state it. (int16 was tested with 2.3.0 only.)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hil.records import Array
from hil.tflite.graph import Graph, Op, Quantization, Tensor
from hil.tflite.model import Model
from hil.tflite.schema import default_options
from hil.tflite.writer import write_model

_INT32_BIAS = {"quantized_bias_type": "INT32"}
_VERSIONS = {"RESHAPE": 1, "CONV_2D": 3, "CONCATENATION": 2}


def with_tflite_arithmetic(model: Model) -> bytes:
    """Return the model's bytes, with the ops rewritten that LiteRT computes in another way.

    These are FULLY_CONNECTED with int8 weights, and CONV_2D on int16 with an int32 bias. Tensors
    keep their indices. A model without such ops is returned unchanged.

    Raises:
        UnsupportedModel: there are such ops beside others that hil cannot write.
    """
    graph = model.graph
    rewrite = _Rewrite(graph)
    for op in graph.ops:
        if _is_dense(graph, op):
            rewrite.convolution(op)
        elif _is_conv_with_int32_bias(graph, op):
            rewrite.ops.append(dataclasses.replace(op, options={**op.options, **_INT32_BIAS}))
        else:
            rewrite.ops.append(op)
    if all(new is old for new, old in zip(rewrite.ops, graph.ops, strict=False)):
        return model.content
    return write_model(
        dataclasses.replace(graph, tensors=tuple(rewrite.tensors), ops=tuple(rewrite.ops))
    )


def _is_dense(graph: Graph, op: Op) -> bool:
    if op.name != "FULLY_CONNECTED" or op.options["weights_format"] != "DEFAULT":
        return False
    x, weights, y = (graph.tensors[index] for index in (*op.inputs[:2], op.outputs[0]))
    if x.dtype not in ("int8", "int16") or y.dtype != x.dtype:
        return False
    if weights.dtype != "int8" or weights.data is None:
        return False
    q = weights.quantization
    return q is not None and (not q.per_channel or (q.axis == 0 and not q.zero_point.any()))


def _is_conv_with_int32_bias(graph: Graph, op: Op) -> bool:
    if op.name != "CONV_2D" or graph.tensors[op.inputs[0]].dtype != "int16":
        return False
    return len(op.inputs) > 2 and op.inputs[2] >= 0 and graph.tensors[op.inputs[2]].dtype == "int32"


class _Rewrite:
    """Collects the tensors and ops of the rewritten model."""

    def __init__(self, graph: Graph) -> None:
        self.tensors: list[Tensor] = list(graph.tensors)
        self.ops: list[Op] = []

    def convolution(self, op: Op) -> None:
        """Append what computes a FULLY_CONNECTED by a convolution."""
        x, weights = self.tensors[op.inputs[0]], self.tensors[op.inputs[1]]
        y = self.tensors[op.outputs[0]]
        assert weights.data is not None
        (x_scale, x_zero), (w_scale, zero_point), (y_scale, y_zero) = map(_affine, (x, weights, y))
        channels, depth = weights.shape
        rows = x.elements // depth
        scale: Any = np.float32(x_scale) * np.float32(w_scale)
        source_scale = 1.0
        if weights.quantization is not None and weights.quantization.per_channel:
            scale, source_scale = weights.quantization.scale, x_scale
        bias = op.inputs[2] if len(op.inputs) > 2 else -1
        if bias < 0:
            bias = self._tensor((channels,), "int32", scale, 0, np.zeros(channels, np.int32))
        kernel_data: Array = weights.data
        source = self._tensor((rows, 1, 1, depth), x.dtype, source_scale, x_zero)
        self._reshape(op.inputs[0], source, (rows, 1, 1, depth))
        if zero_point:
            kernel_data, depth = _split(weights.data, zero_point), 3 * depth
            thrice = self._tensor((rows, 1, 1, depth), x.dtype, 1.0, x_zero)
            self._append("CONCATENATION", [source] * 3, thrice, {"axis": 3})
            source = thrice
        shape = (channels, 1, 1, depth)
        kernel = self._tensor(shape, "int8", scale, 0, kernel_data.reshape(shape))
        out = self._tensor((rows, 1, 1, channels), y.dtype, y_scale, y_zero)
        activation = op.options["fused_activation_function"]
        options = {"padding": "VALID", "stride_h": 1, "stride_w": 1}
        options |= {"fused_activation_function": activation}
        if x.dtype == "int16" and self.tensors[bias].dtype == "int32":
            options |= _INT32_BIAS
        self._append("CONV_2D", [source, kernel, bias], out, options)
        self._reshape(out, op.outputs[0], y.shape)

    def _reshape(self, source: int, output: int, shape: tuple[int, ...]) -> None:
        target = self._tensor((len(shape),), "int32", None, 0, np.array(shape, np.int32))
        self._append("RESHAPE", [source, target], output, {"new_shape": shape})

    def _append(
        self, name: str, inputs: Sequence[int], output: int, options: Mapping[str, Any]
    ) -> None:
        merged = {**default_options(name), **options}
        self.ops.append(
            Op(len(self.ops), name, _VERSIONS[name], tuple(inputs), (output,), merged, 0)
        )

    def _tensor(
        self,
        shape: tuple[int, ...],
        dtype: str,
        scale: float | Array | None,
        zero_point: int,
        data: Array | None = None,
    ) -> int:
        index = len(self.tensors)
        quantization = None
        if scale is not None:
            scales = np.atleast_1d(np.asarray(scale, np.float32))
            zeros = np.full(scales.shape, zero_point, np.int64)
            quantization = Quantization(scales, zeros, axis=0)
        self.tensors.append(Tensor(index, f"hil/{index}", shape, dtype, quantization, data))
        return index


def _affine(tensor: Tensor) -> tuple[float, int]:
    """Scale (the file's float32, exactly) and zero point; a tensor without them counts as 1, 0."""
    quantization = tensor.quantization
    if quantization is None:
        return 1.0, 0
    return float(quantization.scale[0]), int(quantization.zero_point[0])


def _split(weights: Array, zero_point: int) -> Array:
    """Rows of ``weight - zero_point`` (9 bits) as a sum: each part takes what int8 can hold."""
    rest = weights.astype(np.int32) - zero_point
    parts = []
    for _ in range(3):
        parts.append(np.clip(rest, -128, 127))
        rest = rest - parts[-1]
    joined: Array = np.concatenate(parts, axis=1).astype(np.int8)
    return joined
