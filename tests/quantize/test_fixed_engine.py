"""What the aot engine makes of each fixed-point op equals the host's reference, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hil.quantization.fixed_rules import RULES
from hil.tflite.graph import Graph
from hil.tflite.host_reference import reference_for
from hil.tflite.model import Model
from hil.tflite.reader import parse_model

from tests.quantize.fixed_models import FloatModel, one_op, quantized, samples_of
from tests.support.host_model import extreme_inputs, host_model, random_inputs

KERNELS = [
    (scheme, name)
    for name, rule in RULES.items()
    for scheme in ("q8", "q16")
    if rule.versions[scheme == "q16"]
]


@pytest.mark.parametrize(("scheme", "name"), KERNELS)
def test_each_op_on_random_and_extreme_inputs(scheme: str, name: str) -> None:
    model = one_op(name)
    samples = samples_of(parse_model(model, "m"))
    if len(samples[0]) == 2:  # operands of different formats
        samples = [(a, 5 * b) for a, b in samples]
    made, graph = quantized(model, scheme, samples)
    assert_equal(made, graph)


def assert_equal(model: bytes, graph: Graph) -> None:
    host = host_model(model, sanitize=True)
    reference = reference_for(Model(model, graph))
    rng = np.random.default_rng(0)
    for inputs in [random_inputs(graph, rng) for _ in range(4)] + extreme_inputs(graph):
        for got, want in zip(host.run(inputs), reference.run(inputs), strict=True):
            np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("io", ["int", "float32"])
@pytest.mark.parametrize("scheme", ["q8", "q16"])
def test_conversions_inside_and_at_the_edges(scheme: Any, io: Any) -> None:
    """LOGISTIC's fixed format into a CONCATENATION with larger values, then a gate (MUL)."""
    m = FloatModel()
    a, b, s, y = m.x(1, 4), m.x(1, 4), m.x(1, 4), m.x(1, 8)
    gate, z = m.x(1, 8), m.x(1, 8)
    m.b.op("LOGISTIC", [a], [s])
    m.b.op("CONCATENATION", [s, b], [y], axis=1)
    m.b.op("LOGISTIC", [y], [gate])
    m.b.op("MUL", [gate, y], [z], fused_activation_function="RELU6")
    model = m.b.build([a, b], [z, gate])
    samples = [(x, 20 * w) for x, w in samples_of(parse_model(model, "m"))]
    made, graph = quantized(model, scheme, samples, io=io)
    assert "QUANTIZE" in [op.name for op in graph.ops[1:-2]]
    assert_equal(made, graph)
