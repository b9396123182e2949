from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata

import numpy as np
import pytest
from hil.errors import InputError, ModelError
from hil.tflite.host_reference import reference_for
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hil.tflite.reference import Reference

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, REPOSITORY, conv_model


@pytest.mark.parametrize(("name", "correct"), [("digits_float32", 355), ("digits_int8", 355)])
def test_digits_accuracy_is_what_the_readme_says(name: str, correct: int) -> None:
    samples = DIGITS / "digits_samples.npz"
    labels = np.load(samples)["y"]
    path = DIGITS / f"{name}.tflite"
    reference = Reference(Model.parse(path.read_bytes(), "m"))
    inputs = make_inputs(str(samples), Model.read(path).graph)
    classes = np.asarray([reference.run(one)[0].argmax() for one in inputs])
    assert len(labels) == 360
    # One sample's slack: float sums may round differently on another host.
    assert abs(int(np.sum(classes == labels)) - correct) <= (name == "digits_float32")
    readme = (DIGITS / "README.md").read_text()
    assert f"| {name.removeprefix('digits_')} | {correct} of 360 |" in readme


def test_held_out_samples_are_digits_and_quantized_alike() -> None:
    samples = np.load(DIGITS / "digits_samples.npz")
    assert set(samples["y"].tolist()) == set(range(10))
    graph = Model.read(DIGITS / "digits_int8.tflite").graph
    quantization = graph.tensors[graph.inputs[0]].quantization
    assert quantization is not None
    scale, zero_point = float(quantization.scale[0]), int(quantization.zero_point[0])
    quantized = np.round(samples["x"] / scale) + zero_point
    np.testing.assert_array_equal(quantized, samples["x_int8"])


def test_version_names_package_and_kernels() -> None:
    version = Reference(Model.parse(conv_model(), "m")).version
    package, number, kernels = version.split(" ")
    assert number == metadata.version(package)
    assert kernels == "BUILTIN_REF"


def test_outputs_are_copies() -> None:
    reference = Reference(Model.parse(conv_model(), "m"))
    first = reference.run([np.full((1, 6, 6, 2), 50, np.int8)])
    kept = first[0].copy()
    reference.run([np.full((1, 6, 6, 2), -50, np.int8)])
    np.testing.assert_array_equal(first[0], kept)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ([], "1 inputs, 0 were given"),
        ([np.zeros((1, 6, 6, 2), np.float32)], "must be int8 .* not float32"),
        ([np.zeros((6, 6, 2), np.int8)], "shape (6, 6, 2)"),
        ([np.zeros((2, 6, 6, 2), np.int8)], "shape (2, 6, 6, 2)"),
    ],
)
def test_wrong_inputs(arrays: list[np.ndarray], words: str) -> None:
    pattern = words if ".*" in words else re.escape(words)
    with pytest.raises(InputError, match=pattern) as caught:
        Reference(Model.parse(conv_model(), "m")).run(arrays)
    assert caught.value.hint


def test_model_that_tflite_refuses() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    b.op("CUSTOM:NoSuchOp", [x], [y])
    with pytest.raises(ModelError, match="NoSuchOp") as caught:
        Reference(Model.parse(b.build([x], [y]), "m"))
    assert "newer" in caught.value.hint


def test_nothing_is_printed() -> None:
    """Neither on stdout nor on stderr, also past Python; and stderr works again afterwards."""
    code = (
        "import sys, pathlib\n"
        "from hil.tflite.model import Model\nfrom hil.tflite.reference import Reference\n"
        f"Reference(Model.read(pathlib.Path({str(DIGITS / 'digits_float32.tflite')!r})))\n"
        "print('after', file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=REPOSITORY, check=True
    )
    assert (done.stdout, done.stderr) == ("", "after\n")


def test_native_log_lines_are_what_is_silenced(capfd: pytest.CaptureFixture[str]) -> None:
    """The counter-check: without the silence, this descriptor does carry output."""
    import os

    from hil.tflite.reference import quiet_native_stderr

    os.write(2, b"before\n")
    with quiet_native_stderr():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
    os.write(2, b"after\n")
    assert capfd.readouterr().err == "before\nafter\n"


def test_all_tensors_can_be_read_after_a_run() -> None:
    """A MAX_POOL_2D in the middle of the digits model, computed here from its input."""
    path = DIGITS / "digits_float32.tflite"
    model = Model.read(path)
    graph = model.graph
    reference = reference_for(model, keep_all=True)
    (x,) = make_inputs("random:5", graph)[0]
    (output,) = reference.run([x])
    pool, flat = (graph.ops[index].outputs[0] for index in (3, 4))
    before = reference.tensor(graph.ops[3].inputs[0])
    by_hand = before.reshape(1, 4, 2, 4, 2, 32).max(axis=(2, 4))
    np.testing.assert_array_equal(reference.tensor(pool), by_hand)
    np.testing.assert_array_equal(reference.tensor(flat), by_hand.reshape(1, -1))
    np.testing.assert_array_equal(reference.tensor(graph.inputs[0]), x)
    np.testing.assert_array_equal(reference.tensor(graph.outputs[0]), output)
    assert before.any()


def test_a_tensor_read_is_a_copy() -> None:
    reference = Reference(Model.parse(conv_model(), "m"), keep_all=True)
    reference.run([np.full((1, 6, 6, 2), 9, np.int8)])
    kept = reference.tensor(0)
    reference.run([np.zeros((1, 6, 6, 2), np.int8)])
    assert (kept == 9).all()


@pytest.mark.parametrize("index", [-1, 6, 10**6, 2**40])
def test_a_tensor_that_is_not_there_is_an_input_error(index: int) -> None:
    reference = Reference(Model.parse(conv_model(), "m"), keep_all=True)
    reference.run([np.zeros((1, 6, 6, 2), np.int8)])
    with pytest.raises(InputError, match=f"no tensor {index}"):
        reference.tensor(index)


def test_tensors_can_only_be_read_where_they_are_kept() -> None:
    with pytest.raises(RuntimeError, match="keep_all"):
        Reference(Model.parse(conv_model(), "m")).tensor(0)


def test_an_op_in_place_does_not_spoil_the_tensor_it_reads() -> None:
    b = ModelBuilder()
    x, c, d = b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32"), b.tensor((1, 4), "float32")
    y = b.tensor((1, 4), "float32")
    b.op("MUL", [x, x], [c])
    b.op("ADD", [c, x], [d])
    b.op("ADD", [d, x], [y])
    reference = Reference(Model.parse(b.build([x], [y]), "m"), keep_all=True)
    values = np.array([[1, 2, 3, -4]], np.float32)
    outputs = reference.run([values])
    assert len(outputs) == 1
    np.testing.assert_array_equal(reference.tensor(c), values**2)
    np.testing.assert_array_equal(reference.tensor(d), values**2 + values)
    np.testing.assert_array_equal(outputs[0], values**2 + 2 * values)
