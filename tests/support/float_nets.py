"""Four small float networks with weights from a seed: what the tests of quantization run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.support.tflite_builder import ModelBuilder

Array = np.ndarray[Any, Any]
IMAGE = (1, 8, 8, 3)
CLASSES = 5


class Net:
    """Builds a float32 network layer by layer; ``y`` is the activation so far."""

    def __init__(self, shape: tuple[int, ...], seed: int) -> None:
        self.b = ModelBuilder(description="made by a test")
        self.random = np.random.Generator(np.random.PCG64(seed))
        self.x = self.y = self.b.tensor(shape, "float32", name="input")
        self.shape = shape

    def weights(self, *shape: int) -> int:
        fan_in = int(np.prod(shape[1:]))
        values = (self.random.random(shape) - 0.5) * 4 / np.sqrt(fan_in)
        # Channels of different size: one scale for all of them would cost a lot.
        values *= np.linspace(0.25, 1.5, shape[0]).reshape(-1, *[1] * (len(shape) - 1))
        return self.b.tensor(shape, "float32", data=values.astype(np.float32))

    def bias(self, count: int) -> int:
        values = (self.random.random(count) - 0.5) * 0.5
        return self.b.tensor((count,), "float32", data=values.astype(np.float32))

    def step(self, op: str, inputs: list[int], shape: tuple[int, ...], **options: Any) -> None:
        out = self.b.tensor(shape, "float32", name=f"{op.lower()}_{len(self.b._ops)}")
        self.b.op(op, inputs, [out], **options)
        self.y, self.shape = out, shape

    def conv(self, channels: int, size: int = 3, stride: int = 1, act: str = "RELU") -> None:
        _, h, w, c = self.shape
        inputs = [self.y, self.weights(channels, size, size, c), self.bias(channels)]
        shape = (1, -(-h // stride), -(-w // stride), channels)
        options = {"stride_h": stride, "stride_w": stride, "fused_activation_function": act}
        self.step("CONV_2D", inputs, shape, padding="SAME", **options)

    def depthwise(self, stride: int = 1) -> None:
        _, h, w, c = self.shape
        kernel = (self.random.random((1, 3, 3, c)) - 0.5) * np.linspace(0.5, 2, c)
        inputs = [self.y, self.b.tensor((1, 3, 3, c), "float32", data=kernel.astype(np.float32))]
        inputs.append(self.bias(c))
        shape = (1, -(-h // stride), -(-w // stride), c)
        options = {"stride_h": stride, "stride_w": stride, "fused_activation_function": "RELU6"}
        self.step("DEPTHWISE_CONV_2D", inputs, shape, padding="SAME", depth_multiplier=1, **options)

    def dense(self, count: int, act: str = "RELU") -> None:
        inputs = [self.y, self.weights(count, self.shape[-1]), self.bias(count)]
        self.step("FULLY_CONNECTED", inputs, (1, count), fused_activation_function=act)

    def flat(self) -> None:
        shape = (1, int(np.prod(self.shape)))
        constant = self.b.tensor((2,), "int32", data=np.array(shape, np.int32))
        self.step("RESHAPE", [self.y, constant], shape, new_shape=shape)

    def pool(self, op: str) -> None:
        _, h, w, c = self.shape
        window = {"filter_height": 2, "filter_width": 2, "stride_h": 2, "stride_w": 2}
        self.step(op, [self.y], (1, h // 2, w // 2, c), **window)

    def classify(self) -> bytes:
        self.dense(CLASSES, act="NONE")
        self.step("SOFTMAX", [self.y], (1, CLASSES))
        return self.b.build([self.x], [self.y])


def conv() -> bytes:
    """Convolutions, max pooling, fully connected, softmax."""
    net = Net(IMAGE, 1)
    net.conv(8)
    net.pool("MAX_POOL_2D")
    net.conv(6, stride=2)
    net.flat()
    return net.classify()


def depthwise() -> bytes:
    """Depthwise separable convolutions and average pooling."""
    net = Net(IMAGE, 2)
    net.conv(8, stride=2)
    net.depthwise()
    net.conv(10, size=1)
    net.depthwise(stride=2)
    net.pool("AVERAGE_POOL_2D")
    net.flat()
    return net.classify()


def dense() -> bytes:
    """Fully connected layers only."""
    net = Net((1, 40), 3)
    net.dense(24)
    net.dense(16)
    return net.classify()


def residual() -> bytes:
    """Two residual blocks, one with a convolution in its shortcut, and a global mean."""
    net = Net(IMAGE, 4)
    net.conv(8)
    for channels, stride in ((8, 1), (12, 2)):
        shortcut, shape = net.y, net.shape
        net.conv(channels, stride=stride)
        net.conv(channels, act="NONE")
        left, left_shape = net.y, net.shape
        net.y, net.shape = shortcut, shape
        if stride != 1:
            net.conv(channels, size=1, stride=stride, act="NONE")
        net.step("ADD", [left, net.y], left_shape, fused_activation_function="RELU")
    axes = net.b.tensor((2,), "int32", data=np.array([1, 2], np.int32))
    net.step("MEAN", [net.y, axes], (1, net.shape[-1]), keep_dims=False)
    return net.classify()


NETS: dict[str, Callable[[], bytes]] = {
    "conv": conv,
    "depthwise": depthwise,
    "dense": dense,
    "residual": residual,
}
