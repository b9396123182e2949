from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.errors import InputError
from hil.tflite.graph import Graph
from hil.tflite.inputs import extremes, make_inputs
from hil.tflite.model import Model
from hil.tflite.reader import parse_model

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS


def graph_of(*inputs: tuple[tuple[int, ...], str], names: tuple[str, ...] = ()) -> Graph:
    b = ModelBuilder()
    given = names or tuple(f"in{i}" for i in range(len(inputs)))
    xs = [b.tensor(shape, dtype, name=n) for (shape, dtype), n in zip(inputs, given, strict=True)]
    y = b.tensor((1, 2), "float32")
    b.op("CUSTOM:any", xs, [y])
    return parse_model(b.build(xs, [y]), "model")


INT8 = graph_of(((1, 3, 5), "int8"))
FLOAT = graph_of(((1, 3, 5), "float32"))


def refused(spec: str, graph: Graph, samples: int | None = None) -> InputError:
    with pytest.raises(InputError) as caught:
        make_inputs(spec, graph, samples)
    assert caught.value.hint
    return caught.value


# Made up


def test_random_repeats_and_differs_by_seed() -> None:
    first, again = make_inputs("random:7", INT8, 4), make_inputs("random:7", INT8, 4)
    assert len(first) == 4
    for (a,), (b,) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first[0][0], first[1][0])
    assert not np.array_equal(first[0][0], make_inputs("random:8", INT8, 1)[0][0])


def test_random_is_the_same_on_every_machine() -> None:
    """Frozen: a stored run names its inputs by this seed."""
    (small,) = make_inputs("random:0", graph_of(((1, 6), "int8")), 1)[0]
    assert small.tolist() == [[95, -126, -62, -39, -49, -21]]
    (real,) = make_inputs("random:0", graph_of(((1, 2), "float32")), 1)[0]
    assert real.tolist() == [[0.27392327785491943, -0.4604266881942749]]


def test_none_is_three_samples_of_seed_zero() -> None:
    default, explicit = make_inputs(None, INT8), make_inputs("random:0", INT8, 3)
    assert len(default) == 3
    np.testing.assert_array_equal(default[2][0], explicit[2][0])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "int32", "int64"])
def test_random_integers_fill_their_range(dtype: str) -> None:
    (array,) = make_inputs("random:1", graph_of(((1, 20_000), dtype)), 1)[0]
    limits = np.iinfo(dtype)
    assert array.dtype == dtype
    span = float(limits.max) - float(limits.min)
    assert (float(array.min()) - float(limits.min)) / span < 0.01
    assert (float(limits.max) - float(array.max())) / span < 0.01
    assert abs((array.astype(float) - float(limits.min)).mean() / span - 0.5) < 0.02


def test_random_floats_lie_in_minus_one_to_one() -> None:
    (array,) = make_inputs("random:1", graph_of(((1, 20_000), "float32")), 1)[0]
    assert array.dtype == np.float32
    assert -1 <= array.min() < -0.99
    assert 0.99 < array.max() < 1
    assert abs(array.mean()) < 0.02


def test_several_inputs_are_drawn_apart() -> None:
    graph = graph_of(((1, 8), "int8"), ((1, 8), "int8"), ((1, 4), "bool"))
    a, b, c = make_inputs("random:1", graph, 1)[0]
    assert not np.array_equal(a, b)
    assert c.dtype == np.bool_


def test_extremes() -> None:
    (low,), (high,) = extremes(INT8)
    assert (low.dtype, low.shape) == (np.int8, (1, 3, 5))
    assert np.all(low == -128)
    assert np.all(high == 127)
    (low,), (high,) = extremes(FLOAT)
    assert np.all(low == -1)
    assert np.all(high == 1)
    assert low.dtype == np.float32


def test_keywords_give_one_sample() -> None:
    assert [len(make_inputs(spec, INT8)) for spec in ("zeros", "min", "max")] == [1, 1, 1]
    assert not make_inputs("zeros", INT8)[0][0].any()


@pytest.mark.parametrize("spec", ["random:-1", "random:x", "random:1.5", "random:٣"])
def test_seeds_that_are_none(spec: str) -> None:
    assert "seed" in refused(spec, INT8).message


@pytest.mark.parametrize("spec", ["rnadom:1", "data.csv", "zeroes", "-"])
def test_unknown_spec(spec: str) -> None:
    error = refused(spec, INT8)
    assert spec in error.message
    assert ".npz" in error.hint


def test_typo_is_guessed() -> None:
    assert "did you mean 'random'" in refused("rnadom:1", INT8).hint


# From files


@pytest.mark.parametrize(
    ("shape", "count"),
    [((1, 3, 5), 1), ((3, 5), 1), ((4, 1, 3, 5), 4), ((4, 3, 5), 4), ((1, 1, 3, 5), 1)],
)
def test_npy_shapes(shape: tuple[int, ...], count: int, tmp_path: Path) -> None:
    array = np.arange(np.prod(shape), dtype=np.int8).reshape(shape)
    np.save(tmp_path / "x.npy", array)
    inputs = make_inputs(str(tmp_path / "x.npy"), INT8)
    assert len(inputs) == count
    assert all(a.shape == (1, 3, 5) and a.dtype == np.int8 for (a,) in inputs)
    np.testing.assert_array_equal(np.concatenate([a.ravel() for (a,) in inputs]), array.ravel())


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 2, 3, 5), (1, 5, 3), (), (0, 3, 5)])
def test_wrong_shapes(shape: tuple[int, ...], tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros(shape, np.int8))
    error = refused(str(tmp_path / "x.npy"), INT8)
    if 0 in shape:
        assert "no samples" in error.message
    else:
        assert "(1, 3, 5)" in error.message
        assert str(shape) in error.message


@pytest.mark.parametrize(
    ("graph", "dtype"),
    [(INT8, "float32"), (INT8, "uint8"), (INT8, "int16"), (FLOAT, "float64"), (FLOAT, "int8")],
)
def test_wrong_dtype_is_never_cast(graph: Graph, dtype: str, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((1, 3, 5), dtype))
    error = refused(str(tmp_path / "x.npy"), graph)
    assert dtype in error.message
    assert graph.tensors[0].dtype in error.message


def test_hint_says_how_to_quantize(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((8, 8, 1), np.float32))
    graph = Model.read(DIGITS / "digits_int8.tflite").graph
    hint = refused(str(tmp_path / "x.npy"), graph).hint
    assert "0.00392156886" in hint
    assert "-128" in hint


def test_other_byte_order_is_the_same_number(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.full((1, 3, 5), 0.25, ">f4"))
    (array,) = make_inputs(str(tmp_path / "x.npy"), FLOAT)[0]
    assert array.dtype == np.dtype("float32")
    assert np.all(array == 0.25)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_cannot_be_compared(value: float, tmp_path: Path) -> None:
    array = np.zeros((4, 1, 3, 5), np.float32)
    array[2, 0, 1, 1] = value
    np.save(tmp_path / "x.npy", array)
    assert "sample 2" in refused(str(tmp_path / "x.npy"), FLOAT).message


def test_samples_limit_a_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((4, 1, 3, 5), np.int8))
    assert len(make_inputs(str(tmp_path / "x.npy"), INT8, 2)) == 2
    assert "4 samples, 5" in refused(str(tmp_path / "x.npy"), INT8, 5).message


def test_npz_by_tensor_name_or_x(tmp_path: Path) -> None:
    one = np.ones((1, 3, 5), np.int8)
    np.savez(tmp_path / "x.npz", x=one, y=np.zeros(9))
    np.savez(tmp_path / "named.npz", in0=one, x=np.zeros(3))
    np.savez(tmp_path / "other.npz", image=one)
    assert np.all(make_inputs(str(tmp_path / "x.npz"), INT8)[0][0] == 1)
    assert np.all(make_inputs(str(tmp_path / "named.npz"), INT8)[0][0] == 1)
    error = refused(str(tmp_path / "other.npz"), INT8)
    assert "['image']" in error.message
    assert "'in0'" in error.hint


def test_npz_for_several_inputs(tmp_path: Path) -> None:
    graph = graph_of(((1, 2), "int8"), ((1, 3), "float32"), names=("a", "b"))
    first, second = np.arange(4, dtype=np.int8).reshape(2, 2), np.ones((2, 3), np.float32)
    np.savez(tmp_path / "named.npz", b=second, a=first)
    np.savez(tmp_path / "numbered.npz", x0=first, x1=second)
    np.savez(tmp_path / "uneven.npz", a=first, b=second[:1])
    np.save(tmp_path / "one.npy", first)
    for file in ("named.npz", "numbered.npz"):
        inputs = make_inputs(str(tmp_path / file), graph)
        assert [(a.tolist(), b.shape) for a, b in inputs] == [
            ([[0, 1]], (1, 3)),
            ([[2, 3]], (1, 3)),
        ]
    assert "[1, 2]" in refused(str(tmp_path / "uneven.npz"), graph).message
    assert "2 inputs" in refused(str(tmp_path / "one.npy"), graph).message


def test_digits_samples_serve_both_models() -> None:
    file = str(DIGITS / "digits_samples.npz")
    for name, dtype in (("digits_int8", np.int8), ("digits_float32", np.float32)):
        inputs = make_inputs(file, Model.read(DIGITS / f"{name}.tflite").graph, 5)
        assert [(a.shape, a.dtype) for (a,) in inputs] == [((1, 8, 8, 1), dtype)] * 5


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "text.npy").write_text("1,2,3")
    (tmp_path / "empty.npy").write_bytes(b"")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 and no more")
    (tmp_path / "folder.npy").mkdir()
    np.save(tmp_path / "objects.npy", np.asarray([{}], dtype=object), allow_pickle=True)
    np.save(tmp_path / "cut.npy", np.zeros((1, 3, 5), np.int8))
    whole = (tmp_path / "cut.npy").read_bytes()
    (tmp_path / "cut.npy").write_bytes(whole[:-4])
    for path in sorted(tmp_path.iterdir()):
        error = refused(str(path), INT8)
        assert f"cannot read inputs from {path}" in error.message
    assert "there is no file" in refused(str(tmp_path / "absent.npy"), INT8).message


def test_damaged_npz_member(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez_compressed(path, x=np.arange(15, dtype=np.int8).reshape(1, 3, 5))
    for offset in range(30, path.stat().st_size, 7):
        broken = bytearray(path.read_bytes())
        broken[offset] ^= 0xFF
        (tmp_path / "bad.npz").write_bytes(broken)
        try:
            inputs = make_inputs(str(tmp_path / "bad.npz"), INT8)
        except InputError:
            continue
        np.testing.assert_array_equal(inputs[0][0].ravel(), np.arange(15))  # unharmed, or refused
