from __future__ import annotations

import math

import numpy as np
import pytest
from hil.errors import InputError, UnsupportedModel, UsageError
from hil.quantization.ranges import Method, Ranges, TensorRange, calibrate
from hil.tflite.inputs import make_inputs
from hil.tflite.model import Model
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tests.support.tflite_builder import ModelBuilder
from tests.tflite.samples import DIGITS, conv_model


def passing_model(size: int) -> bytes:
    """A RELU over ``size`` floats: its input's range is that of the samples."""
    b = ModelBuilder()
    x, y = b.tensor((1, size), "float32", name="x"), b.tensor((1, size), "float32", name="y")
    b.op("RELU", [x], [y])
    return b.build([x], [y])


def ranges_of(samples: list[list[float]] | np.ndarray, method: str) -> TensorRange:
    rows = np.asarray(samples, np.float32)
    model = passing_model(rows.shape[1])
    return calibrate(Model.parse(model, "m"), [(row[np.newaxis],) for row in rows], method).tensors[
        0
    ]


def test_minmax_over_all_samples_and_tensors() -> None:
    model = passing_model(3)
    samples = [(np.array([row], np.float32),) for row in ([-4, 1, 2], [-1, 0, 7], [0, 0, 0])]
    ranges = calibrate(Model.parse(model, "m"), samples)
    assert ranges == Ranges(
        "minmax",
        3,
        {
            0: TensorRange(0, "x", minimum=-4, maximum=7, low=-4, high=7, clipped=0),
            1: TensorRange(1, "y", minimum=0, maximum=7, low=0, high=7, clipped=0),
        },
    )
    assert ranges.tensors[0].magnitude == 7


def test_percentile_by_hand() -> None:
    """Of the values 1 to 1000, 99 percent lie from 6 to 995."""
    values = np.arange(1, 1001).reshape(10, 100)
    found = ranges_of(values, "percentile:99")
    assert (found.minimum, found.maximum) == (1, 1000)
    assert 6 * (1 - 1 / 256) <= found.low <= 6
    assert 995 <= found.high <= 995 * (1 + 1 / 256)
    kept = np.sum((values >= found.low) & (values <= found.high))
    assert found.clipped == pytest.approx(1 - kept / 1000)
    assert 0.005 < found.clipped <= 0.01


def test_percentile_of_everything_is_minmax() -> None:
    found = ranges_of([[-3.3, 0.1], [2.7, 5.9]], "percentile:100")
    assert (found.low, found.high, found.clipped) == (np.float32(-3.3), np.float32(5.9), 0)


def test_moving_average_by_hand() -> None:
    found = ranges_of([[-1, 4], [-3, 8], [-5, 16]], "moving-average:0.5")
    assert (found.low, found.high) == (-3.5, 11)  # -1, -2, -3.5 and 4, 6, 11
    assert (found.minimum, found.maximum) == (-5, 16)
    assert found.clipped == 2 / 6  # -5 and 16
    assert ranges_of([[-1, 4], [-3, 8]], "moving-average").high == pytest.approx(4.2)  # A is 0.95


def test_a_constant_tensor_is_clipped_by_no_method() -> None:
    for method in ("minmax", "percentile:99", "moving-average:0.9"):
        found = ranges_of([[0.3, 0.3], [0.3, 0.3]], method)
        assert (found.low, found.clipped) == (pytest.approx(0.3), 0), method
        found = ranges_of([[0, -0.0], [0, 0]], method)
        assert (found.low, found.high, found.clipped) == (0, 0, 0), method
        assert math.copysign(1, found.low) == 1


finite = st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 4), st.just(7)), elements=finite),
    st.floats(50.5, 100),
)
def test_percentile_bounds_hold_for_any_values(rows: np.ndarray, percent: float) -> None:
    found = ranges_of(rows, f"percentile:{percent}")
    values = np.sort(rows.ravel().astype(np.float64))
    beyond = math.floor(values.size * (100 - percent) / 200)
    low, high = values[beyond], values[values.size - 1 - beyond]
    slack = 1 / 256 + 1e-7
    assert low - abs(low) * slack <= found.low <= low
    assert high <= found.high <= high + abs(high) * slack
    outside = np.sum((values < found.low) | (values > found.high))
    assert found.clipped == pytest.approx(outside / values.size)
    assert outside <= 2 * beyond
    assert values[0] <= found.low <= found.high <= values[-1]


@pytest.mark.parametrize("value", [1e-45, -1e-45, 1e-39, -1e-39])
def test_numbers_below_the_normal_ones(value: float) -> None:
    found = ranges_of([[value, value]], "percentile:99")
    assert (found.low, found.high, found.clipped) == (np.float32(value), np.float32(value), 0)


def test_digits_are_calibrated_with_progress_and_always_alike() -> None:
    path = DIGITS / "digits_float32.tflite"
    model = Model.read(path)
    graph = model.graph
    samples = make_inputs(str(DIGITS / "digits_samples.npz"), graph, 20)
    seen: list[tuple[int, int]] = []
    ranges = calibrate(model, samples, "percentile:99.9", lambda *at: seen.append(at))
    assert seen == [(n, 20) for n in range(1, 21)]
    assert list(ranges.tensors) == [
        t.index for t in graph.tensors if not t.is_constant and t.dtype == "float32"
    ]
    x = np.concatenate([sample[0] for sample in samples])
    image = ranges.tensors[graph.inputs[0]]
    assert (image.minimum, image.maximum) == (x.min(), x.max())
    assert any(t.clipped > 0 for t in ranges.tensors.values())
    assert all(t.clipped <= 0.001 for t in ranges.tensors.values())
    assert ranges == calibrate(model, samples, Method("percentile", 99.9))


@pytest.mark.parametrize(
    "text",
    ["", "maxmin", "minmax:3", "percentile:", "percentile:x", "percentile:50", "percentile:100.1"]
    + [f"{name}:{bad}" for name in ("percentile", "moving-average") for bad in ("nan", 101, -0.1)],
)
def test_methods_that_are_none(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        Method.parse(text)
    assert "minmax, percentile:P" in caught.value.hint


@pytest.mark.parametrize("text", ["minmax", "percentile:99.9", "moving-average:0.95"])
def test_a_method_is_written_as_it_is_read(text: str) -> None:
    assert str(Method.parse(text)) == text
    assert str(Method.parse(text.split(":")[0])) == text


def test_a_quantized_model_has_nothing_to_calibrate() -> None:
    model = conv_model()
    with pytest.raises(UnsupportedModel, match=r"no float activations.*it is int8"):
        calibrate(Model.parse(model, "conv"), [])


def test_no_samples() -> None:
    model = passing_model(2)
    with pytest.raises(InputError, match="no samples"):
        calibrate(Model.parse(model, "m"), [])


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_sample_that_is_not_finite_is_named(bad: float) -> None:
    for method in ("minmax", "percentile:99", "moving-average:0.9"):
        with pytest.raises(InputError, match="sample 1 makes the tensor 'x'"):
            ranges_of([[0, 1], [0, bad]], method)


def test_an_activation_that_overflows_is_named() -> None:
    b = ModelBuilder()
    x, y = (b.tensor((1, 2), "float32", name=name) for name in ("x", "power"))
    b.op("EXP", [x], [y])
    model = b.build([x], [y])
    with pytest.raises(InputError, match="sample 0 makes the tensor 'power'"):
        calibrate(Model.parse(model, "m"), [(np.full((1, 2), 1e3, np.float32),)])
