"""Folded constants equal what the reference computes in a run of the whole model."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.errors import UnsupportedModel
from hil.records import Array
from hil.tflite import fold
from hil.tflite.fold import foldable, folded
from hil.tflite.model import Model
from hil.tflite.reference import Reference
from hil.tflite.sparse import Level, Sparsity, dense, positions
from hil.tflite.verify import Malformed
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.host_model import assert_close, host_model, random_inputs
from tests.support.tflite_builder import ModelBuilder


def names(graph: Any) -> list[str]:
    return [op.name for op in graph.ops]


def check_on_host(content: bytes, marks: list[int]) -> None:
    """The generated C gives the unfolded model's outputs and runs the ops ``marks`` alone."""
    model = Model.parse(content, "m")
    host, reference = host_model(content, sanitize=True), Reference(model)
    inputs = random_inputs(model.graph, np.random.default_rng(3))
    for got, want in zip(host.run(inputs), reference.run(inputs), strict=True):
        assert_close(got, want, "folded")
    assert host.marks == [mark for index in marks for mark in (index + 1, -index - 1)]


def check_values(model: Model) -> None:
    """Each folded tensor is bit for bit what a run of the whole model leaves in it."""
    reference = Reference(model, keep_all=True)
    reference.run(random_inputs(model.graph, np.random.default_rng(0)))
    result = folded(model)
    written = [index for op in foldable(model.graph) for index in op.outputs]
    assert written
    for index in written:
        tensor = result.tensors[index]
        assert tensor.data is not None
        want = reference.tensor(index)
        assert (tensor.data.dtype, tensor.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(tensor.data, want)


def float16_model(*, shape: tuple[int, int] = (4, 8)) -> bytes:
    rng = np.random.default_rng(1)
    b = ModelBuilder()
    x, y = b.tensor((1, shape[1]), "float32"), b.tensor((1, shape[0]), "float32")
    halves = rng.normal(size=shape).astype(np.float16), np.ones(shape[0], np.float16)
    constants = []
    for half in halves:
        constants.append(b.tensor(half.shape, "float32"))
        b.op("DEQUANTIZE", [b.tensor(half.shape, "float16", data=half)], [constants[-1]])
    b.op("FULLY_CONNECTED", [x, *constants], [y])
    return b.build([x], [y])


def test_float16_weights_run_as_float32() -> None:
    model = Model.parse(float16_model(), "m")
    assert model.graph.dtype == "float32"
    result = folded(model)
    assert [(op.index, op.name) for op in result.ops] == [(2, "FULLY_CONNECTED")]
    check_values(model)
    check_on_host(model.content, [2])
    sources = engine("aot").sources(model)
    assert sources.folded == (0, 1)
    assert sources.op_count == 3
    assert sources.weights_bytes == 4 * (4 * 8 + 4)


def test_int8_weights_that_dequantize_unpacks_are_folded() -> None:
    b = ModelBuilder()
    x, y, w = b.tensor((2, 3), "float32"), b.tensor((2, 3), "float32"), b.tensor((3,), "float32")
    b.op("DEQUANTIZE", [b.tensor((3,), scale=0.5, zero_point=2, data=[1, -7, 9])], [w])
    b.op("MUL", [x, w], [y])
    model = Model.parse(b.build([x], [y]), "m")
    assert folded(model).tensors[w].data == pytest.approx(np.array([-0.5, -4.5, 3.5]))
    check_on_host(model.content, [1])


def computed_reshape(side: int = 6) -> bytes:
    """x (2, side, 4) reshaped to (2, product of the others), as converters write Flatten."""
    b = ModelBuilder()
    x, r = b.tensor((2, side, 4), "float32"), b.tensor((2, side, 4), "float32")
    y, shape = b.tensor((2, side * 4), "float32"), b.tensor((3,), "int32")
    b.op("RELU", [x], [r])
    b.op("SHAPE", [r], [shape], options_table="ShapeOptions", out_type="INT32")
    first, rest, product = (b.tensor(s, "int32") for s in ((), (2,), ()))
    zero, one, three, axis = (b.tensor((1,), "int32", data=[v]) for v in (0, 1, 3, 0))
    b.op("STRIDED_SLICE", [shape, zero, one, one], [first], shrink_axis_mask=1)
    b.op("STRIDED_SLICE", [shape, one, three, one], [rest])
    b.op("REDUCE_PROD", [rest, axis], [product], options_table="ReducerOptions", keep_dims=False)
    both = b.tensor((2,), "int32")
    b.op("PACK", [first, product], [both], values_count=2, axis=0)
    b.op("RESHAPE", [r, both], [y])
    return b.build([x], [y])


def test_a_computed_shape_becomes_constant() -> None:
    model = Model.parse(computed_reshape(), "m")
    assert names(folded(model)) == ["RELU", "RESHAPE"]
    check_values(model)
    check_on_host(model.content, [0, 6])


def test_ops_keep_their_index_in_the_plan() -> None:
    plan = engine("aot").sources(Model.parse(computed_reshape(), "m")).plan
    assert plan.peak_op in (0, 6)
    assert {p.last_op for p in plan.placements} <= {0, 6, 7}


def shape_alone() -> bytes:
    b = ModelBuilder()
    x, y = b.tensor((2, 5), "float32"), b.tensor((2,), "int32")
    b.op("SHAPE", [x], [y], options_table="ShapeOptions", out_type="INT32")
    return b.build([x], [y])


def test_a_model_may_have_nothing_that_runs() -> None:
    model = Model.parse(shape_alone(), "m")
    assert folded(model).ops == ()
    check_on_host(model.content, [0])  # one pair of marks: firmware without any cannot be measured


def test_a_model_with_nothing_to_fold_starts_no_interpreter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    b = ModelBuilder()
    x, y = b.tensor((2, 5), "float32"), b.tensor((2, 5), "float32")
    b.op("ADD", [x, b.tensor((5,), "float32", data=np.arange(5))], [y])
    model = Model.parse(b.build([x], [y]), "m")
    monkeypatch.setattr(fold, "Reference", None)
    assert folded(model) is model.graph
    assert engine("aot").sources(model).folded == ()


def test_random_numbers_and_variables_are_not_constants() -> None:
    b = ModelBuilder()
    size = b.tensor((1,), "int32", data=[3])
    x, r, y = (b.tensor((3,), "float32") for _ in range(3))
    state, s = b.tensor((3,), "float32", variable=True), b.tensor((3,), "float32")
    b.op("RANDOM_UNIFORM", [size], [r])
    b.op("ABS", [state], [s])
    b.op("ADD", [x, r], [y])
    assert foldable(Model.parse(b.build([x], [y, s]), "m").graph) == ()


def test_a_gap_beside_foldable_ops_keeps_its_index() -> None:
    b = ModelBuilder()
    x, w, y = (b.tensor((3,), "float32") for _ in range(3))
    b.op("DEQUANTIZE", [b.tensor((3,), "float16", data=np.ones(3, np.float16))], [w])
    b.op("CUSTOM:FlexMystery", [x, w], [y])
    with pytest.raises(UnsupportedModel) as caught:
        engine("aot").sources(Model.parse(b.build([x], [y]), "m"))
    assert [(gap.op, gap.name) for gap in caught.value.gaps] == [(1, "CUSTOM:FlexMystery")]


def test_what_the_reference_refuses_is_not_folded() -> None:
    b = ModelBuilder()
    x, w, y = (b.tensor((3,), "float32") for _ in range(3))
    c = b.tensor((2, 3), "float32", data=np.ones((2, 3)))
    b.op("TRANSPOSE", [c, b.tensor((2,), "int32", data=[5, 7])], [w])  # axes that do not exist
    b.op("ADD", [x, w], [y])
    model = Model.parse(b.build([x], [y]), "m")
    assert folded(model) is model.graph


# Random subgraphs of constants


ARITHMETIC = {"ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM"}
MOVES = {"RESHAPE", "CONCATENATION", "PACK", "SLICE", "STRIDED_SLICE", "GATHER", "REVERSE_V2"}
CHAINED = ARITHMETIC | MOVES | {"NEG", "TILE", "REDUCE_PROD", "REDUCE_MAX", "TRANSPOSE", "FILL"}


@st.composite
def constant_chains(draw: st.DrawFn) -> bytes:
    """Some ops on constants, each on results of those before, all outputs of the model."""
    b = ModelBuilder()
    dtype = draw(st.sampled_from(["float32", "int32"]))
    shape = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    values = np.asarray(
        draw(st.lists(st.integers(-9, 9), min_size=prod(shape), max_size=prod(shape)))
    ).reshape(shape)
    known = [(b.tensor(shape, dtype, data=values), shape)]
    x, y = b.tensor((2,), "float32"), b.tensor((2,), "float32")
    b.op("ABS", [x], [y])
    outputs = [y]
    for _ in range(draw(st.integers(1, 6))):
        source, size = draw(st.sampled_from(known))
        result, size = _append(draw, b, source, size, dtype)
        known.append((result, size))
        outputs.append(result)
    return b.build([x], outputs)


def _append(
    draw: st.DrawFn, b: ModelBuilder, source: int, size: tuple[int, ...], dtype: str
) -> tuple[int, tuple[int, ...]]:
    """Append one op of a constant; its result and shape."""

    def ints(values: Any) -> int:
        return b.tensor(np.shape(values), "int32", data=values)

    name = draw(st.sampled_from(sorted(CHAINED)))
    axis = draw(st.integers(0, len(size) - 1))
    options: dict[str, Any] = {}
    inputs = [source]
    new = size
    if name in ARITHMETIC:
        inputs = [source, source] if draw(st.booleans()) else [source, b.tensor((), dtype, data=3)]
    elif name == "RESHAPE":
        new = (prod(size),)
        inputs, options = [source, ints(new)], {"new_shape": list(new)}
    elif name == "CONCATENATION":
        new = (*size[:axis], 2 * size[axis], *size[axis + 1 :])
        inputs, options = [source, source], {"axis": axis}
    elif name == "PACK":
        new = (*size[:axis], 2, *size[axis:])
        inputs, options = [source, source], {"axis": axis, "values_count": 2}
    elif name in ("SLICE", "STRIDED_SLICE"):
        begin = [draw(st.integers(0, side - 1)) for side in size]
        end = [draw(st.integers(low + 1, side)) for low, side in zip(begin, size, strict=True)]
        new = tuple(high - low for low, high in zip(begin, end, strict=True))
        inputs = [source, ints(begin), ints(new)]
        if name == "STRIDED_SLICE":
            inputs = [source, ints(begin), ints(end), ints([1] * len(size))]
    elif name == "GATHER":
        picked = draw(st.lists(st.integers(0, size[axis] - 1), min_size=1, max_size=3))
        new = (*size[:axis], len(picked), *size[axis + 1 :])
        inputs, options = [source, ints(picked)], {"axis": axis}
    elif name == "REVERSE_V2":
        inputs = [source, ints([axis])]
    elif name == "TILE":
        new = (*size[:axis], 2 * size[axis], *size[axis + 1 :])
        inputs = [source, ints([2 if at == axis else 1 for at in range(len(size))])]
    elif name in ("REDUCE_PROD", "REDUCE_MAX"):
        new = (*size[:axis], 1, *size[axis + 1 :])
        options = {"options_table": "ReducerOptions", "keep_dims": True}
        inputs = [source, ints([axis])]
    elif name == "TRANSPOSE":
        order = draw(st.permutations(range(len(size))))
        new = tuple(size[at] for at in order)
        inputs = [source, ints(list(order))]
    elif name == "FILL":
        inputs = [ints(list(size)), b.tensor((), dtype, data=-2)]
    if len(new) > 4:  # TensorFlow Lite's kernels have at most that many dimensions
        return source, size
    result = b.tensor(new, dtype)
    b.op(name, inputs, [result], **options)
    return result, new


@given(constant_chains())
@settings(max_examples=60, deadline=None)
def test_random_constants_are_what_the_whole_model_computes(content: bytes) -> None:
    model = Model.parse(content, "m")
    if foldable(model.graph):
        assert names(folded(model)) == ["ABS"]
        check_values(model)


@given(constant_chains())
@settings(max_examples=5, deadline=None)
def test_random_constants_reach_the_outputs_of_the_generated_program(content: bytes) -> None:
    check_on_host(content, [0])


# Sparse weights


def csr(rows: Array) -> tuple[Sparsity, Array]:
    """The sparsity of a matrix whose rows are compressed, and its values that are not zero."""
    segments = np.concatenate([[0], np.cumsum((rows != 0).sum(axis=1))])
    level = Level(0, segments.astype(np.int64), np.nonzero(rows)[1].astype(np.int64))
    return Sparsity((0, 1), (), (Level(rows.shape[0]), level)), rows[rows != 0]


def blocked(matrix: Array, side: int) -> tuple[Sparsity, Array]:
    """The sparsity of a matrix in blocks of ``side`` columns, kept where one is not zero."""
    rows, columns = matrix.shape
    cut = matrix.reshape(rows, columns // side, side)
    kept = (cut != 0).any(axis=2)
    segments = np.concatenate([[0], np.cumsum(kept.sum(axis=1))]).astype(np.int64)
    level = Level(0, segments, np.nonzero(kept)[1].astype(np.int64))
    return Sparsity((0, 1, 2), (1,), (Level(rows), level, Level(side))), cut[kept].reshape(-1)


def densify_model(matrix: Array, sparsity: Sparsity, values: Array) -> bytes:
    b = ModelBuilder()
    rows, columns = matrix.shape
    x, y = b.tensor((1, columns), "float32"), b.tensor((1, rows), "float32")
    dtype = str(values.dtype)
    w = b.tensor(matrix.shape, dtype, raw=values.tobytes(), sparse=sparsity)
    unpacked = b.tensor(matrix.shape, dtype)
    b.op("DENSIFY", [w], [unpacked])
    if dtype == "float16":
        weights = b.tensor(matrix.shape, "float32")
        b.op("DEQUANTIZE", [unpacked], [weights])
        unpacked = weights
    b.op("FULLY_CONNECTED", [x, unpacked, -1], [y])
    return b.build([x], [y])


@st.composite
def matrices(draw: st.DrawFn) -> Array:
    rows, columns = draw(st.integers(1, 6)), 4 * draw(st.integers(1, 3))
    values = draw(st.lists(st.integers(-4, 2), min_size=rows * columns, max_size=rows * columns))
    return np.maximum(np.asarray(values, np.float32), 0).reshape(rows, columns)


@given(matrices(), st.booleans(), st.sampled_from(["float32", "float16"]))
@settings(max_examples=30, deadline=None)
def test_sparse_weights_are_those_that_the_reference_unpacks(
    matrix: Array, in_blocks: bool, dtype: str
) -> None:
    sparsity, values = blocked(matrix, 4) if in_blocks else csr(matrix)
    model = Model.parse(densify_model(matrix, sparsity, values.astype(dtype)), "m")
    stored = next(t for t in model.graph.tensors if t.dtype == dtype and t.is_constant)
    assert stored.data is not None
    np.testing.assert_array_equal(stored.data, matrix)
    assert model.graph.dtype == "float32"
    if values.size:  # TensorFlow Lite takes a tensor of no values for one without data
        check_values(model)


def test_a_model_with_sparse_weights_runs() -> None:
    matrix = np.zeros((3, 8), np.float32)
    matrix[0, 5], matrix[2, 1], matrix[2, 7] = 1.5, -2.0, 0.25
    check_on_host(densify_model(matrix, *csr(matrix)), [1])
    sparsity, values = blocked(matrix, 4)
    check_on_host(densify_model(matrix, sparsity, values.astype(np.float16)), [2])


def test_blocks_of_two_dimensions_in_another_order() -> None:
    matrix = np.arange(16, dtype=np.int64).reshape(4, 4)
    # Columns of blocks first; within a block of 2 x 2, rows first.
    order = Sparsity((1, 0, 2, 3), (0, 1), tuple(Level(2) for _ in range(4)))
    values = matrix.reshape(2, 2, 2, 2).transpose(2, 0, 1, 3).reshape(-1)
    np.testing.assert_array_equal(dense(values, positions(order, (4, 4)), (4, 4)), matrix)


def level(segments: list[int], indices: list[int]) -> Level:
    return Level(0, np.asarray(segments, np.int64), np.asarray(indices, np.int64))


@pytest.mark.parametrize(
    ("sparsity", "words"),
    [
        (Sparsity((0, 0), (), (Level(2), Level(3))), "traversal order"),
        (Sparsity((0, 1), (), (Level(2),)), "1 levels"),
        (Sparsity((0, 1, 2), (7,), (Level(2), Level(1), Level(3))), "blocks in dimensions"),
        (Sparsity((0, 1, 2), (1,), (Level(2), Level(1), level([0, 1], [0]))), "not dense"),
        (Sparsity((0, 1), (), (Level(2), level([0, 1], [0]))), "do not divide"),
        (Sparsity((0, 1), (), (Level(2), level([0, 2, 1], [0]))), "do not divide"),
        (Sparsity((0, 1), (), (Level(2), level([0, 1, 3], [0, 1]))), "differ in number"),
        (Sparsity((0, 1), (), (Level(2), level([0, 1, 2], [0, 3]))), "outside"),
        (Sparsity((0, 1), (), (Level(2), level([0, 1, 2], [0, -1]))), "outside"),
        (Sparsity((0, 1), (), (Level(2**30), Level(2**30))), "more values than"),
        (Sparsity((0, 1), (), (Level(-1), Level(3))), "more values than"),
    ],
)
def test_a_damaged_sparsity_is_refused(sparsity: Sparsity, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        positions(sparsity, (2, 3))


def test_two_values_in_one_place_are_refused() -> None:
    sparsity = Sparsity((0, 1), (), (Level(1), level([0, 2], [1, 1])))
    with pytest.raises(Malformed, match="same place"):
        dense(np.ones(2), positions(sparsity, (1, 3)), (1, 3))
