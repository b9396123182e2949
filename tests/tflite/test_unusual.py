"""Models that are valid and unusual: a bias with the weights' axis, packed constants, many gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.engines.aot.engine import AotEngine
from hil.errors import UnsupportedModel
from hil.tflite.axes import with_valid_axes
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.support.hil import hil
from tests.support.tflite_builder import ModelBuilder


def with_axis_of_the_weights(axis: int) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 2), "int8", scale=0.05)
    weights = np.arange(54, dtype=np.int8).reshape(3, 3, 3, 2) - 27
    w = b.tensor((3, 3, 3, 2), "int8", scale=[0.01, 0.02, 0.03], axis=0, data=weights)
    c = b.tensor(
        (3,), "int32", scale=[0.0005, 0.001, 0.0015], axis=axis, data=np.array([5, -3, 100])
    )
    y = b.tensor((1, 2, 2, 3), "int8", scale=0.1)
    b.op("CONV_2D", [x, w, c], [y])
    return b.build([x], [y])


def test_a_bias_may_have_the_axis_of_the_weights() -> None:
    usual, copied = with_axis_of_the_weights(0), with_axis_of_the_weights(3)
    assert usual != copied
    model = Model.parse(copied, "copied")
    bias = model.graph.tensors[2].quantization
    assert bias is not None
    assert bias.axis == 0
    assert AotEngine().sources(model).files["model.c"]
    x = np.arange(32, dtype=np.int8).reshape(1, 4, 4, 2)
    expected = Reference(Model.parse(usual, "usual")).run([x])
    np.testing.assert_array_equal(Reference(model).run([x])[0], expected[0])
    assert with_valid_axes(usual) is usual
    patched = with_valid_axes(copied)
    assert len(patched) == len(copied)
    assert with_valid_axes(patched) is patched


def test_int4_constants_are_unpacked() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 5), "int8", scale=0.1), b.tensor((1, 5), "int8", scale=0.1)
    packed = b.tensor((5,), "INT4", raw=bytes([0x81, 0x7F, 0x02]))
    b.op("ADD", [x, packed], [y])
    model = Model.parse(b.build([x], [y]), "packed")
    tensor = model.graph.tensors[packed]
    assert tensor.dtype == "int4"
    assert tensor.nbytes == 3
    assert tensor.data is not None
    assert tensor.data.tolist() == [1, -8, -1, 7, 2]


def many_gaps(count: int) -> bytes:
    b = ModelBuilder()
    x = at = b.tensor((1, 4), "float32")
    for _ in range(count):
        before, at = at, b.tensor((1, 4), "float32")
        b.op("RELU", [before], [at], builtin_code=9000)
    middle, y = at, b.tensor((1, 4), "float32")
    b.op("RELU", [middle], [y])
    return b.build([x], [y])


def test_every_gap_is_listed(tmp_path: Path) -> None:
    file = tmp_path / "gaps.tflite"
    file.write_bytes(many_gaps(15))
    with pytest.raises(UnsupportedModel) as caught:
        AotEngine().sources(Model.read(file))
    assert [gap.op for gap in caught.value.gaps] == list(range(15))

    done = hil("run", "-p", "stm32l4", "--json", file)
    done.refuses(2, "cannot run 15 ops")
    for op in range(15):
        assert f"op {op} (BUILTIN:9000): there is no kernel" in done.stderr
    assert [gap["op"] for gap in done.envelope["errors"][0]["gaps"]] == list(range(15))
    assert hil("model", "inspect", file).code == 0
