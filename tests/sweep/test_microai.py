"""examples/microai: the files are what the script writes, and the networks what the paper has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hil.tflite.model import Model

FOLDER = Path(__file__).resolve().parents[2] / "examples" / "microai"
MODELS = FOLDER / "models"


def test_the_script_writes_the_files_byte_by_byte(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, FOLDER / "generate.py", "--output", tmp_path],
        check=True,
        capture_output=True,
    )
    written = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    kept = {path.name: path.read_bytes() for path in MODELS.iterdir()}
    assert sorted(written) == sorted(kept)
    assert [name for name in kept if kept[name] != written[name]] == []


@pytest.mark.parametrize("filters", [16, 24, 32, 40, 48, 64, 80])
def test_the_parameters_are_the_papers(filters: int) -> None:
    graph = Model.read(MODELS / f"resnetv1-6_f{filters:02d}.tflite").graph
    floats = [t for t in graph.tensors if t.is_constant and t.dtype == "float32"]
    assert sum(t.elements for t in floats) == 13 * filters**2 + 39 * filters + 6
    assert all(np.any(t.data) for t in floats)
    assert [graph.tensors[i].shape for i in (*graph.inputs, *graph.outputs)] == [
        (1, 128, 9),
        (1, 6),
    ]


def test_the_ops_of_the_smallest() -> None:
    graph = Model.read(MODELS / "resnetv1-6_f16.tflite").graph
    assert [op.name for op in graph.ops] == [
        *("RESHAPE", "CONV_2D", "CONV_2D", "MAX_POOL_2D", "CONV_2D", "CONV_2D", "MAX_POOL_2D"),
        *("ADD", "CONV_2D", "CONV_2D", "ADD", "MAX_POOL_2D", "FULLY_CONNECTED"),
    ]
    assert graph.macs == 333_920


def test_the_samples_are_like_standardized_signals() -> None:
    samples = np.load(MODELS / "calibration.npy")
    assert (samples.shape, samples.dtype) == ((32, 128, 9), np.float32)
    assert abs(samples.mean()) < 0.02
    assert 0.9 < samples.std() < 1.1
