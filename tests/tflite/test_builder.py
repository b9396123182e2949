"""Built models of every op that the aot engine has: TFLite runs them, the reader reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import Reference

from tests.support.tflite_builder import ModelBuilder

RNG = np.random.default_rng(11)


class Case:
    """Builds one op in one dtype; ``options`` are what the reader must give back."""

    def __init__(self, dtype: str) -> None:
        self.b = ModelBuilder()
        self.dtype = dtype
        self.inputs: list[int] = []
        self.outputs: list[int] = []

    def x(self, *shape: int, scale: float = 0.1, dtype: str | None = None) -> int:
        self.inputs.append(self._activation(shape, scale, dtype or self.dtype))
        return self.inputs[-1]

    def y(
        self, *shape: int, scale: float = 0.1, zero: int | None = None, dtype: str | None = None
    ) -> int:
        self.outputs.append(self._activation(shape, scale, dtype or self.dtype, zero))
        return self.outputs[-1]

    def _activation(
        self, shape: tuple[int, ...], scale: float, dtype: str, zero: int | None = None
    ) -> int:
        if dtype == "float32":
            return self.b.tensor(shape, dtype)
        return self.b.tensor(shape, dtype, scale=scale, zero_point=3 if zero is None else zero)

    def weights(self, *shape: int, axis: int = 0) -> int:
        if self.dtype == "float32":
            return self.b.tensor(shape, "float32", data=RNG.standard_normal(shape))
        scale = np.linspace(0.01, 0.02, shape[axis])
        data = RNG.integers(-127, 128, shape)
        return self.b.tensor(shape, "int8", scale=scale, axis=axis, data=data)

    def bias(self, n: int) -> int:
        if self.dtype == "float32":
            return self.b.tensor((n,), "float32", data=RNG.standard_normal(n))
        scale = 0.1 * np.linspace(0.01, 0.02, n)
        return self.b.tensor((n,), "int32", scale=scale, data=RNG.integers(-999, 999, n))

    def ints(self, values: Any) -> int:
        array = np.asarray(values, np.int32)
        return self.b.tensor(array.shape, "int32", data=array)

    def constant(self, value: float) -> int:
        if self.dtype == "float32":
            return self.b.tensor((1,), "float32", data=[value])
        return self.b.tensor((1,), "int8", scale=0.1, zero_point=3, data=[int(value)])


def conv(c: Case) -> dict[str, Any]:
    o = {"padding": "SAME", "stride_h": 2, "stride_w": 1, "fused_activation_function": "RELU6"}
    o |= {"dilation_h_factor": 1, "dilation_w_factor": 1}
    c.b.op("CONV_2D", [c.x(1, 7, 6, 3), c.weights(4, 3, 3, 3), c.bias(4)], [c.y(1, 4, 6, 4)], **o)
    return o


def dilated_conv(c: Case) -> dict[str, Any]:
    o = {"padding": "VALID", "dilation_h_factor": 2, "dilation_w_factor": 3}
    c.b.op("CONV_2D", [c.x(1, 7, 9, 2), c.weights(4, 3, 3, 2), c.bias(4)], [c.y(1, 3, 3, 4)], **o)
    return o


def depthwise(c: Case) -> dict[str, Any]:
    o = {"padding": "SAME", "depth_multiplier": 2, "stride_h": 1, "stride_w": 1}
    o |= {"fused_activation_function": "RELU"}
    w = c.weights(1, 3, 3, 6, axis=3)
    c.b.op("DEPTHWISE_CONV_2D", [c.x(1, 5, 5, 3), w, c.bias(6)], [c.y(1, 5, 5, 6)], **o)
    return o


def fully_connected(c: Case) -> dict[str, Any]:
    o = {"fused_activation_function": "RELU_N1_TO_1", "keep_num_dims": False}
    c.b.op("FULLY_CONNECTED", [c.x(2, 8), c.weights(4, 8), c.bias(4)], [c.y(2, 4)], **o)
    return o


def pool(name: str) -> Callable[[Case], dict[str, Any]]:
    def build(c: Case) -> dict[str, Any]:
        o = {"padding": "SAME", "filter_height": 3, "filter_width": 2, "stride_h": 2, "stride_w": 2}
        c.b.op(name, [c.x(1, 7, 6, 3)], [c.y(1, 4, 3, 3)], **o)
        return o

    return build


def mean(c: Case) -> dict[str, Any]:
    c.b.op("MEAN", [c.x(1, 4, 4, 3), c.ints([1, 2])], [c.y(1, 1, 1, 3)], keep_dims=True)
    return {"keep_dims": True}


def binary(name: str) -> Callable[[Case], dict[str, Any]]:
    def build(c: Case) -> dict[str, Any]:
        o = {"fused_activation_function": "RELU"}
        c.b.op(name, [c.x(1, 4, 4, 3), c.x(1, 1, 1, 3)], [c.y(1, 4, 4, 3)], **o)
        return o

    return build


def unary(name: str, scale: float = 0.1, zero: int | None = None, **options: Any) -> Any:
    def build(c: Case) -> dict[str, Any]:
        c.b.op(name, [c.x(1, 12)], [c.y(1, 12, scale=scale, zero=zero)], **options)
        return options

    return build


def reshape(c: Case) -> dict[str, Any]:
    c.b.op("RESHAPE", [c.x(1, 3, 4), c.ints([2, 6])], [c.y(2, 6)], new_shape=[2, 6])
    return {"new_shape": (2, 6)}


def pad(c: Case) -> dict[str, Any]:
    pads = c.ints([[0, 0], [1, 2], [0, 1], [0, 0]])
    c.b.op("PAD", [c.x(1, 3, 3, 2), pads], [c.y(1, 6, 4, 2)])
    return {}


def padv2(c: Case) -> dict[str, Any]:
    pads = c.ints([[0, 0], [1, 2], [0, 1], [0, 0]])
    c.b.op("PADV2", [c.x(1, 3, 3, 2), pads, c.constant(7)], [c.y(1, 6, 4, 2)])
    return {}


def concatenation(c: Case) -> dict[str, Any]:
    c.b.op("CONCATENATION", [c.x(1, 2, 3), c.x(1, 2, 4)], [c.y(1, 2, 7)], axis=-1)
    return {"axis": -1, "fused_activation_function": "NONE"}


def split(c: Case) -> dict[str, Any]:
    axis = c.b.tensor((), "int32", data=1)
    c.b.op("SPLIT", [axis, c.x(1, 6, 2)], [c.y(1, 2, 2), c.y(1, 2, 2), c.y(1, 2, 2)], num_splits=3)
    return {"num_splits": 3}


def strided_slice(c: Case) -> dict[str, Any]:
    o = {"begin_mask": 1, "end_mask": 2, "shrink_axis_mask": 4}
    ends = [c.ints([0, 1, 1]), c.ints([1, 9, 2]), c.ints([1, 2, 1])]
    c.b.op("STRIDED_SLICE", [c.x(1, 6, 3), *ends], [c.y(1, 3)], **o)
    return o


def transpose(c: Case) -> dict[str, Any]:
    c.b.op("TRANSPOSE", [c.x(1, 2, 3, 4), c.ints([0, 3, 1, 2])], [c.y(1, 4, 2, 3)])
    return {}


def squeeze(c: Case) -> dict[str, Any]:
    c.b.op("SQUEEZE", [c.x(1, 1, 3, 4)], [c.y(1, 3, 4)], squeeze_dims=[1])
    return {"squeeze_dims": (1,)}


def expand_dims(c: Case) -> dict[str, Any]:
    c.b.op("EXPAND_DIMS", [c.x(1, 3), c.ints([1])], [c.y(1, 1, 3)])
    return {}


def resize(c: Case) -> dict[str, Any]:
    o = {"align_corners": False, "half_pixel_centers": True}
    c.b.op("RESIZE_NEAREST_NEIGHBOR", [c.x(1, 3, 3, 2), c.ints([5, 7])], [c.y(1, 5, 7, 2)], **o)
    return o


BOTH: dict[str, Callable[[Case], dict[str, Any]]] = {
    "CONV_2D": conv,
    "CONV_2D dilated": dilated_conv,
    "DEPTHWISE_CONV_2D": depthwise,
    "FULLY_CONNECTED": fully_connected,
    "AVERAGE_POOL_2D": pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": pool("MAX_POOL_2D"),
    "MEAN": mean,
    "ADD": binary("ADD"),
    "SUB": binary("SUB"),
    "MUL": binary("MUL"),
    "RELU": unary("RELU"),
    "RELU6": unary("RELU6"),
    "LEAKY_RELU": unary("LEAKY_RELU", alpha=0.25),
    "LOGISTIC": unary("LOGISTIC", 1 / 256, -128),
    "TANH": unary("TANH", 1 / 128, 0),
    "HARD_SWISH": unary("HARD_SWISH"),
    "SOFTMAX": unary("SOFTMAX", 1 / 256, -128, beta=0.5),
    "RESHAPE": reshape,
    "PAD": pad,
    "PADV2": padv2,
    "CONCATENATION": concatenation,
    "SPLIT": split,
    "STRIDED_SLICE": strided_slice,
    "TRANSPOSE": transpose,
    "SQUEEZE": squeeze,
    "EXPAND_DIMS": expand_dims,
    "RESIZE_NEAREST_NEIGHBOR": resize,
}


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize("name", BOTH)
def test_tflite_runs_and_the_reader_reads_it(name: str, dtype: str) -> None:
    case = Case(dtype)
    options = BOTH[name](case)
    model = case.b.build(case.inputs, case.outputs)
    graph = parse_model(model, name)

    (op,) = graph.ops
    assert op.name == name.split()[0]
    assert options.items() <= op.options.items()

    outputs = Reference(Model.parse(model, "m")).run(make_inputs("random:1", graph)[0])
    for index, output in zip(graph.outputs, outputs, strict=True):
        assert output.shape == graph.tensors[index].shape
        assert output.dtype == dtype
        assert output.size == 1 or len(np.unique(output)) > 1


def test_conversions() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    q = b.tensor((1, 4), "int8", scale=0.5, zero_point=-1)
    b.op("QUANTIZE", [x], [q])
    b.op("DEQUANTIZE", [q], [y])
    model = b.build([x], [y])
    (output,) = Reference(Model.parse(model, "m")).run(
        [np.asarray([[0.2, 0.3, -7, 100]], np.float32)]
    )
    np.testing.assert_array_equal(output, np.asarray([[0, 0.5, -7, 64]], np.float32))


def test_a_convolution_computes_what_it_should() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 3, 3, 1), "float32"), b.tensor((1, 2, 2, 1), "float32")
    w = b.tensor((1, 2, 2, 1), "float32", data=np.asarray([1, 2, 3, 4]).reshape(1, 2, 2, 1))
    c = b.tensor((1,), "float32", data=[0.5])
    b.op("CONV_2D", [x, w, c], [y])
    image = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1)
    (output,) = Reference(Model.parse(b.build([x], [y]), "m")).run([image])
    np.testing.assert_array_equal(output.ravel(), [27.5, 37.5, 57.5, 67.5])


def test_int16_activations() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "int16", scale=0.001), b.tensor((1, 2), "int16", scale=0.001)
    w = b.tensor((2, 4), "int8", scale=0.01, data=RNG.integers(-127, 128, (2, 4)))
    c = b.tensor((2,), "int64", scale=1e-5, data=[1000, -1000])
    b.op("FULLY_CONNECTED", [x, w, c], [y])
    model = b.build([x], [y])
    graph = parse_model(model, "16x8")
    assert graph.dtype == "int16x8"
    (output,) = Reference(Model.parse(model, "m")).run(make_inputs("random:1", graph)[0])
    assert output.dtype == np.int16


def test_mistakes_in_a_test_are_named() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), "int8")
    with pytest.raises(ValueError, match="does not fit int8"):
        b.tensor((2,), "int8", data=[0, 200])
    with pytest.raises(ValueError, match="shape"):
        b.tensor((3,), "int8", data=[0, 1])
    with pytest.raises(TypeError, match="RELU has no options"):
        b.op("RELU", [x], [x], alpha=1.0)
    b.op("SOFTMAX", [x], [x], bata=1.0)
    with pytest.raises(TypeError, match="no option 'bata'"):
        b.build([x], [x])
