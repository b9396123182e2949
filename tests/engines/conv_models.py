"""Strategies for models of one convolution-like op, with random but sensible quantization."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from tests.support.tflite_builder import ModelBuilder

ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")

#: int16 activations: with int8 weights and a bias of 64 or 32 bits (any scales, or powers of two),
#: or with int16 weights ("q16").
INT16_KINDS = ("int16x8", "int16x8 bias32", "int16x8 shifts", "q16")


@dataclass(frozen=True)
class Conv:
    """Everything that defines a one-op model; ``seed`` draws weights and scales."""

    op: str  # CONV_2D or DEPTHWISE_CONV_2D
    dtype: str  # int8, float32, hybrid (float32 with int8 weights), or one of INT16_KINDS
    batches: int = 1
    height: int = 7
    width: int = 6
    in_c: int = 5
    out_c: int = 10
    groups: int = 1
    kernel: tuple[int, int] = (3, 3)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    padding: str = "SAME"
    activation: str = "NONE"
    per_channel: bool = True
    bias: bool = True
    seed: int = 1

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
        makers = {"float32": self._float, "int8": self._int8, "hybrid": self._hybrid}
        make = makers.get(self.dtype, self._int16)
        tensors = make(b, rng)
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

    def _hybrid(self, b: ModelBuilder, rng: np.random.Generator) -> list[int]:
        x = b.tensor((self.batches, self.height, self.width, self.in_c), "float32")
        shape = self.weights_shape()
        scales = rng.uniform(0.001, 0.03, self.out_c if self.per_channel else 1).astype(np.float32)
        w = b.tensor(
            shape,
            "int8",
            scale=scales.tolist(),
            axis=3 if self.op == "DEPTHWISE_CONV_2D" else 0,
            data=rng.integers(-127, 128, shape).astype(np.int8),
        )
        bias = rng.normal(0, 1, self.out_c).astype(np.float32)
        c = b.tensor((self.out_c,), "float32", data=bias)
        return [x, w, c, b.tensor(self.output_shape(), "float32")]

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

    def _int16(self, b: ModelBuilder, rng: np.random.Generator) -> list[int]:
        shape = self.weights_shape()
        depth = int(np.prod(shape)) // self.out_c
        scales = Int16Scales(self.dtype, rng, self.out_c if self.per_channel else 1, depth)
        x = b.tensor((self.batches, self.height, self.width, self.in_c), "int16", scale=scales.x)
        w_dtype = "int16" if self.dtype == "q16" else "int8"
        axis = 3 if self.op == "DEPTHWISE_CONV_2D" else 0
        data = rng.integers(-scales.w_max, scales.w_max + 1, shape)
        w = b.tensor(shape, w_dtype, scale=scales.w.tolist(), axis=axis, data=data)
        c = -1
        if self.bias:
            dtype = "int32" if self.dtype.endswith("bias32") else "int64"
            bias_scales = (scales.w * scales.x).tolist()
            c = b.tensor(
                (self.out_c,), dtype, scale=bias_scales, data=scales.bias(self.out_c, dtype)
            )
        return [x, w, c, b.tensor(self.output_shape(), "int16", scale=scales.y)]


class Int16Scales:
    """Scales that spread sums of int16 inputs over the output's range, some of them beyond it.

    ``w_max`` is the largest weight; small ones and large biases make the engine take sums of 32 and
    of 64 bits.
    """

    def __init__(self, kind: str, rng: np.random.Generator, count: int, depth: int) -> None:
        self._rng = rng
        self.w_max = int(rng.choice([1, 5, 900, 32767])) if kind == "q16" else 127
        spread = self.w_max * 0.57 * np.sqrt(depth) * rng.uniform(0.3, 3.0)
        if kind in ("q16", "int16x8 shifts"):
            n_w = rng.integers(5, 9, count)
            self.x, self.w = 2.0 ** -float(rng.integers(8, 14)), 2.0 ** -n_w.astype(np.float64)
            self.y = float(2.0 ** np.round(np.log2(self.x * 2.0**-7 * spread)))
        else:
            self.x = float(np.float32(rng.uniform(1e-4, 1e-2)))
            self.w = rng.uniform(0.001, 0.03, count).astype(np.float32)
            self.y = float(np.float32(self.x * 0.015 * spread))

    def bias(self, channels: int, dtype: str) -> np.ndarray:
        """Some biases of 64 bits are beyond 32."""
        bias = self._rng.integers(-(10**6), 10**6, channels)
        if dtype == "int64" and self._rng.random() < 0.4:
            bias[self._rng.integers(channels)] = self._rng.choice([-1, 1]) * (1 << 33) + 12345
        return bias.astype(dtype)


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
