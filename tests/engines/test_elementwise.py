"""ADD, SUB, MUL of the aot engine against TFLite's reference kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.tflite.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.host_model import assert_matches_reference
from tests.support.op_cases import SCALES, ZERO_POINTS, OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

OPS = ("ADD", "SUB", "MUL")
ACTIVATIONS = ("NONE", "RELU", "RELU6", "RELU_N1_TO_1")
ALL_INT8 = np.arange(-128, 128).astype(np.int8)


def output_scale(name: str, a: float, b: float, factor: float) -> float:
    return a * b * factor * 30 if name == "MUL" else max(a, b) * factor


@pytest.mark.parametrize("name", OPS)
def test_every_pair_of_int8_values(name: str) -> None:
    rng = np.random.default_rng(OPS.index(name))
    cases = OpCases()
    for activation in ACTIVATIONS:
        for factor in (0.4, 1.0, 3.7):
            scales = [float(np.float32(10.0 ** rng.uniform(-3, -0.3))) for _ in range(2)]
            zeros = [int(z) for z in rng.integers(-128, 128, 3)]
            scales.append(output_scale(name, *scales, factor))
            quant = [{"scale": s, "zero_point": z} for s, z in zip(scales, zeros, strict=True)]
            a = cases.input((256, 1), values=ALL_INT8.reshape(256, 1), **quant[0])
            b = cases.input((1, 256), values=ALL_INT8.reshape(1, 256), **quant[1])
            y = cases.output((256, 256), **quant[2])
            cases.op(name, [a, b], [y], fused_activation_function=activation)
    cases.check(rounds=1)


@st.composite
def broadcasts(draw: st.DrawFn) -> dict[str, Any]:
    full = draw(shapes(0, 4))
    sides = []
    for _ in range(2):
        lead = draw(st.integers(0, len(full)))
        sides.append(tuple(1 if draw(st.booleans()) else d for d in full[lead:]))
    return {
        "name": draw(st.sampled_from(OPS)),
        "dtype": draw(st.sampled_from(("int8", "float32"))),
        "a": full if draw(st.booleans()) else sides[0],
        "b": sides[1],
        "constant": draw(st.sampled_from((None, "a", "b"))),
        "swap": draw(st.booleans()),
        "activation": draw(st.sampled_from(ACTIVATIONS)),
        "scales": draw(st.tuples(SCALES, SCALES, st.floats(0.3, 3.0))),
        "zeros": draw(st.tuples(ZERO_POINTS, ZERO_POINTS, ZERO_POINTS)),
    }


def add_case(cases: OpCases, case: dict[str, Any], rng: np.random.Generator) -> None:
    shape_of = {"a": case["a"], "b": case["b"]}
    if case["swap"]:
        shape_of = {"a": case["b"], "b": case["a"]}
    quant: list[dict[str, Any]] = [{}, {}, {}]
    if case["dtype"] == "int8":
        a, b, factor = case["scales"]
        scales = (a, b, output_scale(case["name"], a, b, factor))
        quant = [{"scale": s, "zero_point": z} for s, z in zip(scales, case["zeros"], strict=True)]
    operands = []
    for key, q in zip("ab", quant[:2], strict=True):
        if case["constant"] == key:
            data = rng.integers(-100, 100, shape_of[key]).astype(case["dtype"])
            operands.append(cases.builder.tensor(shape_of[key], case["dtype"], data=data, **q))
        else:
            operands.append(cases.input(shape_of[key], case["dtype"], **q))
    result = np.broadcast_shapes(case["a"], case["b"])
    y = cases.output(result, case["dtype"], **quant[2])
    cases.op(case["name"], operands, [y], fused_activation_function=case["activation"])


@settings(max_examples=12)
@given(drawn=st.lists(broadcasts(), min_size=12, max_size=12))
def test_broadcasting(drawn: list[dict[str, Any]]) -> None:
    cases = OpCases()
    rng = np.random.default_rng(7)
    for case in drawn:
        add_case(cases, case, rng)
    cases.check()


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_five_dimensions(dtype: str) -> None:
    q: dict[str, Any] = {"scale": 0.1, "zero_point": 3} if dtype == "int8" else {}
    cases = OpCases()
    a = cases.input((2, 1, 3, 1, 4), dtype, **q)
    b = cases.input((1, 5, 1, 2, 1), dtype, **q)
    cases.op("ADD", [a, b], [cases.output((2, 5, 3, 2, 4), dtype, **q)])
    cases.check()


@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_in_place_never_overwrites_what_is_still_needed(dtype: str) -> None:
    """x and the first sum are read again after ops that could have been done in their place."""
    q: dict[str, Any] = {"scale": 0.05, "zero_point": -4} if dtype == "int8" else {}
    b = ModelBuilder()
    x, y, first, product, last, doubled = (b.tensor((1, 4, 4, 3), dtype, **q) for _ in range(6))
    row = b.tensor((3,), dtype, data=np.array([1, -2, 3]), **q)
    b.op("ADD", [x, y], [first])
    b.op("MUL", [first, row], [product])
    b.op("SUB", [product, x], [last])
    b.op("ADD", [last, last], [doubled])
    assert_matches_reference(b.build([x, y], [first, doubled]))


def test_chain_runs_in_one_buffer() -> None:
    b = ModelBuilder()
    x, y, z = (b.tensor((16, 16), "float32") for _ in range(3))
    row = b.tensor((16,), "float32", data=np.arange(16))
    b.op("ADD", [x, row], [y])
    b.op("MUL", [row, y], [z])
    model = b.build([x], [z])
    assert engine("aot").sources(Model.parse(model, "chain")).plan.arena_bytes == 16 * 16 * 4
    assert_matches_reference(model)


def one_op(
    name: str = "ADD",
    a: tuple[int, ...] = (2, 3),
    b: tuple[int, ...] = (2, 3),
    y: tuple[int, ...] = (2, 3),
    dtypes: tuple[str, str, str] = ("int8", "int8", "int8"),
    scales: tuple[Any, Any, Any] = (0.1, 0.1, 0.1),
    **options: Any,
) -> bytes:
    builder = ModelBuilder()
    tensors = [
        builder.tensor(shape, dtype, scale=scale)
        for shape, dtype, scale in zip((a, b, y), dtypes, scales, strict=True)
    ]
    builder.op(name, tensors[:2], tensors[2:], **options)
    return builder.build(tensors[:2], tensors[2:])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtypes": ("uint8", "uint8", "uint8")}, ["uint8", "int8 or int16 or float32"]),
        ({"dtypes": ("int32", "int32", "int32")}, ["int32"]),
        ({"dtypes": ("int8", "float32", "int8")}, ["float32 and int8"]),
        ({"b": (4, 3)}, ["[4, 3]", "broadcast"]),
        ({"y": (1, 2, 3)}, ["[1, 2, 3]", "[2, 3]"]),
        ({"fused_activation_function": "TANH"}, ["TANH", "RELU6"]),
        ({"scales": (None, 0.1, 0.1)}, ["no scale"]),
        ({"scales": ([0.1, 0.2], 0.1, 0.1)}, ["several scales"]),
        ({"scales": (1.0, 0.1, 1e-7)}, ["output scale", "too small"]),
        ({"scales": (0.0, 0.1, 0.1)}, ["not positive"]),
        ({"name": "MUL", "scales": (1e30, 1e30, 0.1)}, ["ratio of scales of inf"]),
        ({"name": "MUL", "scales": (1e6, 1e6, 0.1)}, ["ratio of scales of 1e+13"]),
        ({"a": (1,) * 7, "y": (1,) * 5 + (2, 3)}, ["7 dimensions", "up to 6"]),
        ({"a": (0, 3), "y": (0, 3)}, ["no elements"]),
    ],
)
def test_refuses(change: dict[str, Any], words: list[str]) -> None:
    assert_refused(one_op(**change), change.get("name", "ADD"), *words)
