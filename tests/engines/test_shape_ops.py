"""Data movement of the aot engine against TFLite's reference kernels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.tflite.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.host_model import assert_matches_reference
from tests.support.op_cases import OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

DTYPES = ("int8", "float32", "int32")
Q = {"int8": {"scale": 0.1, "zero_point": -7}, "uint8": {"scale": 0.1, "zero_point": 9}}
CASES = {"min_size": 10, "max_size": 10}
PROPERTY = settings(max_examples=8)


def quant(dtype: str) -> dict[str, Any]:
    return Q.get(dtype, {})


# ---- RESHAPE, SQUEEZE, EXPAND_DIMS -------------------------------------------------------------


@pytest.mark.parametrize("dtype", [*DTYPES, "int16", "bool", "int64"])
def test_views(dtype: str) -> None:
    cases = OpCases()
    x = cases.input((2, 1, 3, 1), dtype, **quant(dtype))
    y = cases.output((6,), dtype, **quant(dtype))
    cases.op("RESHAPE", [x, cases.ints([6])], [y], new_shape=[6])
    if dtype not in ("int16", "bool"):
        z = cases.output((2, 1, 3), dtype, **quant(dtype))
        cases.op("SQUEEZE", [x], [z], squeeze_dims=[3])
    w = cases.output((2, 1, 1, 3, 1), dtype, **quant(dtype))
    if dtype not in ("int16", "bool", "int64"):
        cases.op("EXPAND_DIMS", [x, cases.ints(1)], [w])
    else:
        cases.op("RESHAPE", [x], [w], new_shape=[2, 1, 1, 3, 1])
    cases.check()


def test_views_move_nothing_and_need_no_memory() -> None:
    b = ModelBuilder()
    x, flat = b.tensor((1, 4, 4, 2), "float32"), b.tensor((1, 32), "float32")
    wide, y = b.tensor((1, 32, 1), "float32"), b.tensor((1, 32, 1), "float32")
    b.op("RESHAPE", [x], [flat], new_shape=[1, 32])
    b.op("EXPAND_DIMS", [flat, b.tensor((1,), "int32", data=[2])], [wide])
    b.op("RELU", [wide], [y])
    model = b.build([x], [y])
    assert engine("aot").sources(Model.parse(model, "views")).plan.arena_bytes == 128
    assert_matches_reference(model)


def test_view_of_a_tensor_that_is_read_again() -> None:
    """RELU works in place; neither the view nor what it views may suffer."""
    b = ModelBuilder()
    x, bent = b.tensor((4, 4), "float32"), b.tensor((4, 4), "float32")
    flat, y = b.tensor((16,), "float32"), b.tensor((16,), "float32")
    b.op("RESHAPE", [x], [flat], new_shape=[16])
    b.op("RELU", [x], [bent])
    b.op("ADD", [flat, flat], [y])
    assert_matches_reference(b.build([x], [bent, y]))


# ---- PAD, PADV2 --------------------------------------------------------------------------------


@st.composite
def pads(draw: st.DrawFn) -> dict[str, Any]:
    shape = draw(shapes(1, 5))
    return {
        "dtype": draw(st.sampled_from(DTYPES)),
        "shape": shape,
        "paddings": [[draw(st.integers(0, 2)), draw(st.integers(0, 2))] for _ in shape],
        "value": draw(st.none() | st.integers(-100, 100)),
        "index": draw(st.sampled_from(("int32", "int64"))),
    }


@PROPERTY
@given(drawn=st.lists(pads(), **CASES))
def test_pad(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        dtype = case["dtype"]
        padded = tuple(d + sum(p) for d, p in zip(case["shape"], case["paddings"], strict=True))
        inputs = [
            cases.input(case["shape"], dtype, **quant(dtype)),
            cases.ints(case["paddings"], case["index"]),
        ]
        if case["value"] is not None:
            value = cases.builder.tensor((1,), dtype, data=[case["value"]], **quant(dtype))
            inputs.append(value)
        y = cases.output(padded, dtype, **quant(dtype))
        cases.op("PAD" if case["value"] is None else "PADV2", inputs, [y])
    cases.check()


# ---- CONCATENATION, SPLIT ----------------------------------------------------------------------


@st.composite
def joins(draw: st.DrawFn) -> dict[str, Any]:
    shape = draw(shapes(1, 4))
    return {
        "dtype": draw(st.sampled_from(DTYPES)),
        "shape": shape,
        "axis": draw(st.integers(-len(shape), len(shape) - 1)),
        "parts": draw(st.lists(st.integers(1, 4), min_size=1, max_size=5)),
    }


def resized(shape: Sequence[int], axis: int, size: int) -> tuple[int, ...]:
    result = list(shape)
    result[axis] = size
    return tuple(result)


@PROPERTY
@given(drawn=st.lists(joins(), **CASES))
def test_concatenation(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        shape, axis, dtype = case["shape"], case["axis"], case["dtype"]
        parts = [cases.input(resized(shape, axis, n), dtype, **quant(dtype)) for n in case["parts"]]
        y = cases.output(resized(shape, axis, sum(case["parts"])), dtype, **quant(dtype))
        cases.op("CONCATENATION", parts, [y], axis=axis)
    cases.check()


@PROPERTY
@given(drawn=st.lists(joins(), **CASES))
def test_split(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        shape, axis, dtype = case["shape"], case["axis"], case["dtype"]
        count = len(case["parts"])
        x = cases.input(resized(shape, axis, shape[axis] * count), dtype, **quant(dtype))
        parts = [cases.output(shape, dtype, **quant(dtype)) for _ in range(count)]
        cases.op("SPLIT", [cases.ints([axis]), x], parts, num_splits=count)
    cases.check()


def test_concatenation_of_a_constant_and_of_one_tensor_twice() -> None:
    cases = OpCases()
    x = cases.input((2, 3), "int8", **Q["int8"])
    c = cases.builder.tensor((2, 1), "int8", data=[[5], [-5]], **Q["int8"])
    cases.op("CONCATENATION", [x, c, x], [cases.output((2, 7), "int8", **Q["int8"])], axis=1)
    cases.check()


# ---- TRANSPOSE, STRIDED_SLICE ------------------------------------------------------------------


@st.composite
def transposes(draw: st.DrawFn) -> dict[str, Any]:
    shape = draw(shapes(1, 5))
    return {
        "dtype": draw(st.sampled_from(DTYPES)),
        "shape": shape,
        "permutation": draw(st.permutations(range(len(shape)))),
    }


@PROPERTY
@given(drawn=st.lists(transposes(), **CASES))
def test_transpose(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        dtype, permutation = case["dtype"], case["permutation"]
        x = cases.input(case["shape"], dtype, **quant(dtype))
        y = cases.output([case["shape"][p] for p in permutation], dtype, **quant(dtype))
        cases.op("TRANSPOSE", [x, cases.ints(permutation)], [y])
    cases.check()


@st.composite
def slices(draw: st.DrawFn) -> dict[str, Any]:
    """Specifications with masks, kept if numpy takes at least one element."""
    shape = draw(shapes(1, 4))
    spec, index = [], []
    masks = dict.fromkeys(("begin", "end", "shrink_axis", "new_axis", "ellipsis"), 0)
    axes = list(shape)
    while axes:
        kind = draw(st.sampled_from(("slice",) * 4 + ("shrink", "new_axis", "ellipsis", "stop")))
        bit = 1 << len(spec)
        if kind == "stop" and spec and not masks["ellipsis"]:
            break
        if kind == "new_axis" and masks["new_axis"].bit_count() + len(shape) < 5:
            masks["new_axis"] |= bit
            spec.append((0, 0, 1))
            index.append(np.newaxis)
        elif kind == "ellipsis" and not masks["ellipsis"]:
            masks["ellipsis"] |= bit
            spec.append((0, 0, 1))
            index.append(Ellipsis)
            axes = axes[draw(st.integers(1, len(axes))) :]
        elif kind == "shrink":
            at = draw(st.integers(-axes[0], axes.pop(0) - 1))
            masks["shrink_axis"] |= bit
            spec.append((at, at + 1, 1))
            index.append(at)
        else:
            size = axes.pop(0)
            entry = draw(one_slice(size))
            masks["begin"] |= bit if entry[3] else 0
            masks["end"] |= bit if entry[4] else 0
            spec.append(entry[:3])
            begin, end = (None if m else v for v, m in zip(entry[:2], entry[3:], strict=True))
            index.append(slice(begin, end, entry[2]))
    return {
        "dtype": draw(st.sampled_from(DTYPES)),
        "shape": shape,
        "spec": spec,
        "masks": masks,
        "result": np.zeros(shape)[tuple(index)].shape,
    }


@st.composite
def one_slice(draw: st.DrawFn, size: int) -> tuple[int, int, int, bool, bool]:
    step = draw(st.sampled_from((1, 1, 2, 3, -1, -2)))
    begin, end = (draw(st.integers(-size - 2, size + 2)) for _ in range(2))
    begin_mask, end_mask = draw(st.booleans()), draw(st.booleans())
    taken = range(size)[slice(None if begin_mask else begin, None if end_mask else end, step)]
    if not taken:
        return begin, end, step, True, True
    return begin, end, step, begin_mask, end_mask


@settings(max_examples=16)
@given(drawn=st.lists(slices(), **CASES))
def test_strided_slice(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    for case in drawn:
        dtype = case["dtype"]
        x = cases.input(case["shape"], dtype, **quant(dtype))
        y = cases.output(case["result"], dtype, **quant(dtype))
        spec = [cases.ints(list(part)) for part in zip(*case["spec"], strict=True)]
        masks = {f"{name}_mask": value for name, value in case["masks"].items()}
        cases.op("STRIDED_SLICE", [x, *spec], [y], **masks)
    cases.check(rounds=1)


def test_permutations_that_move_no_data_are_views() -> None:
    b = ModelBuilder()
    x, y = b.tensor((1, 5, 1, 3)), b.tensor((5, 1, 3, 1))
    b.op("TRANSPOSE", [x, b.tensor((4,), "int32", data=[1, 0, 3, 2])], [y])
    model = b.build([x], [y])
    sources = engine("aot").sources(Model.parse(model, "view"))
    assert "hil_copy" not in sources.files["model.c"]
    assert_matches_reference(model)


# ---- What is refused ---------------------------------------------------------------------------


def refused(
    name: str,
    inputs: Sequence[Sequence[Any]],
    output: Sequence[int],
    *words: str,
    dtype: str = "int8",
    scale: float = 0.1,
    **options: Any,
) -> None:
    """``inputs``: shapes of tensors of ``dtype``, or (values,) of constants, or None: not known."""
    b = ModelBuilder()
    tensors, graph_inputs = [], []
    for kind, value in inputs:
        if kind == "const":
            tensors.append(b.tensor(np.shape(value), "int32", data=value))
            continue
        data_type = "int32" if kind == "ints" else dtype
        tensors.append(b.tensor(value, data_type, scale=0.1 if kind == "data" else None))
        graph_inputs.append(tensors[-1])
    y = b.tensor(output, dtype, scale=scale)
    b.op(name, tensors, [y], **options)
    assert_refused(b.build(graph_inputs, [y]), name, *words)


DATA = ("data", (2, 3))


def test_refuses_views() -> None:
    refused("RESHAPE", [DATA], (7,), "6 elements become 7")
    refused("RESHAPE", [DATA, ("ints", (1,))], (6,), "run time", "constant shape")
    refused("EXPAND_DIMS", [DATA, ("ints", (1,))], (1, 2, 3), "run time", "constant axis")
    refused("SQUEEZE", [DATA], (5,), "6 elements become 5")
    refused("SQUEEZE", [DATA], (6,), "uint64", dtype="uint64")


def test_refuses_pads() -> None:
    pad = ("const", [[0, 0], [1, 1]])
    refused("PAD", [DATA, ("ints", (2, 2))], (2, 5), "run time", "constant paddings")
    refused("PAD", [DATA, ("const", [[1, 1]])], (2, 5), "2 paddings for 2 dimensions")
    refused("PAD", [DATA, ("const", [[0, 0], [1, -1]])], (2, 3), "padding of -1")
    refused("PAD", [DATA, pad], (2, 6), "[2, 6]", "[2, 5]")
    refused("PAD", [DATA, pad], (2, 5), "differing scales", scale=0.2)
    refused("PADV2", [DATA, pad, ("data", (1,))], (2, 5), "value computed at run time")
    seven = ("const", [[0, 0]] * 7)
    refused("PAD", [("data", (1,) * 7), seven], (1,) * 7, "7 dimensions")


def test_refuses_concatenations_and_splits() -> None:
    pair = [DATA, DATA]
    refused("CONCATENATION", pair, (4, 3), "axis 2", axis=2)
    refused("CONCATENATION", pair, (4, 3), "axis -3", axis=-3)
    refused("CONCATENATION", pair, (4, 3), "RELU", fused_activation_function="RELU")
    refused("CONCATENATION", pair, (4, 3), "differing scales", scale=0.2)
    refused("CONCATENATION", pair, (5, 3), "[5, 3]", "[4, 3]")
    refused("CONCATENATION", [DATA, ("data", (2, 3, 1))], (4, 3), "differing ranks")
    refused("SPLIT", [("ints", ()), DATA], (2, 3), "run time", "constant axis")
    refused("SPLIT", [("const", [2]), DATA], (2, 3), "axis 2")
    refused("SPLIT", [("const", [0]), DATA], (2, 2), "[2, 2]")


def test_refuses_transposes() -> None:
    refused("TRANSPOSE", [DATA, ("ints", (2,))], (3, 2), "run time", "constant permutation")
    refused("TRANSPOSE", [DATA, ("const", [0, 0])], (3, 2), "permutation [0, 0]")
    refused("TRANSPOSE", [DATA, ("const", [0, 2])], (3, 2), "permutation [0, 2]")
    refused("TRANSPOSE", [DATA, ("const", [1, 0])], (2, 3), "[3, 2]")
    seven = ("data", (1,) * 7)
    refused("TRANSPOSE", [seven, ("const", list(range(7)))], (1,) * 7, "up to 6")


def test_refuses_slices() -> None:
    def slice_(*words: str, spec: list[list[int]], output: Sequence[int], **options: Any) -> None:
        constants = [("const", list(part)) for part in zip(*spec, strict=True)]
        refused("STRIDED_SLICE", [DATA, *constants], output, *words, **options)

    slice_("stride of 0", spec=[[0, 1, 0]], output=(1, 3))
    slice_("nothing is taken", spec=[[2, 1, 1]], output=(1, 3))
    slice_("index 2", spec=[[2, 3, 1]], output=(3,), shrink_axis_mask=1)
    slice_("index -3", spec=[[-3, -2, 1]], output=(3,), shrink_axis_mask=1)
    slice_("ellipsis without an axis", spec=[[0, 1, 1]] * 3, output=(1, 1), ellipsis_mask=1)
    slice_("several ellipses", spec=[[0, 1, 1]] * 2, output=(2, 3), ellipsis_mask=3)
    slice_("3 entries for 2 dimensions", spec=[[0, 1, 1]] * 3, output=(1, 1))
    slice_("[1, 3]", spec=[[0, 1, 1]], output=(2, 3))
    slice_("offset", spec=[[0, 1, 1]], output=(1, 3), offset=True)
    ints = ("ints", (1,))
    refused("STRIDED_SLICE", [DATA, ints, ints, ints], (1, 3), "run time", "constant begin")
