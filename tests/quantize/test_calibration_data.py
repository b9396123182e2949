"""Samples to calibrate with: how they are divided, and what is refused before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hil.errors import HilError, InputError, UnsupportedModel, UsageError
from hil.quantization import check_parent, check_request
from hil.quantization.calibration_data import classes, load
from hil.records import VariantRequest
from hil.tflite.graph import Graph
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hil.tflite.reader import parse_model

from tests.quantize.fixed_models import FloatModel, one_op
from tests.support.float_nets import NETS
from tests.support.hil import DIGITS
from tests.support.small_models import dense


@pytest.fixture(scope="module")
def graph() -> Graph:
    return parse_model(NETS["dense"](), "dense")


def request(calibration: Path | str, samples: int | None = None, **more: str) -> VariantRequest:
    return VariantRequest("int8", str(calibration), samples, **more)


def rows(count: int) -> Any:
    return np.arange(count * 40, dtype=np.float32).reshape(count, 1, 40)


def test_drawn_samples_are_followed_by_held_out_ones(graph: Graph) -> None:
    found = load(request("normal:3", 40), graph)
    drawn = make_inputs("normal:3", graph, 50)
    assert (len(found.calibration), len(found.held_out)) == (40, 10)
    np.testing.assert_array_equal(found.calibration.inputs[39][0], drawn[39][0])
    np.testing.assert_array_equal(found.held_out.inputs[0][0], drawn[40][0])
    assert len(load(request("random:0"), graph).calibration) == 100
    assert load(request("normal:4", 40), graph).sha256 != found.sha256
    assert load(request("normal:3", 40), graph).sha256 == found.sha256


@pytest.mark.parametrize(
    ("count", "asked", "own", "kept"), [(10, None, 8, 2), (11, None, 8, 3), (10, 4, 4, 2)]
)
def test_the_last_fifth_of_a_file_is_kept_back(
    tmp_path: Path, graph: Graph, count: int, asked: int | None, own: int, kept: int
) -> None:
    file = tmp_path / "x.npy"
    np.save(file, rows(count))
    found = load(request(file, asked), graph)
    assert (len(found.calibration), len(found.held_out)) == (own, kept)
    np.testing.assert_array_equal(found.held_out.inputs[-1][0], rows(count)[-1])
    np.testing.assert_array_equal(found.calibration.inputs[0][0], rows(count)[0])


def test_a_held_out_file_leaves_all_samples_to_calibrate(tmp_path: Path, graph: Graph) -> None:
    np.save(tmp_path / "x.npy", rows(10))
    np.savez(tmp_path / "h.npz", x=rows(3), y=np.array([0, 4, 1]))
    found = load(request(tmp_path / "x.npy", held_out=str(tmp_path / "h.npz")), graph)
    assert (len(found.calibration), len(found.held_out)) == (10, 3)
    assert found.calibration.labels is None
    assert found.held_out.labels is not None
    assert found.held_out.labels.tolist() == [0, 4, 1]


def test_labels_go_with_their_samples() -> None:
    found = load(
        request(DIGITS / "digits_samples.npz"), Model.read(DIGITS / "digits_float32.tflite").graph
    )
    assert (len(found.calibration), len(found.held_out)) == (288, 72)
    labels = np.load(DIGITS / "digits_samples.npz")["y"]
    assert found.held_out.labels is not None
    assert found.held_out.labels.tolist() == labels[288:].tolist()


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"x": rows(10)[..., :39]}, "shape", "(1, 40)"),
    ({"x": rows(10).astype(np.float64)}, "float64", "astype"),
    ({"x": np.zeros((10, 1, 40), np.uint8)}, "uint8", "astype"),
    ({"x": np.where(rows(10) == 41, np.nan, rows(10))}, "NaN", "sample"),
    ({"x": np.where(rows(10) == 41, np.inf, rows(10))}, "infinity", "sample"),
    ({"x": np.zeros((10, 1, 40), np.float32)}, "are zero", "calibrate with"),
    ({"x": rows(1)}, "one sample", "100"),
    ({"x": rows(2)}, "one sample", "100"),
    ({"x": rows(0)}, "no samples", ""),
    ({"z": rows(10)}, "no array", "'x'"),
    ({"x": rows(10), "y": np.arange(10)}, "label of item 5 is 5", "start at 1"),
    ({"x": rows(10), "y": np.arange(10) % 5 - 1}, "label of item 0 is -1", "start at 1"),
    ({"x": rows(10), "y": np.arange(9) % 5}, "10 samples but 9 labels", "same order"),
    ({"x": rows(10), "y": np.ones(10)}, "float64", "whole numbers"),
    ({"x": rows(10), "y": np.eye(10, 5, dtype=np.int64)}, "(10, 5)", "argmax"),
]


@pytest.mark.parametrize(("arrays", "words", "hint"), BAD)
def test_bad_files_are_refused(
    tmp_path: Path, graph: Graph, arrays: dict[str, Any], words: str, hint: str
) -> None:
    file = tmp_path / "bad.npz"
    np.savez(file, **arrays)
    with pytest.raises(InputError) as caught:
        load(request(file), graph)
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint
    assert str(file) in caught.value.message


@pytest.mark.parametrize("spec", ["zeros", "min", "x.csv", "", "normal:x", "nromal:1"])
def test_specifications_that_are_none(spec: str, graph: Graph) -> None:
    with pytest.raises(InputError) as caught:
        load(request(spec), graph)
    assert caught.value.hint


def test_counts_that_cannot_be(tmp_path: Path, graph: Graph) -> None:
    np.save(tmp_path / "x.npy", rows(10))
    with pytest.raises(InputError, match="2 are held out") as caught:
        load(request(tmp_path / "x.npy", 9), graph)
    assert "--held-out" in caught.value.hint
    for one in (request("normal:0", 1), request(tmp_path / "x.npy", 1)):
        with pytest.raises(InputError, match="one sample"):
            load(one, graph)


def test_labels_of_a_model_that_is_no_classifier(tmp_path: Path) -> None:
    graph = parse_model(one_op("RELU"), "relu")
    x = np.ones((10, *graph.tensors[0].shape), np.float32)
    np.savez(tmp_path / "x.npz", x=x, y=np.zeros(10, np.int64))
    with pytest.raises(InputError, match="is not a classifier"):
        load(request(tmp_path / "x.npz"), graph)


def test_what_counts_as_a_classifier(graph: Graph) -> None:
    assert classes(graph) == 5
    assert classes(parse_model(one_op("CONV_2D"), "m")) == 0
    assert classes(parse_model(one_op("SPLIT"), "m")) == 0
    m = FloatModel()
    x, y = m.x(1, 8), m.x(1, 8)
    m.b.op("FULLY_CONNECTED", [x, m.c(np.eye(8)), -1], [y])
    assert classes(parse_model(m.b.build([x], [y]), "autoencoder")) == 0


REQUESTS: list[tuple[dict[str, Any], str, str]] = [
    ({"scheme": "int4"}, "unknown scheme 'int4'", "int16x8"),
    ({"method": "median"}, "unknown calibration method", "percentile"),
    ({"method": "percentile:30"}, "percentile:30", "percentile"),
    ({"q_format": "Q7.9"}, "Q format is for q8 and q16", "--q-format"),
    ({"scheme": "q16", "q_format": "Q3.3"}, "Q3.3", ""),
    ({"io": "int16"}, "no int16 inputs", "int8"),
    ({"scheme": "int16x8", "io": "int8"}, "no int8 inputs", "int16"),
    ({"scheme": "dynamic", "io": "int8"}, "no int8 inputs", "float32"),
]


@pytest.mark.parametrize(("fields", "words", "hint"), REQUESTS)
def test_requests_that_cannot_be(fields: dict[str, Any], words: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_request(VariantRequest(**{"scheme": "int8", "calibration": "normal:0", **fields}))
    assert words in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.hint


def test_defaults_are_filled_in() -> None:
    checked = check_request(VariantRequest("int16x8", "normal:0", method="percentile"))
    assert (checked.io, checked.method) == ("int16", "percentile:99.9")


def test_a_quantized_model_is_refused() -> None:
    with pytest.raises(UnsupportedModel, match=r"quantized already \(int8\)") as caught:
        check_parent(parse_model(dense(), "small"))
    assert "float32 model" in caught.value.hint


def test_a_missing_library_is_a_missing_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import metadata

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", absent)
    with pytest.raises(HilError, match="ai-edge-quantizer") as caught:
        check_request(VariantRequest("int8", "normal:0"))
    assert caught.value.exit_code == 4
    assert "hil[quantize]" in caught.value.hint
    assert check_request(VariantRequest("q8", "normal:0")).io == "int8"
