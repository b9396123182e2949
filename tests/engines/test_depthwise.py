from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hil.engines.registry import engine
from hil.errors import UnsupportedModel
from hil.tflite.model import Model
from hypothesis import given, settings

from tests.engines.conv_models import Conv, convolutions
from tests.support.host_model import assert_matches_reference
from tests.support.tflite_builder import ModelBuilder

BOUNDED = settings(max_examples=45)
PLAIN = Conv("DEPTHWISE_CONV_2D", "int8", out_c=5, activation="RELU")


@BOUNDED
@given(convolutions("DEPTHWISE_CONV_2D", "int8"))
def test_int8_equals_the_reference(conv: Conv) -> None:
    assert_matches_reference(conv.build(), 2)


@BOUNDED
@given(convolutions("DEPTHWISE_CONV_2D", "float32"))
def test_float32_is_within_tolerance(conv: Conv) -> None:
    assert_matches_reference(conv.build(), 2)


@pytest.mark.parametrize("dtype", ["int8", "float32"])
@pytest.mark.parametrize(
    "change",
    [
        {},
        {"stride": (2, 2)},
        {"stride": (1, 2), "width": 9},
        {"padding": "VALID", "width": 9, "height": 8},
        {"dilation": (2, 2), "width": 9, "height": 9},
        {"out_c": 15, "kernel": (2, 4)},
        {"height": 1, "width": 1, "batches": 2},
        {"in_c": 1, "out_c": 8},
    ],
)
def test_no_undefined_behaviour(dtype: str, change: dict[str, object]) -> None:
    conv = dataclasses.replace(PLAIN, dtype=dtype, **change)  # type: ignore[arg-type]
    assert_matches_reference(conv.build(), 1, sanitize=True)


def test_channels_that_do_not_divide_are_refused() -> None:
    b = ModelBuilder()
    x = b.tensor((1, 4, 4, 2), "int8", scale=0.1)
    w = b.tensor((1, 3, 3, 3), "int8", scale=0.1, data=np.ones((1, 3, 3, 3), np.int8))
    y = b.tensor((1, 4, 4, 3), "int8", scale=0.1)
    b.op("DEPTHWISE_CONV_2D", [x, w], [y], padding="SAME", depth_multiplier=1)
    with pytest.raises(UnsupportedModel, match=r"op 0 \(DEPTHWISE_CONV_2D\)"):
        engine("aot").sources(Model.parse(b.build([x], [y]), "m"))
