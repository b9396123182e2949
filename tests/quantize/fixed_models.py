"""Float models for the fixed-point tests: one op each, and what the tests do with any model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hil.quantization.fixed_point import quantize_fixed_point
from hil.quantization.ranges import calibrate
from hil.tflite.graph import Graph
from hil.tflite.host_reference import reference_for
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import Reference

from tests.support.tflite_builder import ModelBuilder

Array = np.ndarray[Any, Any]
Samples = list[tuple[Array, ...]]

SCHEMES = ("q8", "q16")
WIDTHS = {"q8": 8, "q16": 16}


@dataclass
class FloatModel:
    """Builds a float32 model; ``x`` is an activation's shape by name, ``c`` a constant."""

    b: ModelBuilder = field(default_factory=ModelBuilder)

    def x(self, *shape: int, name: str | None = None) -> int:
        return self.b.tensor(shape, "float32", name=name)

    def c(self, values: Any) -> int:
        array = np.asarray(values, np.float32)
        return self.b.tensor(array.shape, "float32", data=array)

    def i(self, values: Any) -> int:
        return self.b.tensor(np.shape(values), "int32", data=values)


def normal(seed: int, *shape: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def samples_of(graph: Graph, count: int = 8, seed: int = 0, gain: float = 1.0) -> Samples:
    """Normal samples for every input of a graph."""
    rng = np.random.default_rng(seed)
    shapes = [graph.tensors[index].shape for index in graph.inputs]
    return [
        tuple((gain * rng.normal(size=shape)).astype(np.float32) for shape in shapes)
        for _ in range(count)
    ]


def quantized(
    model: bytes, scheme: Any, samples: Samples | None = None, **options: Any
) -> tuple[bytes, Graph]:
    """The variant and its graph; calibrated with min-max on normal samples by default."""
    parsed = Model.parse(model, "float")
    ranges = calibrate(parsed, samples or samples_of(parsed.graph))
    made = quantize_fixed_point(parsed.graph, ranges, scheme, **options)
    return made, parse_model(made, "fixed")


def real(graph: Graph, index: int, integers: Array) -> Array:
    """Integers of a tensor as the numbers that they stand for."""
    quantization = graph.tensors[index].quantization
    assert quantization is not None
    return (integers.astype(float) - int(quantization.zero_point[0])) * float(quantization.scale[0])


def outputs(model: bytes, samples: Samples) -> list[Array]:
    """All outputs of float32 models, as float64, per sample in one row."""
    reference = reference_for(Model.parse(model, "m"))
    return [
        np.concatenate([y.astype(float).ravel() for y in reference.run(sample)])
        for sample in samples
    ]


def errors(model: bytes, scheme: Any, samples: Samples, **options: Any) -> tuple[Array, Array]:
    """(float outputs, how far the variant's with float32 edges are from them), all samples."""
    made, _ = quantized(model, scheme, samples, io="float32", **options)
    reference = Reference(Model.parse(model, "m"))
    want = np.array([np.concatenate([y.ravel() for y in reference.run(s)]) for s in samples])
    return want, np.array(outputs(made, samples)) - want


def sqnr_db(want: Array, error: Array) -> float:
    return float(10 * np.log10(np.sum(want**2) / np.sum(error**2)))


IMAGE = (1, 6, 6, 4)
_CONV: dict[str, Any] = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
_POOL: dict[str, Any] = {"filter_height": 2, "filter_width": 2, "stride_h": 2, "stride_w": 2}


def one_op(name: str) -> bytes:
    """A float model of one op (SPLIT has two outputs, the binary ones two inputs)."""
    m = FloatModel()
    shapes: dict[str, Sequence[int]] = {
        "FULLY_CONNECTED": (1, 20),
        "SOFTMAX": (1, 20),
        "SQUEEZE": (1, 1, 5, 4),
    }
    x = m.x(*shapes.get(name, IMAGE))
    inputs, ys, options = _ROWS[name](m, x)
    m.b.op(name, inputs, ys, **options)
    sources = [i for i in inputs if i >= 0 and i in (x, x + 1) and _is_input(m, i)]
    return m.b.build(sources, ys)


def _is_input(m: FloatModel, index: int) -> bool:
    return m.b._tensors[index].raw is None


def _unary(m: FloatModel, x: int) -> Any:
    return [x], [m.x(*m.b._tensors[x].shape)], {}


def _binary(m: FloatModel, x: int) -> Any:
    return [x, m.x(*IMAGE)], [m.x(*IMAGE)], {}


_ROWS: dict[str, Any] = {
    "CONV_2D": lambda m, x: (
        [x, m.c(normal(1, 5, 3, 3, 4)), m.c(normal(2, 5))],
        [m.x(1, 6, 6, 5)],
        _CONV,
    ),
    "DEPTHWISE_CONV_2D": lambda m, x: (
        [x, m.c(normal(1, 1, 3, 3, 4)), m.c(normal(2, 4))],
        [m.x(*IMAGE)],
        {**_CONV, "depth_multiplier": 1},
    ),
    "FULLY_CONNECTED": lambda m, x: ([x, m.c(normal(1, 7, 20)), -1], [m.x(1, 7)], {}),
    "AVERAGE_POOL_2D": lambda m, x: ([x], [m.x(1, 3, 3, 4)], _POOL),
    "MAX_POOL_2D": lambda m, x: ([x], [m.x(1, 3, 3, 4)], _POOL),
    "RESHAPE": lambda m, x: ([x, m.i([1, 144])], [m.x(1, 144)], {"new_shape": [1, 144]}),
    "SQUEEZE": lambda m, x: ([x], [m.x(1, 5, 4)], {"squeeze_dims": [1]}),
    "EXPAND_DIMS": lambda m, x: ([x, m.i(1)], [m.x(1, 1, 6, 6, 4)], {}),
    "PAD": lambda m, x: ([x, m.i([[0, 0], [1, 1], [2, 0], [0, 0]])], [m.x(1, 8, 8, 4)], {}),
    "PADV2": lambda m, x: (
        [x, m.i([[0, 0], [1, 1], [2, 0], [0, 0]]), m.c(1.5)],
        [m.x(1, 8, 8, 4)],
        {},
    ),
    "CONCATENATION": lambda m, x: ([x, m.x(*IMAGE)], [m.x(1, 6, 6, 8)], {"axis": 3}),
    "SPLIT": lambda m, x: (
        [m.i(3), x],
        [m.x(1, 6, 6, 2), m.x(1, 6, 6, 2)],
        {"num_splits": 2},
    ),
    "STRIDED_SLICE": lambda m, x: (
        [x, m.i([0, 1, 1, 0]), m.i([1, 5, 6, 4]), m.i([1, 2, 1, 1])],
        [m.x(1, 2, 5, 4)],
        {},
    ),
    "TRANSPOSE": lambda m, x: ([x, m.i([0, 3, 1, 2])], [m.x(1, 4, 6, 6)], {}),
    "RESIZE_NEAREST_NEIGHBOR": lambda m, x: ([x, m.i([12, 12])], [m.x(1, 12, 12, 4)], {}),
    "ADD": _binary,
    "SUB": _binary,
    "MUL": _binary,
    "MEAN": lambda m, x: ([x, m.i([1, 2])], [m.x(1, 4)], {"keep_dims": False}),
    "RELU": _unary,
    "RELU6": _unary,
    "RELU_N1_TO_1": _unary,
    "LEAKY_RELU": lambda m, x: ([x], [m.x(*IMAGE)], {"alpha": 0.25}),
    "HARD_SWISH": _unary,
    "SOFTMAX": _unary,
    "LOGISTIC": _unary,
    "TANH": _unary,
}


def bits_of(graph: Any, index: int) -> int:
    """Fraction bits of a tensor, whose scale must be a power of two."""
    scale = float(graph.tensors[index].quantization.scale[0])
    mantissa, exponent = math.frexp(scale)
    assert mantissa == 0.5
    return 1 - exponent
