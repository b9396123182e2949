"""Strategies for models of one convolution-like op, with random but sensible quantization."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tests.support.tflite_builder import ModelBuilder

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")


@dataclass(frozen=True)
class Conv:
    """Everything that defines a one-op model; ``seed`` draws weights and scales."""

    op: str  # CONV_2D or DEPTHWISE_CONV_2D
    dtype: str
    batches: int
    height: int
    width: int
    in_c: int
    out_c: int
    groups: int
    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: str
    activation: str
    per_channel: bool
    bias: bool
    seed: int

    def output_shape(self) -> tuple[int, int, int, int]:
        sizes = []
        for size, kernel, stride, dilation in zip(
            (self.height, self.width), self.kernel, self.stride, self.dilation, strict=True
        ):
            span = (kernel - 1) * dilation + 1
            sizes.append(
                -(-size // stride) if self.padding == "SAME" else (size - span) // stride + 1
            )
        return (self.batches, *sizes, self.out_c)  # type: ignore[return-value]

    def weights_shape(self) -> tuple[int, ...]:
        if self.op == "DEPTHWISE_CONV_2D":
            return (1, *self.kernel, self.out_c)
        return (self.out_c, *self.kernel, self.in_c // self.groups)

    def build(self) -> bytes:
        rng = np.random.default_rng(self.seed)
        b = ModelBuilder()
        depthwise = self.op == "DEPTHWISE_CONV_2D"
        options = {"depth_multiplier": self.out_c // self.in_c} if depthwise else {}
        tensors = self._float(b, rng) if self.dtype == "float32" else self._int8(b, rng)
        b.op(
            self.op,
            [t for t in tensors[:-1] if t >= 0],
            tensors[-1:],
            version=3,
            padding=self.padding,
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            dilation_h_factor=self.dilation[0],
            dilation_w_factor=self.dilation[1],
            fused_activation_function=self.activation,
            **options,
        )
        return b.build(tensors[:1], tensors[-1:])

    def _float(self, b: ModelBuilder, rng: np.random.Generator) -> list[int]:
        x = b.tensor((self.batches, self.height, self.width, self.in_c), "float32")
        shape = self.weights_shape()
        w = b.tensor(shape, "float32", data=rng.normal(0, 1, shape).astype(np.float32))
        c = -1
        if self.bias:
            bias = rng.normal(0, 1, self.out_c).astype(np.float32)
            c = b.tensor((self.out_c,), "float32", data=bias)
        y = b.tensor(self.output_shape(), "float32")
        return [x, w, c, y]

    def _int8(self, b: ModelBuilder, rng: np.random.Generator) -> list[int]:
        in_scale = float(np.float32(rng.uniform(0.005, 0.1)))
        shape = self.weights_shape()
        n_scales = self.out_c if self.per_channel else 1
        w_scales = rng.uniform(0.001, 0.03, n_scales).astype(np.float32)
        depth = int(np.prod(shape)) // self.out_c
        # A spread of sums over the int8 range, sometimes saturating, sometimes an exact scale.
        out_scale = float(np.float32(in_scale * 0.015 * 73 * np.sqrt(depth) * rng.uniform(0.2, 2)))
        axis = 3 if self.op == "DEPTHWISE_CONV_2D" else 0
        x = b.tensor(
            (self.batches, self.height, self.width, self.in_c),
            "int8",
            scale=in_scale,
            zero_point=int(rng.integers(-128, 128)),
        )
        w = b.tensor(
            shape,
            "int8",
            scale=w_scales.tolist(),
            axis=axis,
            data=rng.integers(-127, 128, shape).astype(np.int8),
        )
        c = -1
        if self.bias:
            c = b.tensor(
                (self.out_c,),
                "int32",
                scale=(w_scales * in_scale).tolist(),
                data=rng.integers(-9000, 9000, self.out_c).astype(np.int32),
            )
        y = b.tensor(
            self.output_shape(), "int8", scale=out_scale, zero_point=int(rng.integers(-128, 128))
        )
        return [x, w, c, y]


@st.composite
def convolutions(draw: st.DrawFn, op: str, dtype: str) -> Conv:
    """Any shape, stride, dilation, padding and activation that TFLite's reference accepts."""
    kernel = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.sampled_from([(1, 1), (1, 1), (1, 1), (2, 1), (1, 2), (2, 3)]))
    stride = draw(st.sampled_from([(1, 1), (1, 1), (2, 2), (1, 2), (3, 1)]))
    padding = draw(st.sampled_from(["SAME", "VALID"]))
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    lows = spans if padding == "VALID" else (1, 1)
    height, width = (low + draw(st.integers(0, 6)) for low in lows)
    if op == "CONV_2D":
        groups = draw(st.sampled_from([1, 1, 1, 2, 3]))
        in_c = groups * draw(st.integers(1, 6))
        out_c = groups * draw(st.integers(1, 9))
    else:
        groups = 1
        in_c = draw(st.integers(1, 7))
        out_c = in_c * draw(st.sampled_from([1, 1, 2, 3]))
    return Conv(
        op=op,
        dtype=dtype,
        batches=draw(st.sampled_from([1, 1, 2])),
        height=height,
        width=width,
        in_c=in_c,
        out_c=out_c,
        groups=groups,
        kernel=kernel,
        stride=stride,
        dilation=dilation,
        padding=padding,
        activation=draw(st.sampled_from(ACTIVATIONS)),
        per_channel=draw(st.booleans()),
        bias=op == "CONV_2D" or draw(st.booleans()),  # the reference wants one for CONV_2D
        seed=draw(st.integers(0, 2**32 - 1)),
    )
