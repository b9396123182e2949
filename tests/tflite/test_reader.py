from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.schema import root

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, conv_builder, conv_model, shared_model


def test_digits_int8_reads_as_its_converter_wrote_it() -> None:
    path = DIGITS / "digits_int8.tflite"
    model = Model.read(path)
    graph = model.graph
    assert graph.name == model.name == "digits_int8"
    assert model.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert model.size_bytes == path.stat().st_size
    assert graph.dtype == "int8"
    assert [op.name for op in graph.ops] == [
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "CONV_2D",
        "MAX_POOL_2D",
        "RESHAPE",
        "FULLY_CONNECTED",
        "SOFTMAX",
    ]
    image = graph.tensors[graph.inputs[0]]
    assert (image.shape, image.dtype, image.data) == ((1, 8, 8, 1), "int8", None)
    assert image.quantization is not None
    assert image.quantization.scale[0] == pytest.approx(1 / 255)
    assert image.quantization.zero_point[0] == -128
    depthwise = graph.tensors[graph.ops[1].inputs[1]]
    assert depthwise.quantization is not None
    assert depthwise.quantization.per_channel
    assert depthwise.quantization.axis == 3
    assert graph.ops[1].options["depth_multiplier"] == 1
    assert graph.ops[3].options["filter_height"] == 2
    assert graph.ops[6].options == {"beta": 1.0}


@pytest.mark.parametrize(
    ("name", "macs", "arithmetic"),
    [
        ("ad_int8", 264_192, "int8"),
        ("ad_float32", 264_192, "float32"),
        ("kws_int8", 2_656_768, "int8"),
        ("kws_hybrid", 2_656_768, "hybrid"),
        ("ic_int8", 12_501_632, "int8"),
        ("ic_float32", 12_501_632, "float32"),
        ("vww_int8", 7_489_664, "int8"),
        ("vww_float32", 7_489_664, "float32"),
    ],
)
def test_mlperf_tiny_models(name: str, macs: int, arithmetic: str) -> None:
    graph = Model.read(shared_model(name)).graph
    assert graph.macs == macs
    assert graph.dtype == arithmetic


def test_digits_macs_per_op() -> None:
    for name in ("digits_int8", "digits_float32"):
        graph = Model.read(DIGITS / f"{name}.tflite").graph
        assert [op.macs for op in graph.ops] == [9216, 9216, 32768, 0, 0, 5120, 0]


def test_constants_are_read_only_views() -> None:
    data = conv_model()
    graph = parse_model(data, "conv")
    weights = graph.tensors[1]
    assert weights.data is not None
    assert weights.is_constant
    assert weights.data.shape == weights.shape == (3, 3, 3, 2)
    assert weights.data.dtype == np.int8
    assert not weights.data.flags.writeable
    assert not weights.data.flags.owndata
    with pytest.raises(ValueError, match="read-only"):
        weights.data[0] = 0
    np.testing.assert_array_equal(
        weights.data, np.random.default_rng(3).integers(-127, 128, (3, 3, 3, 2))
    )
    bias = graph.tensors[2]
    np.testing.assert_array_equal(bias.data, np.asarray([10, -20, 30], np.int32))


def test_quantization_as_stored() -> None:
    graph = parse_model(conv_model(), "conv")
    image, weights = graph.tensors[0].quantization, graph.tensors[1].quantization
    assert image is not None
    assert weights is not None
    assert image.scale.dtype == np.float32
    assert (float(image.scale[0]), int(image.zero_point[0])) == (float(np.float32(0.05)), -3)
    assert not image.per_channel
    assert weights.per_channel
    np.testing.assert_array_equal(weights.scale, np.asarray([0.01, 0.02, 0.03], np.float32))
    np.testing.assert_array_equal(weights.zero_point, [0, 0, 0])


def test_lifetimes() -> None:
    graph = parse_model(conv_model(), "conv")
    assert graph.lifetime(0) == (-1, 0)  # the input
    assert graph.lifetime(3) == (0, 1)
    assert graph.lifetime(4) == (1, 2)  # the output: kept after the last of 2 ops


def test_lifetime_of_a_skip_connection_spans_the_ops_between() -> None:
    b = ModelBuilder()
    x, a, c, y = (b.tensor((1, 4), "int8", scale=0.1) for _ in range(4))
    b.op("RELU", [x], [a])
    b.op("RELU6", [a], [c])
    b.op("ADD", [a, c], [y])
    graph = parse_model(b.build([x], [y]), "skip")
    assert graph.lifetime(a) == (0, 2)
    assert graph.lifetime(c) == (1, 2)


def test_open_batch_reads_as_one() -> None:
    b = ModelBuilder()
    x = b.tensor((-1, 4), "float32", shape_signature=(-1, 4))
    y = b.tensor((1, 4), "float32", shape_signature=(-1, 4))
    b.op("RELU", [x], [y])
    graph = parse_model(b.build([x], [y]), "open")
    assert [t.shape for t in graph.tensors] == [(1, 4), (1, 4)]


def test_absent_bias_is_minus_one() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), "float32")
    w = b.tensor((2, 4), "float32", data=np.ones((2, 4)))
    y = b.tensor((1, 2), "float32")
    b.op("FULLY_CONNECTED", [x, w, -1], [y], fused_activation_function="RELU6")
    graph = parse_model(b.build([x], [y]), "nobias")
    assert graph.ops[0].inputs == (0, 1, -1)
    assert graph.ops[0].options["fused_activation_function"] == "RELU6"


def test_custom_op_is_named_with_its_code() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("CUSTOM:MyFFT", [x], [y])
    assert parse_model(b.build([x], [y]), "custom").ops[0].name == "CUSTOM:MyFFT"


def test_op_codes_above_127_are_read_from_the_newer_field() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("GELU", [x], [y])
    assert parse_model(b.build([x], [y]), "gelu").ops[0].name == "GELU"


def test_names_that_are_no_utf8_are_kept_readable() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32", name=b"in\xff"), b.tensor((1, 4), "float32", name="")
    b.op("RELU", [x], [y])
    names = [t.name for t in parse_model(b.build([x], [y]), "names").tensors]
    assert names == ["in\N{REPLACEMENT CHARACTER}", "tensor1"]


def test_options_left_out_have_the_schema_defaults() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("ADD", [x, x], [y], without_options=True)
    options = parse_model(b.build([x], [y]), "add").ops[0].options
    assert options["fused_activation_function"] == "NONE"


def test_empty_constant_is_a_constant() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1,), "float32"), b.tensor((), "float32")
    shape = b.tensor((0,), "int32", raw=b"")
    b.op("RESHAPE", [x, shape], [y])
    graph = parse_model(b.build([x], [y]), "scalar")
    assert graph.tensors[shape].is_constant
    assert graph.tensors[y].shape == ()
    assert graph.tensors[y].nbytes == 4


@pytest.mark.parametrize(
    ("activation", "weight", "expected"),
    [
        ("int8", "int8", "int8"),
        ("uint8", "uint8", "uint8"),
        ("int16", "int8", "int16x8"),
        ("int16", "int16", "int16"),
        ("float32", "float32", "float32"),
        ("float32", "int8", "hybrid"),
    ],
)
def test_arithmetic(activation: str, weight: str, expected: str) -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), activation), b.tensor((1, 2), activation)
    w = b.tensor((2, 4), weight, data=np.ones((2, 4)))
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    assert parse_model(b.build([x], [y]), "fc").dtype == expected


def test_conversions_at_the_edges_do_not_make_a_model_mixed() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    q, r = b.tensor((1, 4), "int8", scale=0.1), b.tensor((1, 4), "int8", scale=0.1)
    b.op("QUANTIZE", [x], [q])
    b.op("RELU", [q], [r])
    b.op("DEQUANTIZE", [r], [y])
    assert parse_model(b.build([x], [y]), "edges").dtype == "int8"
    b.op("RELU", [y], [b.tensor((1, 4), "float32")])
    assert parse_model(b.build([x], [y]), "edges").dtype == "mixed"


@pytest.mark.parametrize(("dtype", "arithmetic"), [("int8", "hybrid"), ("float16", "float32")])
def test_unpacked_weights_are_hybrid_if_they_are_integers(dtype: str, arithmetic: str) -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    packed = b.tensor((1, 4), dtype, scale=0.5, data=np.ones((1, 4)))
    unpacked = b.tensor((1, 4), "float32")
    b.op("DEQUANTIZE", [packed], [unpacked])
    b.op("ADD", [x, unpacked], [y])
    assert parse_model(b.build([x], [y]), "unpacked").dtype == arithmetic


def test_several_inputs_and_outputs_keep_their_order(tmp_path: Path) -> None:
    b = ModelBuilder()
    x0, x1 = b.tensor((1, 2), "float32"), b.tensor((1, 3), "float32")
    y0, y1 = b.tensor((1, 2), "float32"), b.tensor((1, 3), "float32")
    b.op("RELU", [x0], [y0])
    b.op("RELU", [x1], [y1])
    path = tmp_path / "two.tflite"
    path.write_bytes(b.build([x1, x0], [y1, y0]))
    graph = Model.read(path).graph
    assert graph.inputs == (x1, x0)
    assert graph.outputs == (y1, y0)


def test_built_model_names_its_maker() -> None:
    b, x, z = conv_builder()
    assert parse_model(b.build([x], [z]), "conv").description == "made by a test"


def test_an_op_code_in_the_newer_field_alone_is_read() -> None:
    """ai-edge-quantizer fills only it; TensorFlow Lite takes the larger of both."""
    model = bytearray(conv_model())
    code = root(bytes(model)).OperatorCodes(0)
    model[code._tab.Pos + code._tab.Offset(4)] = 0
    assert parse_model(bytes(model), "x").ops[0].name == "CONV_2D"
