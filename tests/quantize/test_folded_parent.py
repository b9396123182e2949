"""Float models whose weights or shapes are computed from constants are quantized as they run."""

from __future__ import annotations

import numpy as np
import pytest
from hil.quantization import quantize
from hil.records import VariantRequest
from hil.tflite.model import Model

from tests.tflite.test_fold import computed_reshape, float16_model


def request(scheme: str) -> VariantRequest:
    return VariantRequest(scheme, "normal:4", calibration_samples=20)


@pytest.mark.parametrize("scheme", ["int8", "dynamic", "q16"])
def test_float16_weights(scheme: str) -> None:
    parent = Model.parse(float16_model(shape=(5, 64)), "halves")
    made = quantize(parent, request(scheme))
    assert made.variant.parent_sha256 == parent.sha256
    assert "float16" not in {tensor.dtype for tensor in made.model.graph.tensors}
    assert [op.name for op in made.model.graph.ops] == ["FULLY_CONNECTED"]
    assert np.isfinite(made.variant.agreements[0].sqnr_db)
    assert made.variant.agreements[0].sqnr_db > 25


def test_computed_shape() -> None:
    made = quantize(Model.parse(computed_reshape(), "flatten"), request("int8"))
    assert [op.name for op in made.model.graph.ops] == ["RELU", "RESHAPE"]
