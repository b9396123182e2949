"""The q16 reference against integers by hand, and against TFLite's int16x8 where both exist."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hil.errors import InputError, UnsupportedModel
from hil.tflite.fixed16 import Fixed16Reference, is_needed
from hil.tflite.host_reference import reference_for
from hil.tflite.model import Model
from hil.tflite.reader import parse_model
from hil.tflite.reference import Reference
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import conv_model

Array = np.ndarray[Any, Any]


def model(
    name: str,
    x_shape: tuple[int, ...],
    weights: Array,
    y_shape: tuple[int, ...],
    *,
    bits: tuple[int, int, int] = (8, 12, 6),
    bias: Array | None = None,
    dtype: str = "int16",
    **options: Any,
) -> bytes:
    """One op; ``bits`` are the fraction bits of input, weights and output."""
    b = ModelBuilder()
    n_x, n_w, n_y = bits
    x = b.tensor(x_shape, "int16", scale=2.0**-n_x)
    w = b.tensor(weights.shape, dtype, scale=2.0**-n_w, data=weights)
    inputs = [x, w]
    if bias is not None:
        inputs.append(b.tensor(bias.shape, "int64", scale=2.0 ** -(n_x + n_w), data=bias))
    y = b.tensor(y_shape, "int16", scale=2.0**-n_y)
    b.op(name, inputs, [y], version=4, **options)
    return b.build([x], [y])


def ours(data: bytes, x: Array) -> Array:
    graph = parse_model(data, "m")
    assert is_needed(graph)
    assert graph.dtype == "int16"
    (y,) = reference_for(Model(data, graph)).run([x])
    return y


def finished(acc: int, k: int, low: int = -32768, high: int = 32767) -> int:
    """The definition, in Python's unbounded integers."""
    return min(max((acc + (1 << (k - 1))) >> k if k > 0 else acc << -k, low), high)


def by_hand(x: Array, weights: Array, bias: Array, k: int, y_shape: tuple[int, ...]) -> Array:
    """CONV_2D, VALID, stride 1, one number at a time."""
    y = np.zeros(y_shape, np.int16)
    channels, kernel_h, kernel_w, depth = weights.shape
    for i, j, c in itertools.product(range(y_shape[1]), range(y_shape[2]), range(channels)):
        acc = int(bias[c])
        for a, b, d in itertools.product(range(kernel_h), range(kernel_w), range(depth)):
            acc += int(x[0, i + a, j + b, d]) * int(weights[c, a, b, d])
        y[0, i, j, c] = finished(acc, k)
    return y


def integers(rng: np.random.Generator, shape: tuple[int, ...], limit: int = 32768) -> Array:
    return rng.integers(-limit, limit, shape).astype(np.int16)


@pytest.mark.parametrize("bits", [(14, 14, 6), (8, 15, 0), (3, 4, 6), (3, 4, 7), (3, 4, 9)])
def test_convolution_by_hand(bits: tuple[int, int, int]) -> None:
    rng = np.random.default_rng(sum(bits))
    limit = 9 if bits[0] == 3 else 32768  # shifts to the left shall not saturate everything
    x, weights = integers(rng, (1, 5, 4, 3), limit), integers(rng, (2, 3, 2, 3), limit)
    bias = rng.integers(-(2**34), 2**34, 2) if limit > 9 else rng.integers(-9, 9, 2)
    data = model("CONV_2D", (1, 5, 4, 3), weights, (1, 3, 3, 2), bits=bits, bias=bias)
    k = bits[0] + bits[1] - bits[2]
    want = by_hand(x, weights, bias, k, (1, 3, 3, 2))
    assert len(np.unique(np.abs(want.astype(int)))) > 5
    np.testing.assert_array_equal(ours(data, x), want)


@pytest.mark.parametrize(("last", "want"), [(-1, 0), (0, 1)])
def test_sums_are_exact_to_the_last_bit(last: int, want: int) -> None:
    """A million products of 2**30 and a small one; the bias takes the sum to half a step."""
    depth = 1 << 20
    weights, x = (np.full((1, depth), -32768, np.int16) for _ in range(2))
    weights[0, -1], x[0, -1] = -1, -32767
    products, half = (depth - 1) * (1 << 30) + 32767, 1 << 35
    data = model(
        "FULLY_CONNECTED",
        (1, depth),
        weights,
        (1, 1),
        bits=(20, 20, 4),
        bias=np.array([half + last - products]),
    )
    assert ours(data, x).tolist() == [[want]]


@settings(max_examples=60)
@given(st.integers(-(2**45), 2**45), st.integers(-5, 45))
def test_rounding_of_any_sum(acc: int, k: int) -> None:
    """The bias alone is the sum: an input of zeros."""
    data = model(
        "FULLY_CONNECTED",
        (1, 1),
        np.array([[1]]),
        (1, 1),
        bits=(20, 20, 40 - k),
        bias=np.array([acc]),
    )
    assert ours(data, np.zeros((1, 1), np.int16))[0, 0] == finished(acc, k)


@pytest.mark.parametrize(
    ("activation", "want"),
    [
        ("NONE", [-32768, -64, 0, 63, 384, 32767]),
        ("RELU", [0, 0, 0, 63, 384, 32767]),
        ("RELU6", [0, 0, 0, 63, 384, 384]),
        ("RELU_N1_TO_1", [-64, -64, 0, 63, 64, 64]),
    ],
)
def test_fused_activations_clamp_in_the_output_format(activation: str, want: list[int]) -> None:
    """6 fraction bits: 1 is 64, 6 is 384."""
    data = model(
        "FULLY_CONNECTED",
        (6, 1),
        np.array([[2]]),
        (6, 1),
        bits=(6, 1, 6),
        fused_activation_function=activation,
    )
    x = np.array([[-32768], [-64], [0], [63], [384], [32767]], np.int16)
    assert ours(data, x).ravel().tolist() == want


CONV_CASES = [
    ("SAME", 1, 1, 1),
    ("SAME", 2, 1, 1),
    ("VALID", 2, 1, 1),
    ("SAME", 1, 2, 1),
    ("VALID", 1, 2, 1),
    ("SAME", 2, 1, 2),
]


def out_size(size: int, kernel: int, padding: str, stride: int, dilation: int) -> int:
    reach = dilation * (kernel - 1) + 1
    return -(-size // stride) if padding == "SAME" else (size - reach) // stride + 1


@pytest.mark.parametrize("activation", ["NONE", "RELU6"])
@pytest.mark.parametrize("case", CONV_CASES)
@pytest.mark.parametrize("name", ["CONV_2D", "DEPTHWISE_CONV_2D"])
def test_equal_to_int16x8_of_tflite_where_weights_fit_int8(
    name: str, case: tuple[str, int, int, int], activation: str
) -> None:
    """``case``: padding, stride, dilation, groups (for depthwise: depth multiplier)."""
    padding, stride, dilation, groups = case
    rng = np.random.default_rng(len(name) + stride + 10 * dilation)
    in_depth, out_depth = 4, 4 * groups
    depthwise = name == "DEPTHWISE_CONV_2D"
    shape = (1, 3, 2, out_depth) if depthwise else (out_depth, 3, 2, in_depth // groups)
    weights = rng.integers(-128, 128, shape)
    x = integers(rng, (1, 7, 6, in_depth), 2000)
    sizes = [out_size(size, kernel, padding, stride, dilation) for size, kernel in ((7, 3), (6, 2))]
    options: dict[str, Any] = {
        "padding": padding,
        "stride_h": stride,
        "stride_w": stride,
        "dilation_h_factor": dilation,
        "dilation_w_factor": dilation,
        "fused_activation_function": activation,
    }
    if depthwise:
        options["depth_multiplier"] = groups
    common: dict[str, Any] = {"bias": rng.integers(-(2**17), 2**17, out_depth), **options}
    y_shape = (1, *sizes, out_depth)
    wide = model(name, x.shape, weights, y_shape, bits=(8, 8, 11), **common)
    narrow = model(name, x.shape, weights, y_shape, bits=(8, 8, 11), dtype="int8", **common)
    (want,) = Reference(Model.parse(narrow, "m")).run([x])
    np.testing.assert_array_equal(ours(wide, x), want)
    assert len(np.unique(want)) > 8


def test_fully_connected_equals_int16x8_of_tflite() -> None:
    rng = np.random.default_rng(5)
    weights, x = rng.integers(-128, 128, (7, 33)), integers(rng, (2, 33))
    bias = rng.integers(-(2**20), 2**20, 7)
    args = ("FULLY_CONNECTED", (2, 33), weights, (2, 7))
    narrow = model(*args, bits=(10, 7, 6), bias=bias, dtype="int8")
    (want,) = Reference(Model.parse(narrow, "m")).run([x])
    np.testing.assert_array_equal(ours(model(*args, bits=(10, 7, 6), bias=bias), x), want)


def residual() -> ModelBuilder:
    """x (0) to a convolution (3), ADD with x (4), RESHAPE (6), fully connected (8), SOFTMAX (9)."""
    rng = np.random.default_rng(1)
    b = ModelBuilder()
    x = b.tensor((1, 2, 2, 2), "int16", scale=2.0**-10)
    w = b.tensor((2, 1, 1, 2), "int16", scale=2.0**-14, data=integers(rng, (2, 1, 1, 2)))
    c = b.tensor((2,), "int64", scale=2.0**-24, data=[2**22, -(2**22)])
    y = b.tensor((1, 2, 2, 2), "int16", scale=2.0**-11)
    total = b.tensor((1, 2, 2, 2), "int16", scale=2.0**-9)
    shape = b.tensor((2,), "int32", data=[1, 8])
    flat = b.tensor((1, 8), "int16", scale=2.0**-9)
    w2 = b.tensor((3, 8), "int16", scale=2.0**-15, data=integers(rng, (3, 8)))
    z = b.tensor((1, 3), "int16", scale=2.0**-10)
    p = b.tensor((1, 3), "int16", scale=2.0**-15)
    b.op("CONV_2D", [x, w, c], [y])
    b.op("ADD", [y, x], [total], version=3, pot_scale_int16=False)
    b.op("RESHAPE", [total, shape], [flat], new_shape=[1, 8])
    b.op("FULLY_CONNECTED", [flat, w2, -1], [z])
    b.op("SOFTMAX", [z], [p], version=3)
    return b


def test_a_residual_net_with_every_tensor_at_hand() -> None:
    data = residual().build([0], [9, 4])
    graph = parse_model(data, "residual")
    reference = reference_for(Model(data, graph))
    x = integers(np.random.default_rng(2), (1, 2, 2, 2), 2000)
    probabilities, total = reference.run([x])
    conv, flat, logits = (reference.tensor(index) for index in (3, 6, 8))
    # y has 11 fraction bits and x 10; their sum 9, rounded to nearest.
    exact = (conv.astype(float) / 2**11 + x / 2**10) * 2**9
    assert np.abs(total - exact).max() <= 0.5
    np.testing.assert_array_equal(flat.ravel(), total.ravel())
    w2 = np.asarray(graph.tensors[7].data, object)
    sums = w2 @ flat.ravel().astype(object)
    assert logits.ravel().tolist() == [finished(int(acc), 14) for acc in sums]
    soft = np.exp(logits / 2**10) / np.exp(logits / 2**10).sum()
    np.testing.assert_allclose(probabilities / 2**15, soft, atol=2**-11)
    np.testing.assert_array_equal(reference.tensor(0), x)
    np.testing.assert_array_equal(reference.tensor(1), graph.tensors[1].data)
    assert reference.version.startswith("hil q16 reference 1 with ")
    assert reference.version.endswith("BUILTIN_REF")


def test_what_is_handed_out_is_a_copy() -> None:
    data = residual().build([0], [9])
    reference = Fixed16Reference(parse_model(data, "residual"))
    x = np.full((1, 2, 2, 2), 100, np.int16)
    (first,) = reference.run([x])
    kept = first.copy()
    first[:] = 0
    x[:] = 0
    reference.tensor(4)[:] = 0
    assert reference.tensor(0).all()
    assert reference.tensor(4).any()
    np.testing.assert_array_equal(reference.tensor(9), kept)


def test_inputs_are_checked_as_tflite_checks_them() -> None:
    data = residual().build([0], [9])
    reference = Fixed16Reference(parse_model(data, "residual"))
    good = np.zeros((1, 2, 2, 2), np.int16)
    for bad in ([], [good, good], [good.astype(np.int8)], [good[0]]):
        with pytest.raises(InputError, match=r"inputs|must be int16 of shape \(1, 2, 2, 2\)"):
            reference.run(bad)
    with pytest.raises(InputError, match="tensor 3 has no data"):
        reference.tensor(3)
    with pytest.raises(InputError, match="tensor -1 has no data"):
        reference.tensor(-1)


def test_other_models_stay_with_tflite() -> None:
    data = conv_model()
    assert isinstance(reference_for(Model.parse(data, "conv")), Reference)
    narrow = model("FULLY_CONNECTED", (1, 4), np.ones((2, 4), int), (1, 2), dtype="int8")
    assert isinstance(reference_for(Model.parse(narrow, "m")), Reference)


def refused(data: bytes) -> str:
    with pytest.raises(UnsupportedModel) as caught:
        reference_for(Model.parse(data, "m"))
    assert "op 0 (" in caught.value.message
    return caught.value.message + " / " + caught.value.hint


def odd(**changes: Any) -> bytes:
    """A FULLY_CONNECTED, 4 to 2, with something about its tensors changed."""
    b = ModelBuilder()
    plain: dict[str, dict[str, Any]] = {
        "x": {"shape": (1, 4), "dtype": "int16", "scale": 2.0**-8},
        "w": {"shape": (2, 4), "dtype": "int16", "scale": 2.0**-9, "data": np.ones((2, 4), int)},
        "c": {"shape": (2,), "dtype": "int64", "scale": 2.0**-17, "data": [1, 2]},
        "y": {"shape": (1, 2), "dtype": "int16", "scale": 2.0**-6},
    }
    options = changes.pop("options", {})
    x, w, c, y = (b.tensor(**{**plain[key], **changes.get(key, {})}) for key in plain)
    b.op("FULLY_CONNECTED", [x, w, c], [y], **options)
    return b.build([x], [y])


def test_the_plain_one_is_not_refused() -> None:
    x = np.array([[256, 256, 256, 256]], np.int16)
    # 4 * 1.0 * 2**-9, and 2 * 2**-17: 0.0078 in steps of 2**-6 is 0.5, and the tie goes up.
    assert ours(odd(), x).tolist() == [[1, 1]]


def test_scales_that_are_no_powers_of_two_are_refused() -> None:
    for key in "xwy":
        text = refused(odd(**{key: {"scale": 0.3}}))
        assert "0.3" in text
        assert "no power of two" in text
        assert "int16x8" in text


def test_scales_per_channel_and_zero_points_are_refused() -> None:
    assert "several or no scales" in refused(odd(w={"scale": [0.5, 0.25]}))
    assert "several or no scales" in refused(odd(y={"scale": None}))
    assert "zero point" in refused(odd(x={"zero_point": 3}))


def test_odd_biases_are_refused() -> None:
    assert "int32 bias" in refused(odd(c={"dtype": "int32"}))
    assert "another scale" in refused(odd(c={"scale": 2.0**-16}))
    assert "beyond 2**61" in refused(odd(c={"data": [0, -(2**62)]}))
    assert "do not belong together" in refused(odd(c={"shape": (3,), "data": [1, 2, 3]}))


def test_odd_dtypes_options_and_shapes_are_refused() -> None:
    assert "int8 tensor" in refused(odd(y={"dtype": "int8"}))
    assert "TANH" in refused(odd(options={"fused_activation_function": "TANH"}))
    assert "do not belong together" in refused(odd(y={"shape": (1, 3)}))
    conv = np.ones((2, 1, 1, 3), np.int16)
    for shapes in (((1, 4, 4, 4), (1, 4, 4, 2)), ((1, 4, 4, 3), (2, 4, 4, 2))):
        assert "do not belong together" in refused(model("CONV_2D", shapes[0], conv, shapes[1]))
    assert "an output of 5 where 4 follows" in refused(
        model("CONV_2D", (1, 4, 4, 3), conv, (1, 5, 4, 2))
    )
    assert "do not belong together" in refused(
        model("CONV_2D", (1, 4, 4, 3), conv, (1, 4, 4, 2), stride_h=0)
    )
