"""A folder as MLPerf Tiny's runner has it: one .bin per item, and ``y_labels.csv``.

A row of ``y_labels.csv`` is ``file, number of classes, class``, without a heading. For anomaly
detection ``window width, stride`` (bytes) follow: the file is a recording, and every window of it
is one input (MLPerf Tiny, "Performance evaluation datasets"; classes 0 normal, 1 anomaly). A file
holds what the runner sends to the device: int8 features, uint8 pixels, or little-endian float32.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hil.datasets.prepare import prepare
from hil.errors import InputError
from hil.records import Array
from hil.tflite.graph import Graph, Tensor

LABELS_FILE = "y_labels.csv"
DATA_TYPES = ("auto", "int8", "uint8", "float32")
_COLUMNS = "a row is: file name, number of classes, class[, window bytes, stride bytes]"


@dataclass(frozen=True)
class Row:
    """A row of ``y_labels.csv``; sizes in bytes, None where a file is one sample."""

    line: int
    file: str
    classes: int
    label: int
    window_bytes: int | None
    stride_bytes: int | None


def read(
    folder: Path, graph: Graph, classes: int, data_type: str
) -> tuple[tuple[Array, ...], Array, Array, str]:
    """Return (columns, labels per item, item of each sample, preparation as text).

    Raises:
        InputError: the folder's table or one of its files is not usable with this model.
    """
    if len(graph.inputs) != 1:
        raise InputError(
            f"{folder}: a folder of .bin files feeds one input, the model has {len(graph.inputs)}",
            hint="give a .npz with one array per input",
        )
    tensor = graph.tensors[graph.inputs[0]]
    rows = read_table(folder / LABELS_FILE)
    declared = {row.classes for row in rows}
    if declared != {classes}:
        raise InputError(
            f"{folder / LABELS_FILE} is about {sorted(declared)} classes, the model has {classes}",
            hint="is this data set for another model?",
        )
    kind = _data_type(folder, rows[0], tensor, data_type)
    parts = [_windows(folder, row, tensor, kind) for row in rows]
    item = np.repeat(np.arange(len(rows)), [len(part) for part in parts])
    column, text = _prepared(np.concatenate(parts), tensor, kind, str(folder))
    if any(row.window_bytes is not None for row in rows):
        text += f"; {len(item):,} windows of {len(rows):,} recordings"
    return (column,), np.array([row.label for row in rows]), item, text


def read_table(path: Path) -> list[Row]:
    """Read ``y_labels.csv``.

    Raises:
        InputError: it cannot be read, is empty, or has an invalid row.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [(at, row) for at, row in enumerate(csv.reader(file), start=1) if row]
    except FileNotFoundError as error:
        raise InputError(f"there is no {path}", hint=_COLUMNS) from error
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"cannot read {path}: {error}", hint=_COLUMNS) from error
    rows = [_row(path, at, [field.strip() for field in row]) for at, row in lines]
    if not rows:
        raise InputError(f"{path} has no rows", hint=_COLUMNS)
    return rows


def _row(path: Path, line: int, fields: list[str]) -> Row:
    if len(fields) not in (3, 5):
        raise InputError(f"{path}, line {line}: {len(fields)} columns", hint=_COLUMNS)
    try:
        numbers = [int(field) for field in fields[1:]]
    except ValueError as error:
        raise InputError(f"{path}, line {line}: {error}", hint=_COLUMNS) from error
    if len(numbers) == 4 and min(numbers[2:]) < 1:
        raise InputError(f"{path}, line {line}: window and stride must be positive", hint=_COLUMNS)
    if "\0" in fields[0] or not fields[0]:
        raise InputError(f"{path}, line {line}: no file name", hint=_COLUMNS)
    window, stride = numbers[2:] if len(numbers) == 4 else (None, None)
    return Row(line, fields[0], numbers[0], numbers[1], window, stride)


def _data_type(folder: Path, first: Row, tensor: Tensor, asked: str) -> str:
    """What the files hold: four bytes per element are floats; images of three channels pixels."""
    if asked not in DATA_TYPES:
        raise InputError(
            f"--data-type does not know '{asked}'", hint="it takes " + ", ".join(DATA_TYPES)
        )
    if asked != "auto":
        return asked
    size = first.window_bytes or _size(folder / first.file)
    if size == 4 * tensor.elements:
        return "float32"
    image = len(tensor.shape) == 4 and tensor.shape[3] == 3
    return "uint8" if image or tensor.dtype == "uint8" else "int8"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise _unreadable(path, error) from error


def _windows(folder: Path, row: Row, tensor: Tensor, kind: str) -> Array:
    """All windows of a file as rows of elements; a file without windows is one."""
    dtype = np.dtype("<f4" if kind == "float32" else kind)
    path = folder / row.file
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error
    window = row.window_bytes or len(data)
    stride = row.stride_bytes or max(window, 1)
    needed = tensor.elements * dtype.itemsize
    if window != needed:
        raise InputError(
            f"{path}: {window} bytes, the input '{tensor.name}' takes {tensor.elements} elements "
            f"of {kind}: {needed} bytes",
            hint="is this data set for another model? --data-type says what the files hold",
        )
    if len(data) < window or (row.window_bytes and stride % dtype.itemsize):
        raise InputError(
            f"{path}: {len(data)} bytes hold no window of {window} bytes every {stride} bytes",
            hint=f"see line {row.line} of {LABELS_FILE}; " + _COLUMNS,
        )
    starts = range(0, len(data) - window + 1, stride)
    return np.stack([np.frombuffer(data, dtype, tensor.elements, at) for at in starts])


def _prepared(flat: Array, tensor: Tensor, kind: str, where: str) -> tuple[Array, str]:
    samples = flat.reshape(-1, *tensor.shape)
    if kind == "uint8" and tensor.dtype == "int8":
        return (samples.astype(np.int16) - 128).astype(np.int8), "uint8 data shifted to int8 (-128)"
    return prepare(samples, tensor, where)


def _unreadable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot read {path}: {error.strerror}",
        hint=f"every file that {LABELS_FILE} names must lie beside it",
    )
