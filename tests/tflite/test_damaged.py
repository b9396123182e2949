"""Whatever a file holds, the reader gives a graph or a ModelError, and soon."""

from __future__ import annotations

import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from hil.engines.aot.engine import AotEngine
from hil.errors import ModelError, UnsupportedModel
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.summary import summarize

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, conv_builder, conv_model

DIGITS_INT8 = DIGITS / "digits_int8.tflite"
EXTREME_WORDS = [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0, 0x00010000]


def refused(data: bytes) -> ModelError:
    with pytest.raises(ModelError) as caught:
        parse_model(data, "bad")
    assert caught.value.hint
    assert caught.value.exit_code == 2
    return caught.value


# Files that are something else


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\x00", "identifier"),
        (b"TFL3", "identifier"),
        (json.dumps({"op": "CONV_2D", "weights": [1, 2, 3]}).encode(), "JSON"),
        (b"  [1, 2]", "JSON"),
        (b"PK\x03\x04" + b"\0" * 60, "zip"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 60, "HDF5"),
        (random.Random(1).randbytes(4096), "identifier"),
        (b"\x10\x00\x00\x00TFL3", "readable"),
        (b"\xff\xff\xff\xffTFL3" + b"\0" * 64, "readable"),
        (b"\x10\x00\x00\x00TFL3" + random.Random(2).randbytes(4096), "not a readable|has"),
    ],
)
def test_files_of_another_kind(content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / "other.tflite"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=words) as caught:
        Model.read(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_flatbuffer_of_another_schema() -> None:
    builder = flatbuffers.Builder(64)
    builder.StartObject(1)
    builder.PrependInt32Slot(0, 12345, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"ABCD")
    assert "TFL3" in refused(bytes(builder.Output())).message
    builder = flatbuffers.Builder(64)
    builder.StartObject(1)
    builder.PrependInt32Slot(0, 12345, 0)
    builder.Finish(builder.EndObject(), file_identifier=b"TFL3")
    assert "schema version 12345" in refused(bytes(builder.Output())).message


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no file"):
        Model.read(tmp_path / "nowhere.tflite")


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="folder"):
        Model.read(tmp_path)


def test_path_below_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ModelError, match=r"cannot read .*Not a directory"):
        Model.read(tmp_path / "file" / "m.tflite")


def test_path_with_a_nul() -> None:
    with pytest.raises(ModelError):
        Model.read(Path("a\0b.tflite"))


def test_fifo_does_not_hang(tmp_path: Path) -> None:
    path = tmp_path / "pipe.tflite"
    os.mkfifo(path)
    with pytest.raises(ModelError, match="regular file"):
        Model.read(path)


def test_file_that_the_system_does_not_let_read() -> None:
    with pytest.raises(ModelError, match="cannot read the model /proc/self/mem: Input/output"):
        Model.read(Path("/proc/self/mem"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(tmp_path: Path) -> None:
    path = tmp_path / "secret.tflite"
    path.write_bytes(conv_model())
    path.chmod(0)
    with pytest.raises(ModelError, match="Permission denied"):
        Model.read(path)


def test_file_beyond_any_microcontroller(tmp_path: Path) -> None:
    path = tmp_path / "huge.tflite"
    with path.open("wb") as file:
        file.truncate(600 * 1024 * 1024)  # sparse: takes no disk
    with pytest.raises(ModelError, match="629,145,600 bytes"):
        Model.read(path)


# Damage


def test_every_truncation_is_refused() -> None:
    small = conv_model()
    for length in range(len(small)):
        refused(small[:length])
    digits = DIGITS_INT8.read_bytes()
    for length in {*range(0, len(digits), 61), *range(len(digits) - 32, len(digits))}:
        refused(digits[:length])


def test_extreme_words_anywhere() -> None:
    small = conv_model()
    outcomes = {True: 0, False: 0}
    for offset in range(0, len(small) - 4, 2):
        for word in EXTREME_WORDS:
            broken = bytearray(small)
            struct.pack_into("<I", broken, offset, word)
            outcomes[graph_or_model_error(bytes(broken))] += 1
    assert min(outcomes.values()) > 100  # the damage reached both structure and data


@pytest.mark.parametrize("seed", range(4))
def test_random_flips(seed: int) -> None:
    rng = random.Random(seed)
    digits = DIGITS_INT8.read_bytes()
    for _ in range(150):
        broken = bytearray(digits)
        for _ in range(rng.choice([1, 3, 20])):
            broken[rng.randrange(len(broken))] = rng.randrange(256)
        graph_or_model_error(bytes(broken))


def graph_or_model_error(data: bytes) -> bool:
    """Whether the data reads as a graph; anything but a graph and a ModelError escapes."""
    try:
        model = Model.parse(data, "damaged")
    except ModelError:
        return False
    summarize(model)  # what was let through can be worked with
    return True


# Contradictions, one each


def relu_model(**tensor: Any) -> bytes:
    b = ModelBuilder()
    x = b.tensor(**{"shape": (1, 4), "dtype": "float32", **tensor})
    y = b.tensor((1, 4), "float32")
    b.op("RELU", [x], [y])
    return b.build([x], [y])


def no_ops() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    return b.build([x], [y])


def indices(op_inputs: list[int], op_outputs: list[int], ends: tuple[int, int]) -> bytes:
    b = ModelBuilder()
    for _ in range(2):
        b.tensor((1, 4), "float32")
    b.op("RELU", op_inputs, op_outputs)
    return b.build([ends[0]], [ends[1]])


def op_before_its_input() -> bytes:
    b = ModelBuilder()
    x, a, y = (b.tensor((1, 4), "float32") for _ in range(3))
    b.op("RELU", [a], [y])
    b.op("RELU", [x], [a])
    return b.build([x], [y])


def two_writers() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("RELU", [x], [y])
    b.op("RELU6", [x], [y])
    return b.build([x], [y])


def wrong_options() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("ADD", [x, x], [y], options_table="Pool2DOptions", stride_h=1)
    return b.build([x], [y])


def bad_enum() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("ADD", [x, x], [y], fused_activation_function=77)
    return b.build([x], [y])


def unknown_op_code() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("RELU", [x], [y], builtin_code=9999)
    return b.build([x], [y])


def without_ends(inputs: list[int], outputs: list[int]) -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("RELU", [x], [y])
    return b.build(inputs, outputs)


def two_subgraphs() -> bytes:
    b, x, z = conv_builder()
    return b.build([x], [z], subgraphs=2)


CONTRADICTIONS: list[tuple[str, Callable[[], bytes], str]] = [
    ("no-subgraph", lambda: ModelBuilder().build([], [], subgraphs=0), "0 subgraphs"),
    ("no-ops", no_ops, "no op writes the model's output"),
    ("no-inputs", lambda: without_ends([], [1]), "no inputs"),
    ("no-outputs", lambda: without_ends([0], []), "no outputs"),
    ("wrong-options", wrong_options, "Pool2DOptions where AddOptions"),
    ("bad-enum", bad_enum, "fused_activation_function holds 77"),
    ("op-order", op_before_its_input, "op 0 .RELU. reads tensor 1 before it exists"),
    ("two-writers", two_writers, "op 1 .RELU6. writes tensor 1 a second time"),
    ("input-index", lambda: indices([7], [1], (0, 1)), "refers to tensor 7 of 2"),
    ("input-below", lambda: indices([-2], [1], (0, 1)), "refers to tensor -2 of 2"),
    ("output-absent", lambda: indices([0], [-1], (0, 1)), "refers to tensor -1 of 2"),
    ("no-op-output", lambda: indices([0], [], (0, 1)), "has no outputs"),
    ("model-input", lambda: indices([0], [1], (9, 1)), "refers to tensor 9 of 2"),
    ("model-output", lambda: indices([0], [1], (0, 9)), "refers to tensor 9 of 2"),
    ("negative-dim", lambda: relu_model(shape=(1, -4)), "negative dimension"),
    ("negative-batch", lambda: relu_model(shape=(-2, 4)), "negative dimension"),
    ("absurd-dim", lambda: relu_model(shape=(1, 2**30, 2**30, 2**30)), "would have"),
    ("absurd-rank", lambda: relu_model(shape=(1,) * 40), "40 dimensions"),
    ("short-buffer", lambda: conv_model(data=None, raw=b"\1" * 53), "needs 54 bytes.* has 53"),
    ("long-buffer", lambda: conv_model(data=None, raw=b"\1" * 55), "needs 54 bytes.* has 55"),
    ("constant-input", lambda: relu_model(data=np.ones((1, 4))), "is a constant"),
    ("sparse", lambda: relu_model(sparse=True), "sparse"),
    ("nan-scale", lambda: conv_model(scale=[0.1, float("nan"), 0.1]), "not finite"),
    ("negative-scale", lambda: conv_model(scale=[0.1, -0.1, 0.1]), "negative or not"),
    ("zero-point", lambda: conv_model(zero_point=[0, 300, 0]), "zero point outside int8"),
    ("zero-points", lambda: conv_model(zero_point=[0, 0]), "3 scales but 2 zero points"),
    ("scales", lambda: conv_model(scale=[0.1, 0.2]), "2 scales along axis 0"),
    ("axis", lambda: conv_model(axis=9), "3 scales along axis 9"),
    ("weights-rank", lambda: conv_model(shape=(54,), data=None, scale=0.1, raw=b"\0" * 54), "rank"),
]


UNUSUAL: list[tuple[str, Callable[[], bytes], str]] = [
    ("unknown-op", unknown_op_code, r"op 0 .BUILTIN:9999.: there is no kernel"),
    ("int4", lambda: relu_model(dtype="INT4"), "op 0 .RELU.: tensor [01] is int4"),
    ("string", lambda: relu_model(dtype="STRING"), "op 0 .RELU.: tensor [01] is string"),
    ("variable", lambda: relu_model(variable=True), "keeps its value between inferences"),
]


@pytest.mark.parametrize(
    ("build", "words"),
    [pytest.param(build, words, id=name) for name, build, words in UNUSUAL],
)
def test_valid_model_is_read_and_its_gap_named(build: Callable[[], bytes], words: str) -> None:
    model = Model.parse(build(), "unusual")
    with pytest.raises(UnsupportedModel, match=words) as caught:
        AotEngine().sources(model)
    assert [gap.op for gap in caught.value.gaps] == [0]


def test_other_subgraphs_are_read() -> None:
    graph = parse_model(two_subgraphs(), "two")
    assert len(graph.subgraphs) == 1
    assert [op.name for op in graph.subgraphs[0].ops] == [op.name for op in graph.ops]


@pytest.mark.parametrize(
    ("build", "words"),
    [pytest.param(build, words, id=name) for name, build, words in CONTRADICTIONS],
)
def test_contradiction_is_named(build: Callable[[], bytes], words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        parse_model(build(), "bad")
    assert caught.value.hint
