"""QUANTIZE and DEQUANTIZE of the aot engine against TFLite's reference kernels."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from tests.support.host_model import host_model
from tests.support.op_cases import OpCases, assert_refused
from tests.support.tflite_builder import ModelBuilder

BYTES = ("int8", "uint8")


def zero_point(dtype: str, rng: np.random.Generator) -> int:
    info = np.iinfo(dtype)
    return 0 if dtype == "int16" else int(rng.integers(info.min, info.max + 1))


def random_scale(rng: np.random.Generator) -> float:
    return float(np.float32(10.0 ** rng.uniform(-3, 0)))


def every_value(dtype: str) -> np.ndarray[Any, Any]:
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1).astype(dtype)


@pytest.mark.parametrize(("source", "target"), list(itertools.product(BYTES, BYTES)))
def test_every_8_bit_value_requantized(source: str, target: str) -> None:
    rng = np.random.default_rng(BYTES.index(source) * 2 + BYTES.index(target))
    cases = OpCases()
    for trial in range(30):
        scale_in, scale_out = random_scale(rng), random_scale(rng)
        if trial < 4:
            scale_out = scale_in * (1.0, 0.5, 2.0, 1.0)[trial]
        quant_in = {"scale": scale_in, "zero_point": zero_point(source, rng)}
        quant_out = {"scale": scale_out, "zero_point": zero_point(target, rng)}
        x = cases.input((256,), source, values=every_value(source), **quant_in)
        cases.op("QUANTIZE", [x], [cases.output((256,), target, **quant_out)])
    cases.check(rounds=1)


@pytest.mark.parametrize("target", [*BYTES, "int16"])
def test_float_to_integers(target: str) -> None:
    """Ties, neighbours of ties, saturation, and ordinary numbers."""
    rng = np.random.default_rng(5)
    cases = OpCases()
    for _ in range(12):
        scale = random_scale(rng)
        ties = (np.arange(-300, 300) + 0.5).astype(np.float32) * np.float32(scale)
        values = np.concatenate(
            [
                ties,
                np.nextafter(ties, np.float32(np.inf)),
                np.nextafter(ties, np.float32(-np.inf)),
                rng.normal(0, 100 * scale, 500).astype(np.float32),
                np.array([0.0, -0.0, 1e5, -1e5, 1e-30], dtype=np.float32),
                np.array([1e9, -1e9, 1.2e9, -1.2e9, 2.1e9, -2.1e9], np.float32) * np.float32(scale),
            ]
        )
        x = cases.input(values.shape, "float32", values=values)
        quant = {"scale": scale, "zero_point": zero_point(target, rng)}
        cases.op("QUANTIZE", [x], [cases.output(values.shape, target, **quant)])
    cases.check(rounds=1)


def test_float_beyond_int32_saturates() -> None:
    """Where the reference kernel's cast is undefined; NaN becomes the zero point."""
    b = ModelBuilder()
    x, y = b.tensor((5,), "float32"), b.tensor((5,), scale=0.5, zero_point=7)
    b.op("QUANTIZE", [x], [y])
    values = np.array([3e38, -3e38, np.inf, -np.inf, np.nan], dtype=np.float32)
    (got,) = host_model(b.build([x], [y])).run([values])
    assert got.tolist() == [127, -128, 127, -128, 7]


@pytest.mark.parametrize("source", [*BYTES, "int16"])
def test_integers_to_float(source: str) -> None:
    rng = np.random.default_rng(6)
    cases = OpCases()
    values = every_value(source)
    for _ in range(5):
        quant = {"scale": random_scale(rng), "zero_point": zero_point(source, rng)}
        x = cases.input(values.shape, source, values=values, **quant)
        cases.op("DEQUANTIZE", [x], [cases.output(values.shape, "float32")])
    cases.check(rounds=1)


def refuses(name: str, source: str, target: str, *words: str, **change: Any) -> None:
    b = ModelBuilder()
    scale = change.get("scale", 0.1)
    x = b.tensor((4,), source, scale=scale if source != "float32" else None)
    y = b.tensor(change.get("shape", (4,)), target, scale=scale if target != "float32" else None)
    b.op(name, [x], [y])
    assert_refused(b.build([x], [y]), name, *words)


def test_refuses() -> None:
    refuses("QUANTIZE", "float32", "int32", "float32 to int32", "int16")
    refuses("QUANTIZE", "int16", "uint8", "int16 to uint8")
    refuses("QUANTIZE", "int32", "uint8", "int32 to uint8")
    refuses("QUANTIZE", "float32", "int8", "no scale", scale=None)
    refuses("QUANTIZE", "float32", "int8", "several scales", scale=[0.1, 0.2, 0.3, 0.4])
    refuses("QUANTIZE", "float32", "int8", "[5]", shape=(5,))
    refuses("DEQUANTIZE", "float16", "float32", "float16")
    refuses("DEQUANTIZE", "int32", "float32", "int32 to float32")
    refuses("DEQUANTIZE", "int8", "float32", "no scale", scale=None)


@pytest.mark.parametrize(
    ("source", "target"), [("int16", "int32"), ("int32", "int16"), ("int32", "int8")]
)
def test_32_bits_requantized(source: str, target: str) -> None:
    rng = np.random.default_rng(7)
    cases = OpCases()
    values = np.unique(
        np.concatenate([rng.integers(-30_000, 30_000, 400), np.arange(-200, 200)])
    ).astype(source)
    for _ in range(6):
        in_scale = random_scale(rng)
        zero = zero_point(target, rng) if target == "int8" else 0
        x = cases.input(values.shape, source, values=values, scale=in_scale)
        out_scale = in_scale * float(rng.uniform(0.5, 300.0))
        y = cases.output(values.shape, target, scale=out_scale, zero_point=zero)
        cases.op("QUANTIZE", [x], [y])
    cases.check(rounds=1)
