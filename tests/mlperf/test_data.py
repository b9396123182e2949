"""Data sets in the runner's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hil import mlperf_tasks
from hil.errors import InputError
from hil.mlperf.data import drawn, model_input, open_data
from hil.tflite.model import Model

from tests.support.mlperf_models import task_model, write_data

KWS, AD, IC = (mlperf_tasks.find(name) for name in ("kws01", "ad01", "ic01"))


def test_the_folder_of_a_task_is_found_in_that_of_all(tmp_path: Path) -> None:
    folder = write_data(tmp_path, "kws01", 13)
    for path in (tmp_path, folder):
        data = open_data(path, KWS)
        assert data.folder == folder
        assert data.labels == [*range(12), 0]
        assert not data.official
    assert [load.name for load in data.first(2)] == ["item_0.bin", "item_1.bin"]


def test_a_recording_is_as_many_loads_as_it_has_windows(tmp_path: Path) -> None:
    data = open_data(write_data(tmp_path, "ad01", 2, windows=3), AD)
    loads = data.loads(data.rows[1])
    assert [len(load.data) for load in loads] == [2560] * 3
    assert data.first(2)[1] == loads[0]


def test_what_is_not_of_the_task_is_refused(tmp_path: Path) -> None:
    write_data(tmp_path, "kws01", 3)
    with pytest.raises(InputError, match=r"no y_labels\.csv of ic01"):
        open_data(tmp_path / "nothing", IC)
    with pytest.raises(InputError, match="12 classes, class 0; ic01 has 10"):
        open_data(tmp_path / "kws01", IC)
    (tmp_path / "kws01" / "item_1.bin").write_bytes(b"short")
    data = open_data(tmp_path, KWS)
    with pytest.raises(InputError, match="5 bytes, a load of kws01 has 490"):
        data.first(2)
    with pytest.raises(InputError, match="3 files, 5 are needed"):
        data.first(5)


@pytest.mark.parametrize(
    ("model_id", "value", "expected"),
    [("kws01", 0x80, -128), ("kws01", 0x7F, 127), ("ic01", 0, -128), ("ic01", 255, 127)],
)
def test_the_reference_models_take_the_bytes_shifted_or_as_they_are(
    model_id: str, value: int, expected: int
) -> None:
    task = mlperf_tasks.find(model_id)
    tensor = Model.parse(task_model(model_id), "m").graph.input_tensors[0]
    found = model_input(task, tensor, bytes([value]) * task.elements)
    assert found.dtype == np.int8
    assert found.shape == tensor.shape
    assert set(found.reshape(-1).tolist()) == {expected}


def test_drawn_loads_repeat() -> None:
    for task in mlperf_tasks.TASKS.values():
        loads = drawn(task, 2)
        assert loads == drawn(task, 2)
        assert {len(load.data) for load in loads} == {task.sent_bytes}
        assert loads[0].data != loads[1].data
