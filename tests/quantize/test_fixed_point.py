from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hil.quantization.fixed_format import floored, fraction_bits_for
from hil.quantization.fixed_point import quantize_fixed_point
from hil.quantization.fixed_rules import RULES
from hil.quantization.ranges import Ranges, calibrate
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
)
from tests.tflite.samples import DIGITS

KERNELS = [
    (scheme, op)
    for op, rule in RULES.items()
    for scheme in SCHEMES
    if rule.versions[scheme == "q16"]
]


# Each op


@pytest.mark.parametrize(("scheme", "name"), KERNELS)
def test_every_op_computes_what_the_float_op_does(scheme: str, name: str) -> None:
    """On the calibration samples; q16 is 256 times as fine, so its error is far smaller."""
    model = one_op(name)
    want, error = errors(model, scheme, samples_of(parse_model(model, "m")))
    assert np.abs(want).max() > 0.05
    steps = np.abs(error).max() / np.abs(want).max() * (64 if scheme == "q8" else 64 * 256)
    # An op's own step, and the error of its inputs; weights are floored: half a step too low each.
    limit = 40 if RULES[name].kind == "weighted" else 4
    if scheme == "q16" and name in ("SOFTMAX", "LOGISTIC", "TANH"):
        limit = 64  # TFLite's tables have 513 entries
    assert steps < limit


def test_every_rule_has_its_test() -> None:
    assert {name for _, name in KERNELS} == set(RULES)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("exponent", [-20, -10, 10, 20])
@pytest.mark.parametrize(
    "name", ["CONV_2D", "ADD", "SUB", "MEAN", "LEAKY_RELU", "RELU6", "SOFTMAX", "LOGISTIC"]
)
def test_inputs_of_any_size_are_computed(name: str, exponent: int, scheme: str) -> None:
    """Tiny and huge activations: no kernel of TFLite gets a factor that it cannot have."""
    model = one_op(name)
    if name in ("RELU6", "SOFTMAX", "LOGISTIC"):  # saturated beyond, where one step decides
        exponent = min(exponent, 2)
    samples = samples_of(parse_model(model, "m"), gain=2.0**exponent)
    want, error = errors(model, scheme, samples)
    assert np.abs(error).max() < np.abs(want).max() / 2


@pytest.mark.parametrize("scheme", SCHEMES)
def test_six_is_reached_from_inputs_of_coarse_steps(scheme: Any) -> None:
    model = one_op("RELU6")
    samples = samples_of(parse_model(model, "m"), gain=2.0**10)
    want, error = errors(model, scheme, samples)
    assert {0, 6} <= {float(value) for value in np.unique(want + error)}


def test_operands_of_very_different_size_can_be_added() -> None:
    for name in ("ADD", "SUB"):
        model = one_op(name)
        graph = parse_model(model, "m")
        for gain in (2.0**-25, 2.0**25):
            samples = [(a, b * np.float32(gain)) for a, b in samples_of(graph)]
            for scheme in SCHEMES:
                want, error = errors(model, scheme, samples)
                assert np.abs(error).max() < np.abs(want).max() / 32


# What stands in the file


def digits() -> tuple[bytes, Any, Any, Ranges]:
    data = (DIGITS / "digits_float32.tflite").read_bytes()
    graph = parse_model(data, "digits_float32")
    samples = make_inputs(str(DIGITS / "digits_samples.npz"), graph)
    return data, graph, samples, calibrate(Model(data, graph), samples)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_digits_by_the_rule(scheme: str) -> None:
    _, parent, _, ranges = digits()
    made = quantize_fixed_point(parent, ranges, scheme)  # type: ignore[arg-type]
    graph = parse_model(made, "digits")
    width = WIDTHS[scheme]
    assert [op.name for op in graph.ops] == [op.name for op in parent.ops]
    assert (graph.inputs, graph.outputs) == (parent.inputs, parent.outputs)
    assert [t.name for t in graph.tensors] == [t.name for t in parent.tensors]
    assert not any(t.dtype == "float32" for t in graph.tensors)
    for op in graph.ops:
        x, y = op.inputs[0], op.outputs[0]
        if RULES[op.name].kind != "weighted":
            continue
        w, c = op.inputs[1:3]
        values = parent.tensors[w].data
        n = width - 1 - (math.floor(math.log2(np.abs(values).max())) + 1)
        assert bits_of(graph, w) == n
        floors = np.floor(values.astype(float) * 2.0**n)
        np.testing.assert_array_equal(graph.tensors[w].data, floors)
        assert bits_of(graph, c) == bits_of(graph, x) + n
        assert graph.tensors[c].dtype == {"q8": "int32", "q16": "int64"}[scheme]
        floors = np.floor(parent.tensors[c].data.astype(float) * 2.0 ** bits_of(graph, c))
        np.testing.assert_array_equal(graph.tensors[c].data, floors)
        found = fraction_bits_for(ranges.tensors[y].magnitude, width)
        # Softmax's input is pulled by nobody; a pool's output has the format of its input.
        assert bits_of(graph, y) == found
    zeros = {int(t.quantization.zero_point[0]) for t in graph.tensors if t.quantization}
    assert zeros == ({0, -128} if scheme == "q8" else {0})
    last = graph.tensors[graph.outputs[0]].quantization
    assert last is not None
    assert float(last.scale[0]) == (1 / 256 if scheme == "q8" else 1 / 32768)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("io", ["int", "float32"])
def test_no_float_data_and_no_metadata_is_left(scheme: Any, io: Any) -> None:
    data, parent, _, ranges = digits()
    made = quantize_fixed_point(parent, ranges, scheme, io=io)
    graph = parse_model(made, "m")
    for tensor in parent.tensors:
        if tensor.data is not None and tensor.dtype == "float32":
            assert tensor.data.tobytes()[:16] not in made
    assert not any(t.is_constant and t.dtype == "float32" for t in graph.tensors)
    assert b"min_runtime_version" in data
    assert b"min_runtime_version" not in made
    constants = sum(t.nbytes for t in graph.tensors if t.is_constant)
    assert len(made) < constants + 6000
    assert made == quantize_fixed_point(parent, ranges, scheme, io=io)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_float_edges_keep_the_model_s_inputs_and_outputs(scheme: Any) -> None:
    _, parent, samples, ranges = digits()
    made = quantize_fixed_point(parent, ranges, scheme, io="float32")
    graph = parse_model(made, "m")
    for index in (*graph.inputs, *graph.outputs):
        assert graph.tensors[index].dtype == "float32"
        assert graph.tensors[index].name == parent.tensors[index].name
        assert graph.tensors[index].quantization is None
    assert [op.name for op in graph.ops][:: len(graph.ops) - 1] == ["QUANTIZE", "DEQUANTIZE"]
    # The same numbers come out as of the variant with integer edges.
    plain = quantize_fixed_point(parent, ranges, scheme)
    integer_graph = parse_model(plain, "m")
    reference = reference_for(Model(plain, integer_graph))
    float_reference = reference_for(Model(made, graph))
    source = integer_graph.inputs[0]
    for sample in samples[:5]:
        x = np.round(sample[0] * 2.0 ** bits_of(integer_graph, source))
        limit = np.iinfo(integer_graph.tensors[source].dtype)
        q = np.clip(x, limit.min, limit.max).astype(integer_graph.tensors[source].dtype)
        want = real(integer_graph, integer_graph.outputs[0], reference.run([q])[0])
        np.testing.assert_allclose(float_reference.run(sample)[0], want, atol=1e-7)


def correct(scheme: Any, **options: Any) -> int:
    _, parent, samples, ranges = digits()
    made = quantize_fixed_point(parent, ranges, scheme, io="float32", **options)
    reference = reference_for(Model.parse(made, "m"))
    labels = np.load(DIGITS / "digits_samples.npz")["y"]
    classes = [int(reference.run(sample)[0].argmax()) for sample in samples]
    return int(np.sum(np.asarray(classes) == labels))


@pytest.mark.parametrize(
    ("scheme", "q_format", "least"),
    [
        ("q16", None, 354),
        ("q16", "Q7.9", 354),
        ("q8", None, 350),
        ("q8", "Q3.5", 350),
        ("q8", "Q4.4", 350),
    ],
)
def test_digits_keep_their_accuracy(scheme: str, q_format: str | None, least: int) -> None:
    """Float has 355 of 360; half a point is 1.8 samples."""
    assert correct(scheme, q_format=q_format) >= least


def test_too_few_integer_bits_cost_accuracy() -> None:
    assert correct("q8", q_format="Q1.7") < 350


def test_one_format_for_the_network() -> None:
    _, parent, _, ranges = digits()
    made = quantize_fixed_point(parent, ranges, "q16", q_format="Q7.9")
    graph = parse_model(made, "digits")
    kinds: dict[tuple[str, bool], set[int]] = {}
    for tensor in graph.tensors:
        if tensor.quantization is not None:
            kinds.setdefault((tensor.dtype, tensor.is_constant), set()).add(
                bits_of(graph, tensor.index)
            )
    # Activations (SOFTMAX writes what TFLite fixes), weights, biases.
    assert kinds == {("int16", False): {9, 15}, ("int16", True): {9}, ("int64", True): {18}}


# Formats that depend on each other


def test_concatenation_gives_all_the_coarsest_format() -> None:
    m = FloatModel()
    a, b, y, z = m.x(1, 4), m.x(1, 4), m.x(1, 12), m.x(1, 12)
    constant = m.c([[0.1, 0.2, 0.3, 0.4]])
    m.b.op("CONCATENATION", [a, b, constant], [y], axis=1)
    m.b.op("RELU", [y], [z])
    model = m.b.build([a, b], [z])
    samples = [(normal(1, 1, 4), 30 * normal(2, 1, 4))]
    for scheme in SCHEMES:
        _, graph = quantized(model, scheme, samples)
        coarsest = fraction_bits_for(np.abs(samples[0][1]).max(), WIDTHS[scheme])
        assert {bits_of(graph, i) for i in (a, b, y, constant)} == {coarsest}
        values, limits = (
            np.array([[0.1, 0.2, 0.3, 0.4]], np.float32),
            np.iinfo(graph.tensors[y].dtype),
        )
        q = floored(values, coarsest, limits.min, limits.max)
        np.testing.assert_array_equal(graph.tensors[constant].data, q)


def test_a_fixed_format_passes_through_what_it_can_hold() -> None:
    """SOFTMAX's 1/256 and -128 go on through a RESHAPE."""
    m = FloatModel()
    x, p, y = m.x(1, 4), m.x(1, 4), m.x(4)
    m.b.op("SOFTMAX", [x], [p])
    m.b.op("RESHAPE", [p, m.i([4])], [y], new_shape=[4])
    _, graph = quantized(m.b.build([x], [y]), "q8")
    assert [op.name for op in graph.ops] == ["SOFTMAX", "RESHAPE"]
    for index in (p, y):
        found = graph.tensors[index].quantization
        assert found is not None
        assert (float(found.scale[0]), int(found.zero_point[0])) == (1 / 256, -128)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_fixed_format_is_converted_where_others_need_more(scheme: Any) -> None:
    m = FloatModel()
    a, b, s, y = m.x(1, 4), m.x(1, 4), m.x(1, 4), m.x(1, 8)
    m.b.op("LOGISTIC", [a], [s])
    m.b.op("CONCATENATION", [s, b], [y], axis=1)
    model = m.b.build([a, b], [y])
    samples = [(normal(n, 1, 4), 5 * normal(n + 50, 1, 4)) for n in range(8)]
    _, graph = quantized(model, scheme, samples)
    assert [op.name for op in graph.ops] == ["LOGISTIC", "QUANTIZE", "CONCATENATION"]
    want, error = errors(model, scheme, samples)
    step = 2.0 ** -bits_of(graph, y)
    assert np.abs(error).max() <= 1.5 * step
    assert np.abs(want).max() > 2


def test_no_result_is_finer_than_its_sums() -> None:
    """Weights that cancel: the rule alone would ask for a shift to the left."""
    m = FloatModel()
    x, y = m.x(1, 2), m.x(1, 1)
    m.b.op("FULLY_CONNECTED", [x, m.c([[1.0, -1.0]]), m.c([2.0**-30])], [y])
    model = m.b.build([x], [y])
    samples = [(np.array([[v, v]], np.float32),) for v in (0.5, 1.0, 3.0)]
    for scheme, width in WIDTHS.items():
        _, graph = quantized(model, scheme, samples)
        assert bits_of(graph, y) == bits_of(graph, x) + (width - 2)
        reference = reference_for(Model(write(model, scheme, samples), graph))
        for counts, expected in (
            ((100, 99), 2 ** (width - 2)),
            ((7, 7), 0),
            ((0, 1), -(2 ** (width - 2))),
            ((99, 97), 2 ** (width - 1) - 1),  # saturated
        ):
            (out,) = reference.run([np.array([counts], graph.tensors[x].dtype)])
            assert out.tolist() == [[expected]]


def write(model: bytes, scheme: Any, samples: Any) -> bytes:
    return quantized(model, scheme, samples)[0]


def test_a_large_bias_takes_bits_from_the_weights() -> None:
    m = FloatModel()
    x, y = m.x(1, 2), m.x(1, 1)
    w, c = m.c([[2.0**-24, -(2.0**-25)]]), m.c([1000.0])
    m.b.op("FULLY_CONNECTED", [x, w, c], [y])
    model = m.b.build([x], [y])
    for scheme, room in (("q8", 30), ("q16", 45)):
        _, graph = quantized(model, scheme)
        assert bits_of(graph, c) <= room - 10
        assert float(real(graph, c, graph.tensors[c].data)[0]) == 1000  # type: ignore[arg-type]
        want, error = errors(model, scheme, samples_of(parse_model(model, "m")))
        assert np.abs(error).max() < np.abs(want).max() / 64
