"""Ops without weights on int16 tensors against TFLite's reference kernels, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hil.engines.aot import tables16
from hil.engines.aot.quant import quantize_multiplier, requantize
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engines.conv_models import ACTIVATIONS
from tests.support.host_model import host_model
from tests.support.op_cases import SIDES, OpCases, assert_refused, shapes
from tests.support.tflite_builder import ModelBuilder

ALL_INT16 = np.arange(-32768, 32768).astype(np.int16)
EDGES = np.array([-32768, -32767, -16384, -129, -1, 0, 1, 2, 127, 16384, 32766, 32767], np.int16)
UNIT = 2**-15
BOUNDED = settings(max_examples=12)
SCALES = st.floats(-4.5, -1.0).map(lambda exponent: float(np.float32(10.0**exponent)))
ARITHMETIC = ("ADD", "SUB", "MUL")


def random_scale(rng: np.random.Generator, low: float = -5, high: float = -1) -> float:
    return float(np.float32(10.0 ** rng.uniform(low, high)))


@pytest.mark.parametrize("name", ARITHMETIC)
def test_arithmetic_on_edges_and_random_pairs(name: str) -> None:
    rng = np.random.default_rng(ARITHMETIC.index(name))
    values = np.concatenate([EDGES, rng.integers(-32768, 32768, 200).astype(np.int16)])
    cases = OpCases()
    for activation in ACTIVATIONS:
        for factor in (0.4, 1.0, 3.7):
            a_scale, b_scale = random_scale(rng), random_scale(rng)
            y_scale = max(a_scale, b_scale) * factor
            if name == "MUL":
                y_scale = a_scale * b_scale * factor * 9000
            a = cases.input((len(values), 1), "int16", values=values[:, None], scale=a_scale)
            b = cases.input((1, len(values)), "int16", values=values[None, :], scale=b_scale)
            y = cases.output((len(values), len(values)), "int16", scale=y_scale)
            cases.op(name, [a, b], [y], fused_activation_function=activation)
    cases.check(rounds=1)


@BOUNDED
@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from(ARITHMETIC),
            shapes(0, 4),
            SCALES,
            SCALES,
            st.floats(0.3, 3.0),
            st.booleans(),
            st.sampled_from(ACTIVATIONS),
        ),
        min_size=8,
        max_size=8,
    )
)
def test_arithmetic_of_one_shape_and_of_scalars(drawn: list[Any]) -> None:
    cases = OpCases()
    for name, shape, a_scale, b_scale, factor, scalar, activation in drawn:
        y_scale = max(a_scale, b_scale) * factor
        if name == "MUL":
            y_scale = a_scale * b_scale * factor * 9000
        a = cases.input(shape, "int16", scale=a_scale)
        b = cases.input((1,) * len(shape) if scalar else shape, "int16", scale=b_scale)
        y = cases.output(shape, "int16", scale=y_scale)
        cases.op(name, [a, b], [y], fused_activation_function=activation)
    cases.check()


@pytest.mark.parametrize("name", ["ADD", "SUB"])
@pytest.mark.parametrize("shifted", [0, 1])
def test_sums_of_powers_of_two(name: str, shifted: int) -> None:
    """The kernel that only shifts; on all pairs of the edges, so that both ends saturate."""
    a_values, b_values = (v.ravel() for v in np.meshgrid(EDGES, EDGES))
    cases = OpCases()
    for right in (0, 1, 2, 7, 14, 15):
        for activation in ACTIVATIONS:
            scales = [2.0**-9, 2.0**-9]
            scales[shifted] = 2.0 ** -(9 + right)
            operands = [
                cases.input(values.shape, "int16", values=values, scale=scale)
                for values, scale in zip((a_values, b_values), scales, strict=True)
            ]
            y = cases.output(a_values.shape, "int16", scale=2.0**-9)
            cases.op(name, operands, [y], fused_activation_function=activation)
    cases.check(rounds=1)


@pytest.mark.parametrize("name", ["ADD", "SUB"])
def test_sums_of_any_powers_of_two_where_the_op_asks_for_the_general_kernel(name: str) -> None:
    cases = OpCases()
    for n_a, n_b, n_y in ((9, 9, 8), (3, 12, 10), (12, 3, 3), (9, 9, 11)):
        a = cases.input((3, 40), "int16", scale=2.0**-n_a)
        b = cases.input((1, 40), "int16", scale=2.0**-n_b)
        y = cases.output((3, 40), "int16", scale=2.0**-n_y)
        cases.op(name, [a, b], [y], pot_scale_int16=False)
    cases.check()


@BOUNDED
@given(
    drawn=st.lists(
        st.tuples(
            st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]),
            st.tuples(SIDES, SIDES),
            st.tuples(SIDES, SIDES, SIDES),
            st.tuples(st.integers(1, 3), st.integers(1, 3)),
            st.sampled_from(["SAME", "VALID"]),
            st.sampled_from(ACTIVATIONS),
        ),
        min_size=6,
        max_size=6,
    )
)
def test_pools(drawn: list[Any]) -> None:
    cases = OpCases()
    for name, kernel, (rows, columns, channels), stride, padding, activation in drawn:
        sides = (kernel[0] + rows, kernel[1] + columns)
        sizes = [
            -(-size // s) if padding == "SAME" else (size - k) // s + 1
            for size, k, s in zip(sides, kernel, stride, strict=True)
        ]
        x = cases.input((2, *sides, channels), "int16", scale=0.0006)
        y = cases.output((2, *sizes, channels), "int16", scale=0.0006)
        cases.op(
            name,
            [x],
            [y],
            padding=padding,
            filter_height=kernel[0],
            filter_width=kernel[1],
            stride_h=stride[0],
            stride_w=stride[1],
            fused_activation_function=activation,
        )
    cases.check()


@pytest.mark.parametrize("axes", [[0], [1, 2], [-1], [0, 1, 2, 3]])
def test_means(axes: list[int]) -> None:
    rng = np.random.default_rng(5)
    cases = OpCases()
    for side in (1, 3, 8, 24):
        for same in (True, False):
            shape = (2, side, side + 1, 5)
            gone = {a % 4 for a in axes}
            out = tuple(n for d, n in enumerate(shape) if d not in gone)
            scale = random_scale(rng)
            x = cases.input(shape, "int16", scale=scale)
            y = cases.output(out, "int16", scale=scale if same else scale * rng.uniform(0.2, 2))
            cases.op("MEAN", [x, cases.ints(axes)], [y], keep_dims=False)
    cases.check()


@pytest.mark.parametrize("name", ["RELU", "RELU6", "LEAKY_RELU"])
def test_rectifiers_on_every_value(name: str) -> None:
    rng = np.random.default_rng(2)
    cases = OpCases()
    for _ in range(6):
        alpha = {"alpha": float(rng.uniform(-1, 1.5))} if name == "LEAKY_RELU" else {}
        scale = random_scale(rng)
        x = cases.input(ALL_INT16.shape, "int16", values=ALL_INT16, scale=scale)
        y = cases.output(ALL_INT16.shape, "int16", scale=scale * float(rng.uniform(0.3, 4)))
        cases.op(name, [x], [y], **alpha)
    cases.check(rounds=1)


@pytest.mark.parametrize("name", ["LOGISTIC", "TANH"])
def test_sigmoids_on_every_value(name: str) -> None:
    """Scales of 2**-12 and 2**-11 have ways of their own, and so has what is almost 2**-12."""
    cases = OpCases()
    for scale in (
        2**-12,
        2**-11,
        2**-10,
        2**-14,
        2**-12 * 1.0005,
        1e-6,
        3e-4,
        0.002,
        0.07,
        2.0,
        5.0,
    ):
        x = cases.input(ALL_INT16.shape, "int16", values=ALL_INT16, scale=scale)
        cases.op(name, [x], [cases.output(ALL_INT16.shape, "int16", scale=UNIT)])
    cases.check(rounds=1)


def test_sigmoid_table_has_known_ends_and_middle() -> None:
    table = tables16.sigmoid()
    assert (table[0], table[24], table[255]) == (32768, 47911, 65535)
    assert (np.diff(table.astype(np.int64)) >= 0).all()


def test_softmax_of_two_at_every_distance() -> None:
    values = np.full((65536, 2), 32767, np.int16)
    values[:, 1] = ALL_INT16
    cases = OpCases()
    for scale, beta in ((1e-4, 1.0), (10 / 65535, 1.0), (0.0007, 2.5), (0.01, 0.3)):
        x = cases.input(values.shape, "int16", values=values, scale=scale)
        cases.op("SOFTMAX", [x], [cases.output(values.shape, "int16", scale=UNIT)], beta=beta)
    cases.check(rounds=1)


@BOUNDED
@given(
    drawn=st.lists(
        st.tuples(shapes(0, 3), SIDES, SIDES, st.floats(0.125, 4.0, width=32), SCALES),
        min_size=6,
        max_size=6,
    )
)
def test_softmax_of_rows(drawn: list[Any]) -> None:
    cases = OpCases()
    for lead, a, b, beta, scale in drawn:
        shape = (*lead, a * b)
        x = cases.input(shape, "int16", scale=scale)
        cases.op("SOFTMAX", [x], [cases.output(shape, "int16", scale=UNIT)], beta=beta)
    x = cases.input((2, 1000), "int16", scale=1e-5)
    cases.op("SOFTMAX", [x], [cases.output((2, 1000), "int16", scale=UNIT)])
    cases.check()


@pytest.mark.parametrize("target", ["int16", "int8"])
def test_quantize_from_int16(target: str) -> None:
    rng = np.random.default_rng(4)
    cases = OpCases()
    for ratio in (1e-3, 0.3, 0.5, 1.0, 1.7, 256.0):
        scale = random_scale(rng)
        zero = 0 if target == "int16" else int(rng.integers(-128, 128))
        x = cases.input(ALL_INT16.shape, "int16", values=ALL_INT16, scale=scale)
        y = cases.output(ALL_INT16.shape, target, scale=scale / ratio, zero_point=zero)
        cases.op("QUANTIZE", [x], [y])
    cases.check(rounds=1)


@pytest.mark.parametrize("source", ["int8", "uint8"])
def test_quantize_to_int16_equals_the_arithmetic_of_all_requantizations(source: str) -> None:
    """tflite-runtime's kernel has no such output; LiteRT's computes what it computes from int16."""
    info = np.iinfo(source)
    values = np.arange(info.min, info.max + 1).astype(source)
    for in_scale, out_scale in ((0.01, 0.00007), (0.02, 0.02), (0.01, 0.3), (1.0, 2**-15)):
        b = ModelBuilder()
        x = b.tensor(values.shape, source, scale=in_scale, zero_point=7)
        y = b.tensor(values.shape, "int16", scale=out_scale)
        b.op("QUANTIZE", [x], [y])
        (got,) = host_model(b.build([x], [y]), sanitize=True).run([values])
        ratio = float(np.float32(in_scale)) / float(np.float32(out_scale))
        want = [requantize(int(v) - 7, *quantize_multiplier(ratio)) for v in values]
        np.testing.assert_array_equal(got, np.clip(want, -32768, 32767))


def test_data_movement() -> None:
    """Every op that only moves elements, on elements of two bytes."""
    q: dict[str, Any] = {"scale": 0.002}
    cases = OpCases()

    def op(name: str, shape: tuple[int, ...], *constants: int, **options: Any) -> None:
        x = cases.input((2, 3, 4, 5), "int16", **q)
        cases.op(name, [x, *constants], [cases.output(shape, "int16", **q)], **options)

    op("RESHAPE", (6, 20), cases.ints([6, 20]))
    op("PAD", (2, 5, 5, 5), cases.ints([[0, 0], [1, 1], [0, 1], [0, 0]]))
    op("PAD", (3, 3, 4, 7), cases.ints([[0, 1], [0, 0], [0, 0], [2, 0]]))
    op("TRANSPOSE", (2, 5, 4, 3), cases.ints([0, 3, 2, 1]))
    op(
        "STRIDED_SLICE",
        (2, 2, 2, 5),
        *(cases.ints(v) for v in ([0, 0, 3, 0], [2, 3, 0, 5], [1, 2, -2, 1])),
    )
    op("RESIZE_NEAREST_NEIGHBOR", (2, 6, 8, 5), cases.ints([6, 8]))
    a, b = cases.input((2, 3), "int16", **q), cases.input((2, 4), "int16", **q)
    cases.op("CONCATENATION", [a, b], [cases.output((2, 7), "int16", **q)], axis=1)
    parts = [cases.output((2, 2), "int16", **q) for _ in range(2)]
    cases.op(
        "SPLIT", [cases.ints([1], "int32"), cases.input((2, 4), "int16", **q)], parts, num_splits=2
    )
    cases.check()


def refuses(name: str, scales: tuple[float, ...], *words: str, **change: Any) -> None:
    """The last scale is the output's."""
    b = ModelBuilder()
    zero = change.pop("zero_point", 0)
    shape = change.pop("shape", (4,))
    inputs = [b.tensor((4,), "int16", scale=s, zero_point=zero) for s in scales[:-1]]
    y = b.tensor(shape, change.pop("dtype_out", "int16"), scale=scales[-1])
    b.op(name, inputs, [y], **change)
    assert_refused(b.build(inputs, [y]), name, *words)


def test_refuses() -> None:
    refuses("RELU_N1_TO_1", (0.1, 0.1), "TensorFlow Lite has no kernel", "LEAKY_RELU")
    refuses("HARD_SWISH", (0.1, 0.1), "TensorFlow Lite has no kernel")
    refuses("LOGISTIC", (0.1, 0.1), "1/32768")
    refuses("TANH", (6.0, UNIT), "input scale 6")
    refuses("SOFTMAX", (0.1, 0.1), "1/32768")
    refuses("RELU", (0.1, 0.1), "zero point", zero_point=3)
    refuses("SOFTMAX", (0.1, UNIT), "zero point", zero_point=3)
    refuses("ADD", (0.1, 0.1, 0.1), "zero point", zero_point=3)
    refuses("ADD", (0.5, 0.5, 0.25), "power-of-two", "pot_scale_int16")
    refuses("SUB", (0.25, 0.25, 0.5), "power-of-two", "pot_scale_int16")
    refuses("ADD", (2**-17, 0.5, 0.5), "power-of-two", "2**15")
    refuses("QUANTIZE", (0.1, 0.1), "int16 to uint8", dtype_out="uint8")


def test_broadcast_sum_of_powers_of_two_is_refused() -> None:
    b = ModelBuilder()
    a, c = b.tensor((2, 3), "int16", scale=0.5), b.tensor((1, 3), "int16", scale=0.5)
    y = b.tensor((2, 3), "int16", scale=0.5)
    b.op("ADD", [a, c], [y])
    assert_refused(b.build([a, c], [y]), "ADD", "broadcast", "pot_scale_int16")
