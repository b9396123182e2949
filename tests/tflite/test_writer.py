from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hil.errors import UnsupportedModel
from hil.tflite.graph import Graph
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import Reference
from hil.tflite.writer import write_model

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, conv_model, shared_model

MODELS = ["digits_float32", "digits_int8", "ad_int8", "ic_float32", "kws_int8", "vww_int8"]


def model_path(name: str) -> Path:
    return DIGITS / f"{name}.tflite" if name.startswith("digits") else shared_model(name)


def content(graph: Graph) -> tuple[object, ...]:
    """All of a graph but what names the file, with arrays as comparable values."""
    tensors = [
        (
            t.index,
            t.name,
            t.shape,
            t.dtype,
            t.quantization
            and (
                t.quantization.scale.tolist(),
                t.quantization.zero_point.tolist(),
                t.quantization.axis,
            ),
            t.data is not None and t.data.tobytes(),
        )
        for t in graph.tensors
    ]
    ops = [dataclasses.astuple(op) for op in graph.ops]
    return tensors, ops, graph.inputs, graph.outputs, graph.description


@pytest.mark.parametrize("name", MODELS)
def test_what_was_read_is_written_and_computes_the_same(name: str) -> None:
    data = model_path(name).read_bytes()
    graph = parse_model(data, name)
    written = write_model(graph)
    assert content(parse_model(written, name)) == content(graph)
    assert write_model(graph) == written
    (sample,) = make_inputs("random:3", graph, 1)
    for a, b in zip(
        Reference(Model.parse(written, "m")).run(sample),
        Reference(Model.parse(data, "m")).run(sample),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_constants_are_aligned_and_equal_ones_stored_once() -> None:
    b = ModelBuilder()
    x, y, z = (b.tensor((1, 4), "int8", scale=1.0) for _ in range(3))
    pattern = [11, -22, 33, -44]
    first = b.tensor((1, 4), "int8", scale=0.5, data=[pattern])
    second = b.tensor((4,), "int8", scale=0.25, data=pattern)
    b.op("ADD", [x, first], [y])
    b.op("ADD", [y, second], [z])
    written = write_model(parse_model(b.build([x], [z]), "m"))
    raw = np.array(pattern, np.int8).tobytes()
    assert written.count(raw) == 1
    assert written.index(raw) % 16 == 0


def test_ops_that_cannot_be_written_are_named() -> None:
    graph = parse_model(conv_model(), "conv")
    for name, text in (("CUSTOM:x", "op CUSTOM:x"), ("RELU", r"op 0 \(RELU\) has options")):
        op = dataclasses.replace(graph.ops[0], name=name)
        with pytest.raises(UnsupportedModel, match=text):
            write_model(dataclasses.replace(graph, ops=(op, *graph.ops[1:])))
