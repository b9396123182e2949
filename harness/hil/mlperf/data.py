"""Data sets in the layout of the official runner, and what their bytes are as a model's input."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.datasets.folder import LABELS_FILE, Row, read_table
from hil.errors import InputError
from hil.mlperf_tasks import MlperfTask
from hil.records import Array
from hil.tflite.graph import Tensor

_OFFICIAL = {  # SHA-256 of y_labels.csv in mlcommons/tiny, benchmark/evaluation/datasets
    "kws01": ("6cb3709762d53fe64eb00eaf4a75796248bb3c1386f1d1f93ccdb07b071e9698",),
    "vww01": ("3697ca57c48b23b21602ae9bdb32b1925407a1d41d79167cdfb365054cb9c33d",),
    "ic01": ("79e1f19ad731f046983a1a4480bda6369df26c5acee47505a860f164fb58ccd4",),
    "ad01": (
        "4ecd91868e197ee0a6739d4bd7abde73eac2fa31e9a88d6bc6aedefa136ff2a4",
        "e1ac10e782bada1015d63585a05398e54e41429db599dc45de3ae67fe6cd8b4c",  # y_labels_alt.csv
    ),
}
_LAYOUT = "the runner's layout: DIR/kws01/y_labels.csv with the .bin files beside it"
DRAWN_SEED = 0


@dataclass(frozen=True)
class Load:
    """What is sent before one inference, and the file it is of."""

    name: str
    data: bytes


@dataclass(frozen=True)
class RunnerData:
    """The labelled files of one task. ``official`` is whether the labels are MLPerf Tiny's own."""

    task: MlperfTask
    folder: Path
    rows: tuple[Row, ...]
    official: bool

    @property
    def labels(self) -> list[int]:
        """The class of each file."""
        return [row.label for row in self.rows]

    def loads(self, row: Row) -> list[Load]:
        """Return the loads of a file: itself, or its windows.

        Raises:
            InputError: it cannot be read, or has another size.
        """
        path = self.folder / row.file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"cannot read {path}: {error.strerror}",
                hint=f"every file that {LABELS_FILE} names must lie beside it",
            ) from error
        size = row.window_bytes or len(data)
        stride = row.stride_bytes or max(size, 1)
        if size != self.task.sent_bytes or len(data) < size:
            raise InputError(
                f"{path}: {min(size, len(data))} bytes, a load of {self.task.model_id} has "
                f"{self.task.sent_bytes}",
                hint="is this data set for another task?",
            )
        starts = range(0, len(data) - size + 1, stride)
        return [Load(row.file, data[start : start + size]) for start in starts]

    def first(self, count: int) -> list[Load]:
        """Return the first load of each of the first files, as the runner's loop takes them.

        Raises:
            InputError: there are fewer files.
        """
        if len(self.rows) < count:
            raise InputError(
                f"{self.folder} has {len(self.rows)} files, {count} are needed", hint=_LAYOUT
            )
        return [self.loads(row)[0] for row in self.rows[:count]]


def open_data(path: Path, task: MlperfTask) -> RunnerData:
    """Open the data set of ``task``: ``path`` is its folder, or the folder of several tasks.

    Raises:
        InputError: there is none, or its table is invalid.
    """
    folder = path / task.model_id
    if not (folder / LABELS_FILE).is_file():
        folder = path
    table = folder / LABELS_FILE
    if not table.is_file():
        raise InputError(f"there is no {LABELS_FILE} of {task.model_id} in {path}", hint=_LAYOUT)
    rows = read_table(table)
    wrong = next((row for row in rows if not _fits(row, task)), None)
    if wrong is not None:
        raise InputError(
            f"{table}, line {wrong.line}: {wrong.classes} classes, class {wrong.label}; "
            f"{task.model_id} has {task.classes}",
            hint="is this data set for another task?",
        )
    found = hashlib.sha256(table.read_bytes()).hexdigest()
    return RunnerData(task, folder, tuple(rows), found in _OFFICIAL[task.model_id])


@dataclass(frozen=True)
class Inputs:
    """The loads of the windows with the classes of their files. ``official`` as in
    :class:`RunnerData`; None for drawn loads.
    """

    loads: list[Load]
    labels: list[int | None]
    official: bool | None


def inputs_of(task: MlperfTask, data: RunnerData | None, count: int) -> Inputs:
    """Return the first loads of a data set, or drawn ones without it.

    Raises:
        InputError: the data set has too few files, or one cannot be read.
    """
    if data is None:
        return Inputs(drawn(task, count), [None] * count, None)
    return Inputs(data.first(count), [*data.labels[:count]], data.official)


def _fits(row: Row, task: MlperfTask) -> bool:
    return row.classes == task.classes and 0 <= row.label < task.classes


def drawn(task: MlperfTask, count: int) -> list[Load]:
    """Return random loads, for performance without the data set: each byte or float at random."""
    random = np.random.Generator(np.random.PCG64(DRAWN_SEED))
    loads = []
    for at in range(count):
        if task.data == "float32":
            data = random.normal(0, 5, task.elements).astype("<f4").tobytes()
        else:
            data = random.integers(0, 256, task.elements, dtype=np.uint8).tobytes()
        loads.append(Load(f"drawn {at} (seed {DRAWN_SEED})", data))
    return loads


def model_input(task: MlperfTask, tensor: Tensor, data: bytes) -> Array:
    """Return what the device makes of a load (``firmware_stubs/dut/mlperf.c``), in its arithmetic:
    float32, halves rounded away from zero.
    """
    kind = np.dtype("<f4" if task.data == "float32" else task.data)
    sent = np.frombuffer(data, kind)
    if task.data == "float32":
        real = sent.astype(np.float32)
    else:
        real = np.float32(task.scale) * (sent.astype(np.int32) - task.zero_point).astype(np.float32)
    if tensor.quantization is None:
        return real.reshape(tensor.shape)
    limits = np.iinfo(tensor.dtype)
    ratio = real / np.float32(tensor.quantization.scale[0])
    whole = np.trunc(ratio)
    rounded = whole + np.where(np.abs(ratio - whole) >= 0.5, np.sign(ratio), 0)
    value = np.nan_to_num(
        rounded + np.float32(int(tensor.quantization.zero_point[0])), nan=limits.min
    )
    made: Array = np.clip(value, limits.min, limits.max).astype(tensor.dtype)
    return made.reshape(tensor.shape)


def model_inputs(task: MlperfTask, tensor: Tensor, loads: Sequence[Load]) -> Array:
    """Return the inputs of several loads as one array (loads, \\*shape)."""
    return np.stack([model_input(task, tensor, load.data) for load in loads])
