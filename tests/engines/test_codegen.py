from __future__ import annotations

import re

import numpy as np
import pytest
from hil.engines.aot.constants import ConstantPool
from hil.engines.aot.lower import LOWERINGS
from hil.engines.aot.quant import quantize_multiplier, requantize
from hil.engines.ctext import byte_strings, comment_text, number_list
from hil.engines.registry import engine
from hil.errors import ModelError, UnsupportedModel
from hil.tflite.model import Model

from tests.support.host_model import assert_matches_reference, host_model
from tests.support.tflite_builder import ModelBuilder

EVIL_NAMES = [
    "*/ #error evil",
    "a\nb\r\n#error c",
    'quote " and \\',
    "trigraph ??/",
    "/* nested // comment",
    "{in0} {params} %s %n",
    "ünï¢ødé \u2028 \x00",
    "x" * 5000,
    "int",
    "",
]


def _dense(name: str, b: ModelBuilder | None = None) -> bytes:
    b = b or ModelBuilder()
    x = b.tensor((1, 4), "float32", name=name)
    w = b.tensor((3, 4), "float32", data=np.arange(12).reshape(3, 4), name=name + "w")
    y = b.tensor((1, 3), "float32", name=name + "y")
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    return b.build([x], [y])


@pytest.mark.parametrize("name", EVIL_NAMES, ids=range(len(EVIL_NAMES)))
def test_names_cannot_break_out_of_comments(name: str) -> None:
    model = _dense(name)
    assert_matches_reference(model, 1)
    text = "".join(engine("aot").sources(Model.parse(model, name)).files.values())
    assert text.isascii()
    for comment in re.findall(r"/\*.*?\*/", text, re.S):
        assert "#error" not in comment


def test_comment_text_is_bounded_and_plain() -> None:
    assert comment_text("a*/b") == "a_/b"
    assert len(comment_text("y" * 1000)) <= 80
    assert "\n" not in comment_text("a\nb")


def test_equal_weights_are_stored_once() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 64), "float32")
    data = np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32)
    w = b.tensor((64, 64), "float32", data=data)
    y = b.tensor((1, 64), "float32")
    z = b.tensor((1, 64), "float32")
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    b.op("FULLY_CONNECTED", [y, w, -1], [z])
    model = b.build([x], [z])
    assert_matches_reference(model, 2)
    sources = engine("aot").sources(Model.parse(model, "m"))
    assert sources.weights_bytes == 64 * 64 * 4 + 64 * 4  # one matrix, one bias of zeros
    assert sources.tables_bytes == 0


def test_a_model_without_ops() -> None:
    b = ModelBuilder()
    x = b.tensor((2, 3), "int8", scale=0.5, zero_point=3)
    values = np.arange(6, dtype=np.int8).reshape(2, 3)
    model = host_model(b.build([x], [x]))
    (got,) = model.run([values])
    np.testing.assert_array_equal(got, values)
    assert model.marks == []


def test_a_tensor_that_is_input_and_output() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), "float32")
    w = b.tensor((4, 4), "float32", data=np.eye(4)[::-1])
    y = b.tensor((1, 4), "float32")
    b.op("FULLY_CONNECTED", [x, w, -1], [y], fused_activation_function="RELU")
    assert_matches_reference(b.build([x], [y, x, y]), 2)


def test_a_constant_output_and_a_reshaped_constant() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 2), "float32")
    constant = b.tensor((2, 3), "float32", data=np.arange(6).reshape(2, 3))
    shape = b.tensor((1,), "int32", data=[6])
    flat = b.tensor((6,), "float32")
    w = b.tensor((3, 2), "float32", data=np.ones((3, 2)))
    y = b.tensor((1, 3), "float32")
    b.op("RESHAPE", [constant, shape], [flat], new_shape=[6])
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    model = b.build([x], [constant, flat, y])
    host = host_model(model)
    for _ in range(2):  # again: the first inference must not have spoilt anything
        got = host.run([np.array([[1.0, 2.0]], np.float32)])
        np.testing.assert_array_equal(got[0], np.arange(6).reshape(2, 3))
        np.testing.assert_array_equal(got[1], np.arange(6))
        np.testing.assert_array_equal(got[2], [[3.0, 3.0, 3.0]])


def test_an_input_and_a_result_that_nobody_reads() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), "float32")
    unused = b.tensor((1, 100), "float32")
    w = b.tensor((3, 4), "float32", data=np.ones((3, 4)))
    dead = b.tensor((1, 3), "float32")
    y = b.tensor((1, 3), "float32")
    b.op("FULLY_CONNECTED", [x, w, -1], [dead])
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    assert_matches_reference(b.build([unused, x], [y]), 2)


def test_text_forms_are_exact() -> None:
    assert "INT32_MIN" in number_list(np.array([-(2**31), 5], np.int32))
    assert "INT64_MIN" in number_list(np.array([-(2**63), 2**40], np.int64))
    assert "-INFINITY" in number_list(np.array([-np.inf, np.nan], np.float32))
    value = np.float32(0.1)
    (literal,) = re.findall(r"0x\S+f", number_list(np.array([value])))
    assert np.float32(float.fromhex(literal[:-1])) == value
    assert byte_strings(np.array([1, -1], np.int16)) == '    "\\001\\000\\377\\377"\n'


def test_constants_are_split_over_files() -> None:
    pool = ConstantPool()
    for i in range(5):
        pool.add(np.full(100_000, i, np.int16), "weights", f"w{i}", "")
    files = pool.files()
    assert sorted(files) == ["data_0.c", "data_1.c", "data_2.c", "model_data.h"]
    assert pool.size("weights") == 1_000_000


@pytest.mark.parametrize("real", [0.0, 1e-30, 2**-32, 0.25, 0.5, 0.99999999999, 1.0, 3.7, 1e4])
def test_quantize_multiplier_round_trip(real: float) -> None:
    multiplier, shift = quantize_multiplier(real)
    assert multiplier == 0 or 2**30 <= multiplier < 2**31
    assert abs(multiplier * 2.0 ** (shift - 31) - real) <= real * 2**-30 + 2**-32
    if 2**-20 < real < 1:
        assert abs(requantize(1 << 28, multiplier, shift) - real * 2**28) <= 1


def test_an_op_without_a_kernel_is_refused_with_what_there_is() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), "float32")
    y = b.tensor((1, 4), "float32")
    z = b.tensor((1, 4), "float32")
    b.op("FULLY_CONNECTED", [x, b.tensor((4, 4), "float32", data=np.eye(4)), -1], [y])
    b.op("SIGN", [y], [z])
    with pytest.raises(UnsupportedModel, match=r"op 1 \(SIGN\)") as refused:
        engine("aot").sources(Model.parse(b.build([x], [z]), "m"))
    assert f"{len(LOWERINGS)} ops, which docs/engine.md lists" in refused.value.hint


def test_a_tensor_that_nobody_writes_is_an_error() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4), "float32")
    ghost = b.tensor((1, 4), "float32")
    y = b.tensor((1, 4), "float32")
    b.op("FULLY_CONNECTED", [ghost, b.tensor((4, 4), "float32", data=np.eye(4)), -1], [y])
    with pytest.raises(ModelError):
        engine("aot").sources(Model.parse(b.build([x], [y]), "m"))
