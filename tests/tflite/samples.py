"""Models that the tests of this folder read: the committed examples and a small built one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.tflite_builder import ModelBuilder

REPOSITORY = Path(__file__).resolve().parents[2]
DIGITS = REPOSITORY / "examples" / "digits"
SHARED = REPOSITORY.parent / "shared" / "models"


def shared_model(name: str) -> Path:
    """Path of one of the MLPerf Tiny models; skips the test where they are not at hand."""
    path = SHARED / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"the MLPerf Tiny models are not in {SHARED}")
    return path


def conv_builder(**tensor_overrides: object) -> tuple[ModelBuilder, int, int]:
    """A convolution with per-channel weights and a RESHAPE; returns it with input and output."""
    rng = np.random.default_rng(3)
    b = ModelBuilder()
    x = b.tensor((1, 6, 6, 2), "int8", scale=0.05, zero_point=-3, name="image")
    weights = {
        "shape": (3, 3, 3, 2),
        "dtype": "int8",
        "scale": [0.01, 0.02, 0.03],
        "data": rng.integers(-127, 128, (3, 3, 3, 2)),
        "name": "weights",
        **tensor_overrides,
    }
    w = b.tensor(**weights)  # type: ignore[arg-type]
    bias = b.tensor((3,), "int32", scale=[0.0005, 0.001, 0.0015], data=[10, -20, 30], name="bias")
    y = b.tensor((1, 3, 3, 3), "int8", scale=0.1, zero_point=5, name="features")
    z = b.tensor((1, 27), "int8", scale=0.1, zero_point=5, name="flat")
    shape = b.tensor((2,), "int32", data=[1, 27], name="shape")
    b.op("CONV_2D", [x, w, bias], [y], version=3, padding="SAME", stride_h=2, stride_w=2)
    b.op("RESHAPE", [y, shape], [z], new_shape=[1, 27])
    return b, x, z


def conv_model(**tensor_overrides: object) -> bytes:
    """The bytes of :func:`conv_builder`'s model."""
    b, x, z = conv_builder(**tensor_overrides)
    return b.build([x], [z])
