"""Ops of the aot engine that put elements elsewhere, against TFLite's reference kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.op_cases import OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

Q = {"scale": 0.1, "zero_point": -7}
PROPERTY = settings(max_examples=6)
CASES = {"min_size": 8, "max_size": 8}


def quant(dtype: str) -> dict[str, Any]:
    return Q if dtype == "int8" else {"scale": 0.1} if dtype == "int16" else {}


def tensor_of(*dtypes: str, lowest: int = 1, highest: int = 4) -> st.SearchStrategy[Any]:
    return st.tuples(st.sampled_from(dtypes), shapes(lowest, highest), st.randoms())


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", "int32"), **CASES))
def test_slice(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        begin = [rng.randrange(size) for size in shape]
        taken = [rng.randint(1, size - b) for size, b in zip(shape, begin, strict=True)]
        asked = [
            -1 if t == size - b and rng.random() < 0.5 else t
            for t, size, b in zip(taken, shape, begin, strict=True)
        ]
        x, y = cases.input(shape, dtype, **quant(dtype)), cases.output(taken, dtype, **quant(dtype))
        index = rng.choice(("int32", "int64"))
        cases.op("SLICE", [x, cases.ints(begin, index), cases.ints(asked, index)], [y])
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", "int32"), **CASES))
def test_reverse(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        axes = [rng.randrange(len(shape))]
        x, y = cases.input(shape, dtype, **quant(dtype)), cases.output(shape, dtype, **quant(dtype))
        cases.op("REVERSE_V2", [x, cases.ints(axes)], [y])
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", "int32"), **CASES))
def test_broadcast_and_tile(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        kept = [size if rng.random() < 0.5 else 1 for size in shape]
        x = cases.input(kept, dtype, **quant(dtype))
        y = cases.output(shape, dtype, **quant(dtype))
        cases.op("BROADCAST_TO", [x, cases.ints(list(shape))], [y], version=2)
        times = [rng.randint(1, 3) for _ in shape]
        tiled = [size * n for size, n in zip(kept, times, strict=True)]
        cases.op("TILE", [x, cases.ints(times)], [cases.output(tiled, dtype, **quant(dtype))])
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", lowest=4), **CASES))
def test_depth_and_space(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, (n, h, w, c), rng in drawn:
        block = rng.randint(1, 3)
        wide, deep = (n, h * block, w * block, c), (n, h, w, c * block * block)
        x, y = cases.input(wide, dtype, **quant(dtype)), cases.output(deep, dtype, **quant(dtype))
        cases.op("SPACE_TO_DEPTH", [x], [y], block_size=block)
        x, y = cases.input(deep, dtype, **quant(dtype)), cases.output(wide, dtype, **quant(dtype))
        cases.op("DEPTH_TO_SPACE", [x], [y], block_size=block)
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", lowest=3), **CASES))
def test_space_and_batch(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        n, *sides, c = shape
        block = [rng.randint(1, 3) for _ in sides]
        before = [rng.randint(0, 2) for _ in sides]
        after = [
            -(size + b) % k + k * rng.randint(0, 1)
            for size, b, k in zip(sides, before, block, strict=True)
        ]
        folded = [
            (size + b + a) // k for size, b, a, k in zip(sides, before, after, block, strict=True)
        ]
        many = (n * int(np.prod(block)), *folded, c)
        borders = cases.ints([list(pair) for pair in zip(before, after, strict=True)])
        x, y = cases.input(shape, dtype, **quant(dtype)), cases.output(many, dtype, **quant(dtype))
        cases.op("SPACE_TO_BATCH_ND", [x, cases.ints(block), borders], [y])
        x, y = cases.input(many, dtype, **quant(dtype)), cases.output(shape, dtype, **quant(dtype))
        cases.op("BATCH_TO_SPACE_ND", [x, cases.ints(block), borders], [y])
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", "int32"), **CASES))
def test_mirror_pad(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        mode = rng.choice(("REFLECT", "SYMMETRIC"))
        most = [size - (mode == "REFLECT") for size in shape]
        paddings = [[rng.randint(0, m), rng.randint(0, m)] for m in most]
        padded = [size + sum(p) for size, p in zip(shape, paddings, strict=True)]
        x = cases.input(shape, dtype, **quant(dtype))
        y = cases.output(padded, dtype, **quant(dtype))
        cases.op("MIRROR_PAD", [x, cases.ints(paddings)], [y], mode=mode)
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "int16", "float32", "int32"), **CASES))
def test_gather(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        axis = rng.randrange(len(shape))
        index = rng.choice(("int32", "int64"))
        chosen = [[rng.randrange(shape[axis]) for _ in range(3)] for _ in range(2)]
        taken = (*shape[:axis], 2, 3, *shape[axis + 1 :])
        x = cases.input(shape, dtype, **quant(dtype))
        indices = (
            cases.ints(chosen, index)
            if rng.random() < 0.5
            else cases.input((2, 3), index, values=np.array(chosen, index))
        )
        y = cases.output(taken, dtype, **quant(dtype))
        cases.op("GATHER", [x, indices], [y], axis=axis)
        if axis > 0:
            each = [rng.randrange(shape[axis]) for _ in range(2 * shape[0])]
            values = np.array(each, index).reshape(shape[0], 2)
            y = cases.output((*shape[:axis], 2, *shape[axis + 1 :]), dtype, **quant(dtype))
            indices = cases.input((shape[0], 2), index, values=values)
            cases.op("GATHER", [x, indices], [y], axis=axis, batch_dims=1)
    cases.check()


@pytest.mark.parametrize("dtype", ["float32", "int8"])
def test_embedding_lookup(dtype: str) -> None:
    cases = OpCases()
    ids = cases.input((4,), "int32", values=np.array([2, 0, 2, 1], np.int32))
    rows = np.arange(18).reshape(3, 2, 3)
    table = cases.builder.tensor((3, 2, 3), dtype, data=rows, **quant(dtype))
    cases.op("EMBEDDING_LOOKUP", [ids, table], [cases.output((4, 2, 3), dtype, **quant(dtype))])
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", "int32"), **CASES))
def test_pack_and_unpack(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        axis, count = rng.randint(0, len(shape)), rng.randint(1, 4)
        joined = (*shape[:axis], count, *shape[axis:])
        parts = [cases.input(shape, dtype, **quant(dtype)) for _ in range(count)]
        y = cases.output(joined, dtype, **quant(dtype))
        cases.op("PACK", parts, [y], axis=axis, values_count=count)
        x = cases.input(joined, dtype, **quant(dtype))
        taken = [cases.output(shape, dtype, **quant(dtype)) for _ in range(count)]
        cases.op("UNPACK", [x], taken, axis=axis, num=count)
    cases.check()


@PROPERTY
@given(drawn=st.lists(tensor_of("int8", "float32", "int32"), **CASES))
def test_split_v(drawn: list[Any]) -> None:
    cases = OpCases()
    for dtype, shape, rng in drawn:
        axis = rng.randrange(len(shape))
        sizes = [rng.randint(1, 4) for _ in range(rng.randint(1, 4))]
        whole = (*shape[:axis], sum(sizes), *shape[axis + 1 :])
        parts = [
            cases.output((*shape[:axis], size, *shape[axis + 1 :]), dtype, **quant(dtype))
            for size in sizes
        ]
        if rng.random() < 0.5:
            sizes[rng.randrange(len(sizes))] = -1
        x = cases.input(whole, dtype, **quant(dtype))
        inputs = [x, cases.ints(sizes), cases.ints([axis])]
        cases.op("SPLIT_V", inputs, parts, num_splits=len(sizes))
    cases.check()


def refusal(name: str, *constants: Any, output: tuple[int, ...], **options: Any) -> bytes:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 2), "float32")
    y = b.tensor(output, "float32")
    b.op(name, [x, *(b.tensor(np.shape(c), "int32", data=c) for c in constants)], [y], **options)
    return b.build([x], [y])


@pytest.mark.parametrize(
    ("name", "constants", "output", "options", "word"),
    [
        ("SLICE", ([0, 3, 0, 0], [1, 2, 4, 2]), (1, 2, 4, 2), {}, "2 elements from 3"),
        ("REVERSE_V2", ([4],), (1, 4, 4, 2), {}, "axis 4"),
        ("BROADCAST_TO", ([1, 4, 8, 2],), (1, 4, 8, 2), {}, "[1, 4, 8, 2]"),
        ("TILE", ([2, 1],), (2, 4, 4, 2), {}, "2 multiples"),
        ("SPACE_TO_DEPTH", (), (1, 1, 1, 18), {"block_size": 3}, "blocks of 3"),
        ("DEPTH_TO_SPACE", (), (1, 8, 8, 1), {"block_size": 2}, "2 channels"),
        ("MIRROR_PAD", ([[0, 0], [4, 0], [0, 0], [0, 0]],), (1, 8, 4, 2), {}, "paddings 4"),
        ("GATHER", ([4],), (1, 1, 4, 2), {"axis": 1}, "outside of the axis"),
        ("SPACE_TO_BATCH_ND", ([3, 1], [[0, 0], [0, 0]]), (3, 1, 4, 2), {}, "image of 4x4"),
        ("BATCH_TO_SPACE_ND", ([2, 1], [[0, 0], [0, 0]]), (1, 8, 4, 2), {}, "batch of 1"),
    ],
)
def test_refuses(
    name: str, constants: Any, output: tuple[int, ...], options: dict[str, Any], word: str
) -> None:
    assert_refused(refusal(name, *constants, output=output, **options), name, word)
