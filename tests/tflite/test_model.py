"""A model travels as one record, and is parsed once on its way through a run."""

from __future__ import annotations

import hashlib
import pickle
import re
from collections import Counter
from pathlib import Path

import pytest
from hil.cli.main import app
from hil.errors import ModelError
from hil.tflite import reader
from hil.tflite.decode import Decoder
from hil.tflite.model import Model
from typer.testing import CliRunner

from tests.tflite.samples import DIGITS, conv_model

FLOAT = DIGITS / "digits_float32.tflite"


def test_a_file_is_read_with_its_name_path_and_hash() -> None:
    model = Model.read(FLOAT)
    assert (model.name, model.path) == ("digits_float32", str(FLOAT))
    assert model.content == FLOAT.read_bytes()
    assert model.size_bytes == FLOAT.stat().st_size
    assert model.sha256 == hashlib.sha256(FLOAT.read_bytes()).hexdigest()


def test_it_survives_a_pipe_to_a_worker() -> None:
    model = Model.read(FLOAT)
    again = pickle.loads(pickle.dumps(model))
    assert again == model
    assert (again.name, again.path, again.sha256) == (model.name, model.path, model.sha256)
    assert [op.name for op in again.graph.ops] == [op.name for op in model.graph.ops]
    assert len(pickle.dumps(model)) < model.size_bytes + 1000


def test_what_a_graph_is_written_to_parses_as_that_graph() -> None:
    graph = Model.parse(conv_model(), "conv").graph
    written = Model.of_graph(graph)
    assert written.graph is graph
    again = Model.parse(written.content, "conv").graph
    assert [(op.name, op.inputs, op.outputs, op.options) for op in again.ops] == [
        (op.name, op.inputs, op.outputs, op.options) for op in graph.ops
    ]


def test_garbage_is_a_model_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"^some name: not a \.tflite"):
        Model.parse(b"garbage garbage garbage", "some name")
    path = tmp_path / "bad.tflite"
    path.write_bytes(b"garbage garbage garbage")
    with pytest.raises(ModelError, match=re.escape(f"{path}: not a .tflite")):
        Model.read(path)


def test_a_run_parses_the_float_model_once_and_its_variant_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: Counter[str] = Counter()

    class Counting(Decoder):
        def __init__(self, data: bytes) -> None:
            parsed[hashlib.sha256(data).hexdigest()] += 1
            super().__init__(data)

    monkeypatch.setattr(reader, "Decoder", Counting)
    options = ["--quantize", "int8", "--calibration", str(DIGITS / "digits_samples.npz")]
    places = ["--db", str(tmp_path / "hil.db"), "--cache-dir", str(tmp_path / "cache")]
    command = ["run", "--profile", "stm32l4", *options, *places, str(FLOAT)]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert parsed[hashlib.sha256(FLOAT.read_bytes()).hexdigest()] == 1
    assert set(parsed.values()) == {1}, parsed
    assert len(parsed) == 3  # also what ai-edge-quantizer made, before hil's own changes
