"""One type says what a specification of inputs is: a rule, a file, or arrays in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.errors import InputError
from hil.records import InputSpec
from hil.tflite.inputs import make_inputs
from hil.tflite.reader import parse_model

from tests.support.tflite_builder import ModelBuilder


@pytest.mark.parametrize(
    ("text", "rule", "is_drawn", "is_file"),
    [
        ("random:7", "random", True, False),
        ("random", "random", True, False),
        ("normal:1", "normal", True, False),
        ("zeros", "zeros", False, False),
        ("max", "max", False, False),
        ("max:3", "", False, False),
        ("samples.npz", "", False, True),
        ("a/b.npy", "", False, True),
        ("random:0/x.npy", "random", True, False),
        ("samples.csv", "", False, False),
        ("", "", False, False),
    ],
)
def test_what_a_text_means(text: str, rule: str, is_drawn: bool, is_file: bool) -> None:
    spec = InputSpec.of(text)
    assert (spec.rule, spec.is_drawn, spec.is_file) == (rule, is_drawn, is_file)
    assert str(spec) == text
    assert bool(spec) == bool(text)
    assert InputSpec.of(spec) is spec


def test_only_files_are_relative_to_a_folder() -> None:
    folder = Path("/study")
    assert str(InputSpec("x.npz").below(folder)) == "/study/x.npz"
    assert str(InputSpec("/data/x.npz").below(folder)) == "/data/x.npz"
    assert str(InputSpec("normal:0").below(folder)) == "normal:0"


def test_a_rule_is_its_own_key_and_samples_are_known_by_content(tmp_path: Path) -> None:
    assert InputSpec("normal:0").content_key() == "normal:0"
    paths = [tmp_path / name for name in ("a.npy", "b.npy")]
    for path in paths:
        np.save(path, np.ones(3, np.float32))
    first, second = (InputSpec(str(path)).content_key() for path in paths)
    assert first == second
    np.save(paths[1], np.zeros(3, np.float32))
    assert InputSpec(str(paths[1])).content_key() != first
    ones, twos = np.ones((2, 3), np.float32), np.full((2, 3), 2, np.float32)
    in_memory = [{"x": ones}, {"x": twos}, {"y": ones}, {"x": ones.reshape(3, 2)}, ones]
    keys = [InputSpec("arrays", arrays).content_key() for arrays in in_memory]
    assert len(set(keys)) == len(keys)
    assert InputSpec("other", {"x": ones.copy()}).content_key() == keys[0]


def test_arrays_in_memory_are_taken_as_a_file_of_them_would_be(tmp_path: Path) -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 3), "float32", name="x"), b.tensor((1, 3), "float32")
    b.op("RELU", [x], [y])
    graph = parse_model(b.build([x], [y]), "m")
    samples = np.arange(12, dtype=np.float32).reshape(4, 3)
    path = tmp_path / "x.npz"
    np.savez(path, x=samples)
    expected = make_inputs(str(path), graph, 3)
    for arrays in (samples, {"x": samples}):
        made = make_inputs(InputSpec("inputs", arrays), graph, 3)
        assert len(made) == 3
        np.testing.assert_array_equal(np.array(made), np.array(expected))
    with pytest.raises(
        InputError, match=r"^inputs: the input 'x' is float32, the samples are int8"
    ):
        make_inputs(InputSpec("inputs", samples.astype(np.int8)), graph)
