"""Models of one fully connected op with the inputs and outputs of MLPerf Tiny's, and their data."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from hil import mlperf_tasks

from tests.support.tflite_builder import ModelBuilder

OUT_SCALE, OUT_ZERO_POINT = 0.125, -5


def task_model(model_id: str, dtype: str = "int8", seed: int = 0) -> bytes:
    """A model that takes what the task's data mean, and answers in as many values as it should."""
    task = mlperf_tasks.find(model_id)
    random = np.random.Generator(np.random.PCG64(seed))
    outputs = task.elements if task.scored else task.classes
    b = ModelBuilder()
    low = 128 if task.data == "uint8" else -task.zero_point
    given = {"scale": task.scale, "zero_point": -low} if dtype == "int8" else {}
    made = {"scale": OUT_SCALE, "zero_point": OUT_ZERO_POINT} if dtype == "int8" else {}
    x = b.tensor((1, task.elements), dtype, name="data", **given)
    if dtype == "int8":
        weights = random.integers(-127, 128, (outputs, task.elements)).astype(np.int8)
        w = b.tensor(weights.shape, dtype, scale=0.0005 / task.scale, data=weights)
    else:
        real = random.normal(0, 0.01, (outputs, task.elements)).astype(np.float32)
        w = b.tensor(real.shape, dtype, data=real)
    y = b.tensor((1, outputs), dtype, **made)
    b.op("FULLY_CONNECTED", [x, w, -1], [y])
    return b.build([x], [y])


def sent_data(model_id: str, seed: int = 0) -> bytes:
    """One load of random data of the task's type."""
    task = mlperf_tasks.find(model_id)
    random = np.random.Generator(np.random.PCG64(seed))
    if task.data == "float32":
        return bytes(random.normal(0, 5, task.elements).astype("<f4").tobytes())
    return random.integers(0, 256, task.elements, dtype=np.uint8).tobytes()


def write_data(root: Path, model_id: str, count: int, *, windows: int = 3, seed: int = 0) -> Path:
    """A data set in the runner's layout below ``root``; returns the folder of the task."""
    task = mlperf_tasks.find(model_id)
    folder = root / model_id
    folder.mkdir(parents=True)
    rows = []
    for at in range(count):
        parts = [sent_data(model_id, seed + 100 * at + one) for one in range(windows)]
        stride = task.sent_bytes if task.scored else 0
        (folder / f"item_{at}.bin").write_bytes(b"".join(parts) if task.scored else parts[0])
        label = at % task.classes
        rows.append(f"item_{at}.bin,{task.classes},{label}" + (f",{stride},{stride}" * task.scored))
    (folder / "y_labels.csv").write_text("\n".join(rows) + "\n", encoding="ascii")
    return folder
