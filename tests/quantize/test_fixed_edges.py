"""Fixed point at its edges: odd models, whole nets, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hil.errors import UnsupportedModel, UsageError
from hil.quantization.fixed_point import quantize_fixed_point
from hil.quantization.ranges import Ranges
from hil.tflite.host_reference import reference_for
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hil.tflite.reader import parse_model

from tests.quantize.fixed_models import (
    SCHEMES,
    WIDTHS,
    FloatModel,
    bits_of,
    errors,
    normal,
    one_op,
    quantized,
    real,
    samples_of,
    sqnr_db,
)
from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import conv_model, shared_model

# Odd models


def test_shared_constants() -> None:
    """One tensor as weights twice, as an operand, and one bias under two scales."""
    m = FloatModel()
    x, y, z, out = m.x(1, 3), m.x(1, 3), m.x(1, 3), m.x(3, 3)
    w, c = m.c(normal(3, 3, 3)), m.c([0.5, -0.25, 0.125])
    m.b.op("FULLY_CONNECTED", [x, w, c], [y])
    m.b.op("FULLY_CONNECTED", [y, w, c], [z])
    m.b.op("ADD", [z, w], [out])
    model = m.b.build([x], [out])
    samples = [(8 * normal(seed, 1, 3),) for seed in range(6)]
    for scheme, step in (("q8", 0.3), ("q16", 0.002)):
        _, graph = quantized(model, scheme, samples)
        first, second, add = graph.ops
        assert first.inputs[1] == second.inputs[1] == add.inputs[1] == w
        assert first.inputs[2] == c != second.inputs[2]
        for index in (first.inputs[2], second.inputs[2]):
            values = graph.tensors[index].data
            assert values is not None
            assert real(graph, index, values).tolist() == [0.5, -0.25, 0.125]
        assert all(t.quantization is not None for t in graph.tensors)
        want, error = errors(model, scheme, samples)
        assert np.abs(error).max() < step * np.abs(want).max()


def test_all_zeros() -> None:
    m = FloatModel()
    x, y, z = m.x(1, 2), m.x(1, 2), m.x(1, 2)
    m.b.op("FULLY_CONNECTED", [x, m.c(np.zeros((2, 2))), m.c([0, 0])], [y])
    m.b.op("ADD", [y, m.c([[0, 0]])], [z])
    model = m.b.build([x], [z])
    samples = [(np.zeros((1, 2), np.float32),)]
    for scheme, width in WIDTHS.items():
        _, graph = quantized(model, scheme, samples)
        assert bits_of(graph, x) == bits_of(graph, z) == width - 1
        _, error = errors(model, scheme, samples)
        assert not error.any()


def test_an_input_that_is_also_an_output_and_one_used_by_nothing() -> None:
    m = FloatModel()
    x, idle, y = m.x(1, 2, name="x"), m.x(1, 3, name="idle"), m.x(1, 2, name="y")
    unused = m.c(np.full((64,), 0.123))
    m.b.op("RELU", [x], [y])
    model = m.b.build([x, idle], [y, x])
    for scheme in SCHEMES:
        for io in ("int", "float32"):
            made, graph = quantized(model, scheme, io=io)
            assert (graph.inputs, graph.outputs) == ((x, idle), (y, x))
            assert not graph.tensors[unused].is_constant
            dtypes = [graph.tensors[i].dtype for i in (x, idle, y)]
            assert dtypes == [io if io == "float32" else f"int{WIDTHS[scheme]}"] * 3
            inputs = [np.ones(graph.tensors[i].shape, graph.tensors[i].dtype) for i in graph.inputs]
            reference_for(Model(made, graph)).run(inputs)


def test_a_residual_net() -> None:
    m = FloatModel()
    x, a, b, s, p, y = (m.x(1, 6, 6, 4) for _ in range(6))
    kernel = {"padding": "SAME", "stride_h": 1, "stride_w": 1}
    m.b.op(
        "CONV_2D",
        [x, m.c(normal(1, 4, 3, 3, 4) / 4), m.c(normal(2, 4))],
        [a],
        fused_activation_function="RELU6",
        **kernel,
    )
    m.b.op("CONV_2D", [a, m.c(normal(3, 4, 3, 3, 4) / 4), m.c(normal(4, 4))], [b], **kernel)
    m.b.op("ADD", [b, x], [s], fused_activation_function="RELU")
    m.b.op(
        "DEPTHWISE_CONV_2D",
        [s, m.c(normal(5, 1, 3, 3, 4)), m.c(normal(6, 4))],
        [p],
        depth_multiplier=1,
        **kernel,
    )
    m.b.op("ADD", [p, s], [y])
    model = m.b.build([x], [y])
    samples = samples_of(parse_model(model, "m"))
    assert sqnr_db(*errors(model, "q16", samples)) > 60
    assert sqnr_db(*errors(model, "q8", samples)) > 15
    assert all(not op.options.get("pot_scale_int16") for op in quantized(model, "q16")[1].ops)


@pytest.mark.parametrize("name", ["ad_float32", "ic_float32", "vww_float32"])
def test_mlperf_models(name: str) -> None:
    model = shared_model(name).read_bytes()
    graph = parse_model(model, name)
    samples = make_inputs("random:1", graph, 4)
    assert sqnr_db(*errors(model, "q16", samples)) > 30
    made, fixed = quantized(model, "q8", samples)
    assert len(made) < len(model) / 3
    reference = reference_for(Model(made, fixed), keep_all=True)
    reference.run([make_inputs("random:2", fixed, 1)[0][0]])
    assert all(reference.tensor(op.outputs[0]).any() for op in fixed.ops[:-1])


# What is refused


def refusal(model: bytes, scheme: Any = "q8", **options: Any) -> str:
    graph = parse_model(model, "m")
    with pytest.raises((UnsupportedModel, UsageError)) as caught:
        quantize_fixed_point(graph, Ranges("minmax", 1, {}), scheme, **options)
    return f"{caught.value.message} / {caught.value.hint}"


def test_ops_without_fixed_point_are_named() -> None:
    m = FloatModel()
    x, y, z = m.x(1, 4), m.x(1, 4), m.x(1, 4)
    m.b.op("RELU", [x], [y])
    m.b.op("EXP", [y], [z])
    text = refusal(m.b.build([x], [z]))
    assert text.startswith("op 1 (EXP) has no fixed-point form in q8 / supported: CONV_2D")
    assert "TensorFlow Lite has no int16 kernel" in refusal(one_op("HARD_SWISH"), "q16")
    assert "HARD_SWISH" not in refusal(m.b.build([x], [z]), "q16")


def test_a_softmax_that_aborts_tensorflow_lite_is_refused() -> None:
    m = FloatModel()
    x, y = m.x(1, 4), m.x(1, 4)
    m.b.op("SOFTMAX", [x], [y], beta=0.0)
    assert "op 0 (SOFTMAX) has beta 0" in refusal(m.b.build([x], [y]))


def test_quantized_and_mixed_models_are_refused() -> None:
    assert "is int8" in refusal(conv_model())
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 2), "float32")
    w = b.tensor((2, 4), "int8", scale=0.1, data=np.ones((2, 4), int))
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    assert "op 0 (FULLY_CONNECTED) has int8 weights" in refusal(b.build([x], [y]))
    m = FloatModel()
    x, halves, y = m.x(1, 2), m.b.tensor((1, 2), "float16"), m.x(1, 2)
    m.b.op("RELU", [x], [halves])
    m.b.op("RELU", [halves], [y])
    assert "writes a float16 tensor" in refusal(m.b.build([x], [y]))


def test_computed_weights_and_infinite_constants_are_refused() -> None:
    m = FloatModel()
    x, w, y = m.x(1, 4), m.x(2, 4), m.x(1, 2)
    m.b.op("FULLY_CONNECTED", [x, w, -1], [y])
    assert "computes its input 1" in refusal(m.b.build([x, w], [y]))
    for bad in (math.nan, math.inf):
        m = FloatModel()
        x, y = m.x(1, 1), m.x(1, 1)
        m.b.op("FULLY_CONNECTED", [x, m.c([[bad]]), -1], [y])
        assert "infinite or not a number" in refusal(m.b.build([x], [y]))


def test_missing_inputs_are_refused() -> None:
    for inputs in ([0], [0, -1], [-1, 0]):
        m = FloatModel()
        x, y = m.x(1, 2), m.x(1, 2)
        m.b.op("ADD", inputs, [y])
        position = inputs.index(-1) if -1 in inputs else 1
        assert f"op 0 (ADD) lacks its input {position}" in refusal(m.b.build([x], [y]))


def test_formats_and_schemes_that_are_none() -> None:
    assert "Q7.9 has 7 + 9 bits" in refusal(one_op("RELU"), "q8", q_format="Q7.9")
    assert "not a fixed-point format" in refusal(one_op("RELU"), "q16", q_format="")
    assert "unknown fixed-point scheme" in refusal(one_op("RELU"), "int8")
