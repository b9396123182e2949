from __future__ import annotations

from dataclasses import dataclass, replace

import pytest
from hil.engines.registry import engine
from hil.errors import UnsupportedModel
from hil.tflite.model import Model
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.host_model import assert_matches_reference
from tests.support.tflite_builder import ModelBuilder

BOUNDED = settings(max_examples=30)


@dataclass(frozen=True)
class Pool:
    """One pooling op."""

    op: str
    dtype: str
    shape: tuple[int, int, int, int]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: str
    activation: str
    zero_point: int
    out_scale: float = 0.06

    def build(self) -> bytes:
        b = ModelBuilder()
        sizes = [
            -(-size // s) if self.padding == "SAME" else (size - k) // s + 1
            for size, k, s in zip(self.shape[1:3], self.kernel, self.stride, strict=True)
        ]
        quantized = self.dtype == "int8"
        zero = self.zero_point if quantized else None
        x = b.tensor(self.shape, self.dtype, scale=0.06 if quantized else None, zero_point=zero)
        y = b.tensor(
            (self.shape[0], *sizes, self.shape[3]),
            self.dtype,
            scale=self.out_scale if quantized else None,
            zero_point=zero,
        )
        b.op(
            self.op,
            [x],
            [y],
            version=2,
            padding=self.padding,
            filter_height=self.kernel[0],
            filter_width=self.kernel[1],
            stride_h=self.stride[0],
            stride_w=self.stride[1],
            fused_activation_function=self.activation,
        )
        return b.build([x], [y])


@st.composite
def pools(draw: st.DrawFn, dtype: str) -> Pool:
    kernel = draw(st.tuples(st.integers(1, 5), st.integers(1, 5)))
    height, width = (k + draw(st.integers(0, 6)) for k in kernel)
    return Pool(
        op=draw(st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"])),
        dtype=dtype,
        shape=(draw(st.integers(1, 2)), height, width, draw(st.integers(1, 9))),
        kernel=kernel,
        stride=draw(st.tuples(st.integers(1, 3), st.integers(1, 3))),
        padding=draw(st.sampled_from(["SAME", "VALID"])),
        activation=draw(st.sampled_from(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
        zero_point=draw(st.integers(-128, 127)),
    )


@BOUNDED
@given(pools("int8"))
def test_int8_equals_the_reference(pool: Pool) -> None:
    assert_matches_reference(pool.build(), 3)


@BOUNDED
@given(pools("float32"))
def test_float32_is_within_tolerance(pool: Pool) -> None:
    assert_matches_reference(pool.build(), 3)


SOME = Pool("AVERAGE_POOL_2D", "int8", (1, 5, 5, 3), (2, 2), (1, 1), "SAME", "NONE", -3)


@pytest.mark.parametrize("op", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize("dtype", ["int8", "float32"])
def test_no_undefined_behaviour(op: str, dtype: str) -> None:
    assert_matches_reference(replace(SOME, op=op, dtype=dtype).build(), 1, sanitize=True)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"out_scale": 0.05}, "quantization changes"),
        ({"kernel": (0, 1)}, "a filter of 0 x 1"),
        ({"activation": "TANH"}, "fused activation TANH"),
    ],
)
def test_what_is_not_supported_is_refused(change: dict[str, object], reason: str) -> None:
    model = replace(SOME, **change).build()  # type: ignore[arg-type]
    with pytest.raises(UnsupportedModel, match=reason):
        engine("aot").sources(Model.parse(model, "m"))
