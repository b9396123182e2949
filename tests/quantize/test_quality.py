"""SQNR, cosine similarity and agreement, by hand where that is possible."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hil.quantization import drop, quality
from hil.quantization.calibration_data import CalibrationData, Samples
from hil.records import Agreement, Variant
from hil.tflite.graph import Quantization, Tensor
from hil.tflite.integers import to_reals
from hil.tflite.model import Model

from tests.quantize.fixed_models import FloatModel
from tests.support.float_nets import NETS
from tests.support.tflite_builder import ModelBuilder


def model(content: bytes, name: str = "m") -> Model:
    return Model.parse(content, name)


def relu(scale: float | None = None, zero_point: int = 0) -> Model:
    """RELU from ``in`` to ``out``: float32, or int8 of one scale."""
    b = ModelBuilder()
    dtype = "float32" if scale is None else "int8"
    x = b.tensor((1, 4), dtype, name="in", scale=scale, zero_point=zero_point)
    y = b.tensor((1, 4), dtype, name="out", scale=scale, zero_point=zero_point)
    b.op("RELU", [x], [y])
    return model(b.build([x], [y]))


def data(rows: list[list[float]], labels: list[int] | None = None) -> CalibrationData:
    inputs = tuple((np.array([row], np.float32),) for row in rows)
    known = None if labels is None else np.array(labels)
    return CalibrationData(Samples(inputs), Samples(inputs, known), "")


def test_by_hand() -> None:
    """Steps of 0.5: 1.2 becomes 1 (an error of 0.2), 100 is clipped to 63.5 (36.5)."""
    tensors, (own, held_out) = quality.compare(
        relu(), relu(scale=0.5), data([[1.2, 0.5, -1, 100], [1, 2, 3, 0]])
    )
    named = {t.name: t for t in tensors}
    assert set(named) == {"in", "out"}
    signal = 1.2**2 + 0.5**2 + 100**2 + 1 + 4 + 9
    noise = 0.2**2 + 36.5**2
    out = named["out"]
    assert out.sqnr_db == pytest.approx(10 * math.log10(signal / noise), rel=1e-6)
    assert out.cosine == pytest.approx(
        (1.2 + 0.25 + 6350 + 14) / math.sqrt(signal * (1 + 0.25 + 63.5**2 + 14)), rel=1e-6
    )
    assert (out.kind, out.dtype, out.scale, out.zero_point) == ("activation", "int8", 0.5, 0)
    assert out.saturated == 1 / 8
    assert (own.data, own.samples, held_out.data) == ("calibration", 2, "held-out")
    assert own.sqnr_db == held_out.sqnr_db == out.sqnr_db
    assert own.max_abs_diff == pytest.approx(36.5)


def test_a_model_equals_itself() -> None:
    net = model(NETS["conv"]())
    shape = net.graph.tensors[net.graph.inputs[0]].shape
    values = np.linspace(-1, 1, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    samples = Samples(((values,), (values[:, ::-1].copy(),)))
    tensors, agreements = quality.compare(net, net, CalibrationData(samples, samples, ""))
    assert {t.kind for t in tensors} == {"activation"}
    assert all(t.sqnr_db == math.inf and t.cosine == pytest.approx(1) for t in tensors)
    assert [a.top1 for a in agreements] == [1.0, 1.0]


def test_the_worst_tensor_stands_first() -> None:
    tensors, _ = quality.compare(relu(), relu(scale=0.5), data([[1.2, 0.5, -1.1, 100]]))
    assert [t.sqnr_db for t in tensors] == sorted(t.sqnr_db for t in tensors)


def wide(scale: float | None = None) -> Model:
    """A classifier of 3 classes over 4 values: weights that pick the first three."""
    m = FloatModel()
    eye = np.eye(3, 4, dtype=np.float32)
    if scale is None:
        x, y = m.x(1, 4, name="in"), m.x(1, 3, name="out")
        w = m.b.tensor(eye.shape, "float32", data=eye, name="w")
    else:
        x = m.b.tensor((1, 4), "int8", scale=scale, name="in")
        y = m.b.tensor((1, 3), "int8", scale=scale, name="out")
        w = m.b.tensor(eye.shape, "int8", scale=1 / 127, data=np.rint(eye * 127), name="w")
    m.b.op("FULLY_CONNECTED", [x, w, -1], [y])
    return model(m.b.build([x], [y]))


def test_top1_and_accuracy() -> None:
    """With steps of 1 the second sample's two best scores become equal: the first one wins."""
    rows = [[3.0, 1, 1, 0], [1.6, 1.9, 0, 0], [0, 0, 5, 0], [0, 4, 0, 0]]
    labels = [0, 1, 2, 2]
    tensors, (_, held_out) = quality.compare(wide(), wide(scale=1.0), data(rows, labels))
    assert held_out.top1 == 0.75
    assert (held_out.parent_accuracy, held_out.accuracy) == (0.75, 0.5)
    (w,) = [t for t in tensors if t.kind == "weights"]
    assert (w.name, w.dtype, w.sqnr_db > 100) == ("w", "int8", True)


def variant(**held_out: float | None) -> Variant:
    fields = {"top1": None, "sqnr_db": 30.0, "cosine": 0.999, "max_abs_diff": 0.1, **held_out}
    agreement = Agreement("held-out", 10, **fields)  # type: ignore[arg-type]
    return Variant("", "", "", "int8", {}, "", "", 10, "", "", 1, agreements=(agreement,))


def test_what_the_gate_looks_at() -> None:
    assert drop(variant()) == (pytest.approx(0.001), "1 - cosine similarity of the outputs")
    assert drop(variant(top1=0.9)) == (pytest.approx(0.1), "samples with another top-1 class")
    labelled = variant(top1=0.9, parent_accuracy=0.8, accuracy=0.85)
    assert drop(labelled) == (pytest.approx(-0.05), "accuracy lost")


def test_inputs_are_quantized_as_tflite_does() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 6), "float32")
    y = b.tensor((1, 6), "int8", scale=0.5, zero_point=3)
    b.op("QUANTIZE", [x], [y])
    content = b.build([x], [y])
    values = np.array([[0.25, -0.25, 0.74, 1e6, -1e6, 0.75]], np.float32)
    from hil.tflite.reference import Reference

    (expected,) = Reference(Model.parse(content, "m")).run((values,))
    graph = relu(scale=0.5, zero_point=3).graph
    import dataclasses

    tensors = [dataclasses.replace(t, shape=(1, 6)) for t in graph.tensors]
    (got,) = quality.fed((values,), dataclasses.replace(graph, tensors=tuple(tensors)))
    np.testing.assert_array_equal(got, expected)


def test_real_values_of_per_channel_weights() -> None:
    q = Quantization(np.array([1, 10], np.float32), np.zeros(2, np.int64), 1)
    values = np.array([[1, 2], [3, 4]], np.int8)
    tensor = Tensor(0, "w", values.shape, "int8", q, values)
    np.testing.assert_array_equal(to_reals(values, tensor), [[1, 20], [3, 40]])


def test_tensors_of_one_name_are_paired_in_order() -> None:
    def net(dtype: str) -> Model:
        b = ModelBuilder()
        scale = None if dtype == "float32" else 0.1
        x, y, z = (b.tensor((1, 4), dtype, name="same", scale=scale) for _ in range(3))
        b.op("RELU", [x], [y])
        b.op("RELU", [y], [z])
        return model(b.build([x], [z]))

    pairs = quality.matching(net("float32").graph, net("int8").graph)
    assert [(a.index, b.index) for a, b in pairs] == [(0, 0), (1, 1), (2, 2)]
