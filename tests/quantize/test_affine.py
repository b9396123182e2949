"""int8, int8-per-tensor, int16x8 and dynamic: what is in the file, and that nothing is left out."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hil.errors import UnsupportedModel
from hil.quantization import quality
from hil.quantization.affine import quantize_affine
from hil.quantization.calibration_data import CalibrationData, Samples
from hil.quantization.ranges import Ranges, calibrate
from hil.tflite.graph import Graph
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import Reference

from tests.quantize.fixed_models import _ROWS, FloatModel, one_op, samples_of
from tests.support.float_nets import NETS
from tests.support.hil import DIGITS

STATIC = ("int8", "int8-per-tensor", "int16x8")
DTYPE = {"int8": "int8", "int8-per-tensor": "int8", "int16x8": "int16"}
NO_INT16_KERNEL = ("RELU_N1_TO_1", "HARD_SWISH")  # in TensorFlow Lite


def made(model: bytes, scheme: str, **options: Any) -> tuple[bytes, Graph, Ranges]:
    parsed = Model.parse(model, "float")
    graph = parsed.graph
    ranges = calibrate(parsed, samples_of(graph, 40))
    options.setdefault("float_io", False)
    content = quantize_affine(graph, scheme, ranges, **options)
    return content, parse_model(content, "variant"), ranges


def output_sqnr(model: bytes, content: bytes) -> float:
    parent = Model.parse(model, "float")
    samples = Samples(tuple(samples_of(parent.graph, 40)))
    variant = Model.parse(content, "variant")
    data = CalibrationData(samples, samples, "")
    _, agreements = quality.compare(parent, variant, data)
    return agreements[0].sqnr_db


@pytest.mark.parametrize("float_io", [False, True])
@pytest.mark.parametrize("scheme", STATIC)
@pytest.mark.parametrize("name", _ROWS)
def test_every_op_that_the_engine_runs(name: str, scheme: str, float_io: bool) -> None:
    model = one_op(name)
    if scheme == "int16x8" and name in NO_INT16_KERNEL:
        with pytest.raises(UnsupportedModel, match=f"stay in float in int16x8: {name}"):
            made(model, scheme, float_io=float_io)
        return
    content, graph, _ = made(model, scheme, float_io=float_io)
    ends = {graph.tensors[index].dtype for index in (*graph.inputs, *graph.outputs)}
    assert ends == {"float32" if float_io else DTYPE[scheme]}
    for op in graph.ops:
        if op.name not in ("QUANTIZE", "DEQUANTIZE"):
            dtypes = {
                graph.tensors[index].dtype for index in (*op.inputs, *op.outputs) if index > 0
            }
            assert "float32" not in dtypes, op.name
    assert output_sqnr(model, content) > (38 if scheme == "int16x8" else 30)


@pytest.mark.parametrize("scheme", [*STATIC, "dynamic"])
@pytest.mark.parametrize("net", NETS)
def test_the_same_bytes_every_time(net: str, scheme: str) -> None:
    model = NETS[net]()
    assert made(model, scheme)[0] == made(model, scheme)[0]


def weights_of(graph: Graph, op: str) -> list[Any]:
    return [graph.tensors[o.inputs[1]] for o in graph.ops if o.name == op]


def test_granularity_of_weights_by_scheme() -> None:
    per_channel = {
        "int8": {"CONV_2D": True, "DEPTHWISE_CONV_2D": True, "FULLY_CONNECTED": True},
        "int8-per-tensor": {
            "CONV_2D": False,
            "DEPTHWISE_CONV_2D": False,
            "FULLY_CONNECTED": False,
        },
        "int16x8": {"CONV_2D": True, "DEPTHWISE_CONV_2D": True, "FULLY_CONNECTED": False},
        "dynamic": {"CONV_2D": True, "DEPTHWISE_CONV_2D": True, "FULLY_CONNECTED": False},
    }
    for scheme, expected in per_channel.items():
        _, graph, _ = made(NETS["depthwise"](), scheme)
        for op, channels in expected.items():
            for tensor in weights_of(graph, op):
                assert tensor.dtype == "int8"
                assert tensor.quantization.per_channel == channels, (scheme, op)
                assert not tensor.quantization.zero_point.any()


def test_arithmetic_of_the_schemes() -> None:
    model = NETS["conv"]()
    kinds = {s: made(model, s)[1] for s in (*STATIC, "dynamic")}
    assert {s: graph.dtype for s, graph in kinds.items()} == {
        "int8": "int8",
        "int8-per-tensor": "int8",
        "int16x8": "int16x8",
        "dynamic": "hybrid",
    }
    for scheme, bias in (("int8", "int32"), ("int16x8", "int64")):
        graph = kinds[scheme]
        ops = [op for op in graph.ops if op.name == "CONV_2D"]
        assert {graph.tensors[op.inputs[2]].dtype for op in ops} == {bias}
    for tensor in kinds["int16x8"].tensors:
        if tensor.dtype == "int16" and tensor.quantization is not None:
            assert not tensor.quantization.zero_point.any()


def test_scales_follow_from_our_ranges() -> None:
    """Every calibration method reaches the file: the input's scale is its range over 255 steps."""
    model = NETS["conv"]()
    graph = parse_model(model, "float")
    samples = samples_of(graph, 40)
    scales = {}
    for method in ("minmax", "percentile:95", "moving-average:0.9"):
        ranges = calibrate(Model(model, graph), samples, method)
        variant = parse_model(quantize_affine(graph, "int8", ranges, float_io=False), "v")
        seen = ranges.tensors[graph.inputs[0]]
        quantization = variant.tensors[variant.inputs[0]].quantization
        assert quantization is not None
        scales[method] = float(quantization.scale[0])
        assert scales[method] == pytest.approx((seen.high - seen.low) / 255, rel=1e-5)
    assert len(set(scales.values())) == 3


def test_names_that_are_not_unique_come_back() -> None:
    m = FloatModel()
    x = m.x(1, 8, name="same")
    y, z = m.x(1, 4, name="same"), m.x(1, 4, name="same")
    rows = np.arange(32).reshape(4, 8) / 16 - 1
    m.b.op("FULLY_CONNECTED", [x, m.c(rows), -1], [y])
    m.b.op("SOFTMAX", [y], [z])
    model = m.b.build([x], [z])
    content, graph, _ = made(model, "int8")
    assert [graph.tensors[i].name for i in (*graph.inputs, *graph.outputs)] == ["same", "same"]
    assert output_sqnr(model, content) > 30


def test_an_op_between_two_that_the_library_knows_is_taken_into_integers() -> None:
    m = FloatModel()
    x = m.x(1, 8)
    a, b, c = m.x(1, 6), m.x(1, 6), m.x(1, 3)
    m.b.op("FULLY_CONNECTED", [x, m.c(np.eye(6, 8) * 2), -1], [a])
    m.b.op("LEAKY_RELU", [a], [b], alpha=0.2)
    m.b.op("FULLY_CONNECTED", [b, m.c(np.eye(3, 6)), -1], [c])
    model = m.b.build([x], [c])
    for scheme in STATIC:
        content, graph, _ = made(model, scheme)
        names = [op.name for op in graph.ops]
        assert names == ["FULLY_CONNECTED", "LEAKY_RELU", "FULLY_CONNECTED"]
        assert output_sqnr(model, content) > 35


def test_an_op_without_a_rule_is_named() -> None:
    m = FloatModel()
    x, y = m.x(1, 8), m.x(1, 8)
    m.b.op("EXP", [x], [y])
    with pytest.raises(UnsupportedModel, match="EXP") as caught:
        made(m.b.build([x], [y]), "int8")
    assert "dynamic" in caught.value.hint


def test_dynamic_without_weights_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match="no weights"):
        made(one_op("SOFTMAX"), "dynamic")


def test_a_tensor_that_is_always_zero() -> None:
    m = FloatModel()
    x, y, z = m.x(1, 8), m.x(1, 4), m.x(1, 4)
    m.b.op("FULLY_CONNECTED", [x, m.c(np.zeros((4, 8))), -1], [y])
    m.b.op("TANH", [y], [z])
    model = m.b.build([x], [z])
    for scheme in STATIC:
        content, graph, _ = made(model, scheme)
        inputs = tuple(
            np.full(graph.tensors[i].shape, 3, graph.tensors[i].dtype) for i in graph.inputs
        )
        (output,) = Reference(Model.parse(content, "m")).run(inputs)
        quantization = graph.tensors[graph.outputs[0]].quantization
        assert quantization is not None
        assert (output == quantization.zero_point[0]).all()


def test_the_library_writes_nothing_to_our_streams() -> None:
    """Its progress reports, the interpreter's log lines and warnings stay off stdout and stderr."""
    code = (
        "import pathlib;from hil.tflite.model import Model;"
        "from hil.quantization.affine import quantize_affine;"
        "from hil.quantization.ranges import calibrate;"
        "from hil.tflite.inputs import make_inputs;"
        f"p=pathlib.Path({str(DIGITS / 'digits_float32.tflite')!r});m=Model.read(p);g=m.graph;"
        "r=calibrate(m,make_inputs('normal:0',g,4));"
        "quantize_affine(g,'int8',r,float_io=False)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_constants_are_aligned_for_the_device() -> None:
    from hil.tflite.schema import root

    content, _, _ = made(NETS["conv"](), "int16x8")
    model = root(content)
    for number in range(model.BuffersLength()):
        buffer = model.Buffers(number)
        if buffer.DataLength():
            start = buffer._tab.Vector(buffer._tab.Offset(4))
            assert start % 16 == 0


def test_a_model_with_a_signature_is_quantized_as_well() -> None:
    parsed = Model.read(DIGITS / "digits_float32.tflite")
    graph = parsed.graph
    ranges = calibrate(parsed, samples_of(graph, 10))
    assert parse_model(quantize_affine(graph, "int8", ranges, float_io=False), "v").dtype == "int8"
