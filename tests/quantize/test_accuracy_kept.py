"""int8 against what others reach, and against the float model where there are labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil.quantization import quantize
from hil.records import VariantRequest
from hil.tflite.model import Model

from benchmarks.quantization import KINDS, PIXELS, compare
from tests.conftest import MODELS
from tests.support.hil import DIGITS

MOST_LOST = 0.005  # half a point of top-1


@pytest.mark.parametrize("name", PIXELS)
@pytest.mark.parametrize("kind", KINDS)
def test_as_near_to_the_float_model_as_the_int8_reference_model(name: str, kind: str) -> None:
    """20 samples here; benchmarks/quantization.py takes as many as one likes."""
    if not MODELS.is_dir():
        pytest.skip("no reference models beside the checkout")
    ours, given = compare(MODELS, name, kind, held_out=20)
    assert ours.top1 is not None
    assert given.top1 is not None
    assert ours.top1 >= given.top1


@pytest.mark.parametrize("scheme", ["int8", "int8-per-tensor", "int16x8", "dynamic", "q16"])
def test_digits_keep_their_accuracy(scheme: str, tmp_path: Path) -> None:
    """Calibrated with 60 images, judged by the other 300."""
    path = DIGITS / "digits_float32.tflite"
    samples = np.load(DIGITS / "digits_samples.npz")
    for name, part in (("own", slice(60)), ("others", slice(60, None))):
        np.savez(tmp_path / f"{name}.npz", x=samples["x"][part], y=samples["y"][part])
    request = VariantRequest(
        scheme,  # type: ignore[arg-type]
        str(tmp_path / "own.npz"),
        held_out=str(tmp_path / "others.npz"),
    )
    found = quantize(Model.read(path), request).variant.agreements[-1]
    assert found.samples == 300
    assert found.parent_accuracy is not None
    assert found.accuracy is not None
    assert found.parent_accuracy > 0.97
    assert found.parent_accuracy - found.accuracy <= MOST_LOST
