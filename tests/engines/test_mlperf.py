"""The MLPerf Tiny models, generated, run on the host and compared with the reference."""

from __future__ import annotations

from pathlib import Path

import pytest
from hil.engines.registry import engine
from hil.tflite.model import Model

from tests.support.host_model import assert_matches_reference

MODELS = Path(__file__).parents[3] / "shared" / "models"
TFLM_ARENA = {"vww_int8": (0.6, 100_708), "ic_int8": (0.9, 54_996), "kws_int8": (0.9, 22_820)}


def model_path(name: str) -> Path:
    path = MODELS / f"{name}.tflite"
    if not path.is_file():
        pytest.skip(f"the MLPerf Tiny model {path.name} is not beside the repository")
    return path


@pytest.mark.parametrize("name", ["ad_int8", "kws_int8", "ic_int8", "vww_int8"])
def test_int8_equals_the_reference(name: str) -> None:
    assert_matches_reference(model_path(name).read_bytes(), 3)


@pytest.mark.parametrize("name", ["ad_float32", "ic_float32", "vww_float32"])
def test_float32_is_within_tolerance(name: str) -> None:
    assert_matches_reference(model_path(name).read_bytes(), 1)


@pytest.mark.parametrize("name", sorted(TFLM_ARENA))
def test_arena_is_smaller_than_tflm_s(name: str) -> None:
    """TFLM with CMSIS-NN on the same models, measured in 2026-08; scratch is in both figures."""
    factor, tflm_bytes = TFLM_ARENA[name]
    sources = engine("aot").sources(Model.read(model_path(name)))
    assert sources.plan.arena_bytes <= factor * tflm_bytes


def test_dynamic_range_is_within_tolerance() -> None:
    assert_matches_reference(model_path("kws_hybrid").read_bytes(), 3)
