"""Labelled data from files, folders and functions: what is taken, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.datasets import Dataset, load
from hil.errors import InputError
from hil.tflite.graph import Graph
from hil.tflite.reader import parse_model

from tests.support.small_models import SCALE, ZERO_POINT, dense

INT8 = parse_model(dense(), "dense")
FLOAT = parse_model(dense(dtype="float32"), "dense")
IMAGE = parse_model(dense((1, 2, 2, 3), 3), "image")
X = np.arange(24, dtype=np.int8).reshape(4, 6) - 12
Y = np.array([0, 1, 2, 1], np.uint8)


def saved(folder: Path, **arrays: np.ndarray) -> str:
    np.savez(folder / "data.npz", **arrays)
    return str(folder / "data.npz")


def refused(spec: str, graph: Graph = INT8, classes: int = 3, **options: str) -> InputError:
    with pytest.raises(InputError) as caught:
        load(spec, graph, classes, **options)
    assert caught.value.hint
    return caught.value


# --- .npz ---


def test_integers_stay_as_they_are(tmp_path: Path) -> None:
    data = load(saved(tmp_path, x=X, y=Y), INT8, 3)
    assert (len(data), data.items, data.kind) == (4, 4, "npz")
    np.testing.assert_array_equal(data.columns[0], X[:, np.newaxis])
    assert [data.label(at) for at in range(4)] == [0, 1, 2, 1]
    assert data.sample(2)[0].shape == (1, 6)
    assert data.preparation == "int8 data as it is"


def test_floats_are_quantized_as_tflite_does(tmp_path: Path) -> None:
    x = np.array([[0, 0.05, -0.05, 0.075, 100, -100]], np.float32)
    data = load(saved(tmp_path, x=x, y=Y[:1]), INT8, 3)
    # 0.075 / 0.05 is 1.5 in float32: half away from zero is 2.
    expected = [ZERO_POINT, ZERO_POINT + 1, ZERO_POINT - 1, ZERO_POINT + 2, 127, -128]
    assert data.columns[0].reshape(-1).tolist() == expected
    assert data.columns[0].dtype == np.int8
    assert data.preparation == (
        f"float32 data quantized to int8 (scale {SCALE}, zero point {ZERO_POINT}; "
        "33.33% of the values clipped)"
    )


def test_doubles_become_float32_for_a_float_model(tmp_path: Path) -> None:
    data = load(saved(tmp_path, x=X.astype(np.float64) / 3, y=Y), FLOAT, 3)
    assert data.columns[0].dtype == np.float32
    assert data.preparation == "float64 data rounded to float32"


def test_data_that_was_quantized_before_is_the_last_choice(tmp_path: Path) -> None:
    both = load(saved(tmp_path, x=np.zeros((4, 6)), x_int8=X, y=Y), INT8, 3)
    assert not (both.columns[0] == X[:, np.newaxis]).all()
    only = load(saved(tmp_path, x_int8=X, y=Y), INT8, 3)
    np.testing.assert_array_equal(only.columns[0], X[:, np.newaxis])
    named = load(saved(tmp_path, x=np.zeros((4, 6)), samples=X, y=Y), INT8, 3)
    np.testing.assert_array_equal(named.columns[0], X[:, np.newaxis])


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": X}, "has no labels"),
        ({"y": Y}, "no array for the input 'samples'"),
        ({"x": X[:3], "y": Y}, "holds 3 samples but 4 labels"),
        ({"x": X, "y": Y.astype(np.float32)}, "the labels are float32, not integers"),
        ({"x": X, "y": Y.astype(str)}, "not integers"),
        ({"x": X, "y": np.array([0, 1, 3, 3])}, "label of item 2 is 3, the model's classes are 0"),
        ({"x": X, "y": np.array([0, -1, 2, 2])}, "label of item 1 is -1"),
        ({"x": X, "y": np.eye(4, 3, dtype=np.int8)}, r"labels have shape (4, 3), not (4,)"),
        ({"x": X[:, :5], "y": Y}, "has shape (1, 6), the samples have (4, 5)"),
        ({"x": X.astype(np.uint8), "y": Y}, "is int8, the samples are uint8"),
        ({"x": X.astype(np.int16), "y": Y}, "is int8, the samples are int16"),
        ({"x": np.full((4, 6), np.nan), "y": Y}, "sample 0 of the input 'samples' has a NaN"),
        ({"x": np.where(X == 9, np.inf, 0.0), "y": Y}, "sample 3 of the input"),
        ({"x": np.full((4, 6), 1e300), "y": Y}, "NaN or an infinity"),
        ({"x": X[:0], "y": Y[:0]}, "holds no samples"),
    ],
)
def test_a_npz_that_cannot_be_used(
    tmp_path: Path, arrays: dict[str, np.ndarray], words: str
) -> None:
    assert words in refused(saved(tmp_path, **arrays)).message


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    assert "without labels" in refused(str(tmp_path / "x.npy")).message
    (tmp_path / "broken.npz").write_bytes(b"PK\3\4 no")
    assert "cannot read" in refused(str(tmp_path / "broken.npz")).message
    assert "there is no file" in refused(str(tmp_path / "missing.npz")).message
    assert "there is no data set" in refused("nonsense").message


# --- a folder of MLPerf Tiny's ---


def folder(path: Path, table: str, **files: bytes) -> str:
    (path / "y_labels.csv").write_text(table)
    for name, content in files.items():
        (path / f"{name}.bin").write_bytes(content)
    return str(path)


def test_features_are_int8(tmp_path: Path) -> None:
    spec = folder(tmp_path, "a.bin,3,2\nb.bin, 3, 0\n\n", a=bytes([255, 0, 1, 2, 3, 4]), b=bytes(6))
    data = load(spec, INT8, 3)
    assert data.columns[0].tolist() == [[[-1, 0, 1, 2, 3, 4]], [[0] * 6]]
    assert data.labels.tolist() == [2, 0]
    assert data.kind == "folder"


def test_pixels_are_uint8_and_shifted(tmp_path: Path) -> None:
    spec = folder(tmp_path, "a.bin,3,1\n", a=bytes(range(0, 240, 20)))
    data = load(spec, IMAGE, 3)
    assert data.columns[0].reshape(-1).tolist() == [v - 128 for v in range(0, 240, 20)]
    assert data.preparation == "uint8 data shifted to int8 (-128)"
    as_int8 = load(spec, IMAGE, 3, data_type="int8")
    assert as_int8.columns[0].reshape(-1)[1] == 20


def test_recordings_are_cut_into_windows(tmp_path: Path) -> None:
    samples = np.arange(10, dtype="<f4") * SCALE
    other = np.arange(6, dtype="<f4") * SCALE
    table = "a.bin,2,1,24,8\nb.bin,2,0,24,8\n"
    data = load(folder(tmp_path, table, a=samples.tobytes(), b=other.tobytes()), INT8, 2)
    assert (len(data), data.items) == (4, 2)
    assert data.item.tolist() == [0, 0, 0, 1]
    assert [data.label(at) for at in range(4)] == [1, 1, 1, 0]
    steps = [[at + ZERO_POINT for at in range(first, first + 6)] for first in (0, 2, 4, 0)]
    assert data.columns[0].reshape(4, 6).tolist() == steps
    assert "4 windows of 2 recordings" in data.preparation


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", "has no rows"),
        ("a.bin,3\n", "line 1: 2 columns"),
        ("a.bin,3,one\n", "line 1: invalid literal"),
        ("a.bin,3,0\nc.bin,3,1\n", "cannot read"),
        ("a.bin,10,0\n", "about [10] classes, the model has 3"),
        ("a.bin,3,3\n", "the label of item 0 is 3"),
        ("short.bin,3,0\n", "5 bytes, the input 'samples' takes 6 elements of int8: 6 bytes"),
        ("a.bin,3,0,7,1\n", "7 bytes, the input"),
        ("short.bin,3,0,6,1\n", "5 bytes hold no window of 6 bytes"),
        ("a.bin,3,0,6,0\n", "must be positive"),
        (",3,0\n", "no file name"),
    ],
)
def test_a_folder_that_cannot_be_used(tmp_path: Path, table: str, words: str) -> None:
    assert words in refused(folder(tmp_path, table, a=bytes(6), short=bytes(5))).message


def test_a_folder_without_a_table(tmp_path: Path) -> None:
    assert "y_labels.csv" in refused(str(tmp_path)).message


def test_an_unknown_data_type(tmp_path: Path) -> None:
    spec = folder(tmp_path, "a.bin,3,0\n", a=bytes(6))
    assert "does not know 'int4'" in refused(spec, data_type="int4").message


def test_nan_in_a_float_file(tmp_path: Path) -> None:
    content = np.full(6, np.nan, "<f4").tobytes()
    assert "NaN" in refused(folder(tmp_path, "a.bin,3,0\n", a=content)).message


# --- a Python function ---

MODULE = """
import numpy as np

def good():
    return np.zeros((2, 6), np.int8), [0, 1]

def by_name():
    return {"samples": np.zeros((2, 6), np.int8)}, np.array([0, 1])

def fails():
    raise RuntimeError("the disk is on fire")

def nothing():
    return None

def ragged():
    return [[0, 1], [2]], [0, 1]

number = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"data_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


def test_a_function_gives_samples_and_labels(module: str) -> None:
    for function in ("good", "by_name"):
        data = load(f"{module}:{function}", INT8, 3)
        assert (len(data), data.labels.tolist(), data.kind) == (2, [0, 1], "function")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("fails", "failed: RuntimeError: the disk is on fire"),
        ("nothing", "returned NoneType, not the pair (x, y)"),
        ("ragged", "cannot be made arrays"),
        ("number", "has no function 'number'"),
        ("missing", "has no function 'missing'"),
    ],
)
def test_a_function_that_cannot_be_used(module: str, function: str, words: str) -> None:
    assert words in refused(f"{module}:{function}").message


def test_a_module_that_is_not_there() -> None:
    assert "No module named 'no_such_module'" in refused("no_such_module:f").message


# --- a part of the data ---


def numbered(labels: list[int]) -> Dataset:
    y = np.array(labels)
    x = np.arange(len(y))[:, np.newaxis].astype(np.int8)
    return Dataset("d", "npz", (x,), y, np.arange(len(y)), np.arange(len(y)), "", "")


def test_the_first_items() -> None:
    part = numbered([0, 1, 2, 0]).take(2)
    assert (part.index.tolist(), part.labels.tolist()) == ([0, 1], [0, 1])


def test_items_drawn_by_class() -> None:
    data = numbered([0] * 70 + [1] * 20 + [2] * 9 + [3])
    part = data.take(20, seed=5)
    assert np.bincount(part.labels).tolist() == [14, 4, 1, 1]
    assert part.index.tolist() == sorted(part.index.tolist())
    assert part.columns[0][:, 0].tolist() == part.index.tolist()
    assert data.take(20, seed=5).index.tolist() == part.index.tolist()
    assert data.take(20, seed=6).index.tolist() != part.index.tolist()


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 17, 99])
def test_drawing_gives_exactly_as_many_as_asked(limit: int) -> None:
    part = numbered([0] * 70 + [1] * 20 + [2] * 9 + [3]).take(limit, seed=1)
    assert len(part) == len(set(part.index.tolist())) == limit


def test_windows_of_an_item_stay_together() -> None:
    x = np.arange(5)[:, np.newaxis].astype(np.int8)
    whole = Dataset(
        "d", "folder", (x,), np.array([0, 1, 1]), np.array([0, 0, 1, 2, 2]), np.arange(5), "", ""
    )
    part = whole.take(2, seed=0)
    assert part.labels.tolist() == [0, 1]
    assert part.item.tolist() in ([0, 0, 1], [0, 0, 1, 1])


def test_more_than_there_are() -> None:
    with pytest.raises(InputError, match="holds 2 labelled items, 3 were asked for"):
        numbered([0, 1]).take(3)
    assert len(numbered([0, 1]).take(2)) == 2


def test_the_hash_is_of_data_and_labels(tmp_path: Path) -> None:
    first = load(saved(tmp_path, x=X, y=Y), INT8, 3).sha256
    assert load(saved(tmp_path, x=X, y=Y.astype(np.int64)), INT8, 3).sha256 == first
    assert load(saved(tmp_path, x=X, y=Y[::-1]), INT8, 3).sha256 != first
    assert load(saved(tmp_path, x=X + 1, y=Y), INT8, 3).sha256 != first
