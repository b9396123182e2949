"""LiteRT, the fallback where tflite-runtime does not exist, gives the same answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hil.tflite import reference as reference_module
from hil.tflite.inputs import extremes, make_inputs
from hil.tflite.litert import with_tflite_arithmetic
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import LITERT, Reference

from tests.engines.conv_models import Conv
from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, conv_model, shared_model

pytest.importorskip("tflite_runtime", reason="both interpreters are compared")
litert = pytest.importorskip("ai_edge_litert.interpreter", reason="ai-edge-litert is not installed")


def fully_connected(
    zero_point: int = 0, bias: str = "int32", *, dtype: str = "int8", per_channel: bool = False
) -> bytes:
    """Scales that make the two ways of scaling differ now and then; ``bias`` may be empty."""
    rng = np.random.default_rng(zero_point)
    scales = 0.00717 * (np.linspace(0.3, 1.7, 40, dtype=np.float32) if per_channel else 1.0)
    x_scale, y_scale, x_zero, y_zero = 0.0371, 0.0913, -7, 3
    if dtype == "int16":
        x_scale, y_scale, x_zero, y_zero = 0.000371, 0.000213, 0, 0
    b = ModelBuilder()
    x = b.tensor((3, 50), dtype, scale=x_scale, zero_point=x_zero)
    data = rng.integers(-128, 128, (40, 50))
    w = b.tensor((40, 50), "int8", scale=scales, zero_point=zero_point, data=data)
    c = -1
    if bias:
        data = rng.integers(-9999, 9999, 40)
        c = b.tensor((40,), bias, scale=x_scale * scales, data=data)
    y = b.tensor((3, 40), dtype, scale=y_scale, zero_point=y_zero)
    z = b.tensor((120,), dtype, scale=y_scale, zero_point=y_zero)
    shape = b.tensor((1,), "int32", data=[120])
    b.op("FULLY_CONNECTED", [x, w, c], [y], version=4, fused_activation_function="RELU")
    b.op("RESHAPE", [y, shape], [z], new_shape=[120])
    return b.build([x], [z])


def conv(dtype: str, *, per_channel: bool = True) -> bytes:
    return Conv(
        op="CONV_2D",
        dtype=dtype,
        batches=2,
        height=7,
        width=6,
        in_c=6,
        out_c=10,
        groups=2,
        kernel=(3, 3),
        stride=(2, 1),
        dilation=(1, 1),
        padding="SAME",
        activation="NONE",
        per_channel=per_channel,
        bias=True,
        seed=1,
    ).build()


def models() -> dict[str, bytes]:
    return {
        "plain": fully_connected(),
        "weights with a zero point": fully_connected(zero_point=100),
        "no bias": fully_connected(bias=""),
        "per channel": fully_connected(per_channel=True),
        "per channel, no bias": fully_connected(bias="", per_channel=True),
        "int16, int64 bias": fully_connected(bias="int64", dtype="int16"),
        "int16, int32 bias": fully_connected(dtype="int16"),
        "int16, no bias": fully_connected(bias="", dtype="int16"),
        "int16, weights with a zero point": fully_connected(100, "int64", dtype="int16"),
        "int16 convolution, int64 bias": conv("int16x8"),
        "int16 convolution, int32 bias": conv("int16x8 bias32"),
        "int16 convolution, int32 bias, one scale": conv("int16x8 bias32", per_channel=False),
        "no fully connected": conv_model(),
        "digits": (DIGITS / "digits_int8.tflite").read_bytes(),
    }


def assert_alike(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = parse_model(data, "m")
    inputs = [*make_inputs("random:1", graph, 50), *extremes(graph)]
    plain = Reference(Model.parse(data, "m"), keep_all=True)
    with monkeypatch.context() as patch:
        patch.setattr(reference_module, "_interpreter_module", lambda: (litert.__name__, LITERT))
        other = Reference(Model.parse(data, "m"), keep_all=True)
        assert other.version.startswith("ai-edge-litert ")
    results = {op.outputs[0] for op in graph.ops}
    for sample in inputs:
        for a, b in zip(plain.run(sample), other.run(sample), strict=True):
            np.testing.assert_array_equal(a, b)
        for index in results:
            np.testing.assert_array_equal(plain.tensor(index), other.tensor(index))


@pytest.mark.parametrize("name", models())
def test_litert_gives_what_tflite_gives(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_alike(models()[name], monkeypatch)


@pytest.mark.parametrize("name", ["ad_int8", "kws_int8"])
def test_so_it_does_for_mlperf_models(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert_alike(shared_model(name).read_bytes(), monkeypatch)


def outputs(data: bytes) -> list[Any]:
    interpreter = litert.Interpreter(
        model_content=data, experimental_op_resolver_type=litert.OpResolverType.BUILTIN_REF
    )
    interpreter.allocate_tensors()
    found = []
    for (x,) in make_inputs("random:1", parse_model(data, "m"), 50):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]))
    return found


@pytest.mark.parametrize(
    "data",
    [
        fully_connected(),
        fully_connected(per_channel=True),
        fully_connected(bias="int64", dtype="int16"),
    ],
    ids=["int8", "int8 per channel", "int16"],
)
def test_the_rewriting_is_needed_and_changes_nothing_else(data: bytes) -> None:
    rewritten = with_tflite_arithmetic(Model.parse(data, "m"))
    assert [op.name for op in parse_model(rewritten, "m").ops][:3] == [
        "RESHAPE",
        "CONV_2D",
        "RESHAPE",
    ]
    steps = np.array(outputs(rewritten)).astype(int) - np.array(outputs(data)).astype(int)
    assert 0 < np.abs(steps).sum() < steps.size * 0.2  # some outputs, by one
    assert np.abs(steps).max() == 1


def test_a_model_without_such_ops_is_left_as_it_is() -> None:
    plain = Model.parse(conv_model(), "m")
    assert with_tflite_arithmetic(plain) is plain.content
