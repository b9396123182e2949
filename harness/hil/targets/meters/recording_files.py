"""Reads recordings from files (docs/energy.md has the columns).

``.csv``: a header, then one line a sample. hil's own columns, or what nRF Connect's Power Profiler
exports. ``.npz``: hil's columns as arrays, and ``rate_hz``. ``.ppk2``: what the Power Profiler
saves, a zip archive with ``metadata.json`` and ``session.raw``, frames of a float32 in uA and eight
pairs of bits, 01 for a low line and 10 for a high one (pc-nrfconnect-ppk, src/utils). ``.jls``: a
recording of the Joulescope UI.
"""

from __future__ import annotations

import json
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hil.errors import HilError, MeterFailed, MissingTool
from hil.records import Array, Edge, Recording
from hil.targets.meters.ports import library

SUFFIXES = (".csv", ".npz", ".ppk2", ".jls")
_LARGEST = 200_000_000  # bytes, 330 s of a Power Profiler
_JLS_UNITS = {"power": "w", "current": "a", "voltage": "v"}
_TOO_LARGE = "it has more than 200 MB"
_MOST_GAPS = 4  # samples by the clock for each that is there
_Quantity = Literal["J", "A", "W"]
_VALUES: Mapping[str, tuple[_Quantity, float]] = {
    "energy_j": ("J", 1.0),
    "energy_uj": ("J", 1e-6),
    "current_a": ("A", 1.0),
    "current_ma": ("A", 1e-3),
    "current_ua": ("A", 1e-6),
    "current(ua)": ("A", 1e-6),
    "power_w": ("W", 1.0),
    "power_mw": ("W", 1e-3),
    "power_uw": ("W", 1e-6),
}
_TIMES = {"time_s": 1.0, "time_ms": 1e-3, "time_us": 1e-6, "timestamp(ms)": 1e-3}
_VOLTS = {"volts": 1.0, "voltage_v": 1.0, "voltage_mv": 1e-3}
_LINES = "d0-d7"
_COLUMNS = "docs/energy.md lists the columns of a recording"


@dataclass
class _Columns:
    """Columns by their names in lower case; lines are of the eight of a Power Profiler."""

    path: Path
    data: dict[str, Array]
    rate_hz: float | None = None

    def one_of(self, names: Mapping[str, object]) -> str | None:
        found = [name for name in names if name in self.data]
        if len(found) > 1:
            raise _invalid(self.path, f"it has {' and '.join(found)}; one is needed")
        return found[0] if found else None


def read(
    path: Path,
    *,
    instrument: str,
    rate_hz: float | None,
    volts: float | None,
    trigger: str | None,
    accuracy_pct: float,
) -> Recording:
    """Return the recording in a file.

    ``rate_hz`` is needed where the file has neither times nor a rate; ``volts`` where it has
    currents without a voltage. ``trigger`` is the column (or number) of the trigger line, None
    where there is none.

    Raises:
        MissingTool: there is no such file.
        MeterFailed: it is damaged, or lacks what is needed.
    """
    columns = _load(path)
    name = columns.one_of(_VALUES)
    if name is None:
        raise _invalid(path, f"it has none of the columns {', '.join(_VALUES)}")
    quantity, factor = _VALUES[name]
    lengths = {len(column) for column in columns.data.values()}
    if len(lengths) != 1 or lengths == {0}:
        raise _invalid(path, "its columns are empty or of different lengths")
    rate, index = _clock(columns, rate_hz)
    values = np.full(int(index[-1]) + 1, np.nan)
    values[index] = columns.data[name] * factor
    return Recording(
        instrument=instrument,
        rate_hz=rate,
        quantity=quantity,
        values=values,
        volts=_volts(columns, volts, index, len(values)),
        edges=() if trigger is None else _edges(columns, trigger, index, rate),
        lost=int(np.isnan(values).sum()),
        accuracy_pct=accuracy_pct,
    )


def _load(path: Path) -> _Columns:
    try:
        if path.stat().st_size > _LARGEST:
            raise _invalid(path, _TOO_LARGE)
        readers = {".csv": _csv, ".npz": _npz, ".ppk2": _ppk2, ".jls": _jls}
        return readers[path.suffix](path)
    except FileNotFoundError as error:
        raise MissingTool(
            f"there is no recording {path}", hint="the instrument's program must have written it"
        ) from error
    except HilError:
        raise
    except Exception as error:  # what libraries raise on damaged archives has no common class
        raise _invalid(path, str(error) or type(error).__name__) from error


def _csv(path: Path) -> _Columns:
    with path.open(encoding="utf-8-sig") as file:
        names = [name.strip().lower() for name in file.readline().lstrip("#").split(",")]
        if len(set(names)) < len(names):
            raise ValueError("two columns have the same name")
        if _LINES in names:
            return _Columns(path, _with_lines(file.read(), names))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # no line at all
            table = np.loadtxt(file, delimiter=",", ndmin=2, dtype=np.float64)
    if table.shape[1] != len(names):
        raise ValueError(f"{len(names)} columns are named, {table.shape[1]} are there")
    return _Columns(path, {name: table[:, at] for at, name in enumerate(names)})


def _with_lines(text: str, names: list[str]) -> dict[str, Array]:
    """An export with the eight lines as one text, such as ``01000000``, ``X`` for both."""
    rows = [row.split(",") for row in text.splitlines() if row]
    if any(len(row) != len(names) for row in rows):
        raise ValueError("a line has another number of columns than the header")
    lines = names.index(_LINES)
    if any(len(row[lines]) != 8 for row in rows):
        raise ValueError("its column D0-D7 has not eight digits")
    found = {
        name: np.array([float(row[at]) for row in rows])
        for at, name in enumerate(names)
        if at != lines and name in (*_VALUES, *_TIMES, *_VOLTS)
    }
    for line in range(8):
        found[f"d{line}"] = np.array([row[lines][line] == "1" for row in rows], dtype=np.bool_)
    return found


def _npz(path: Path) -> _Columns:
    with zipfile.ZipFile(path) as members:
        if sum(one.file_size for one in members.infolist()) > _LARGEST:
            raise ValueError(_TOO_LARGE)
    with np.load(path, allow_pickle=False) as archive:
        arrays = {name.lower(): np.asarray(archive[name]) for name in archive.files}
    rate = arrays.pop("rate_hz", None)
    found = {name: array.astype(np.float64) for name, array in arrays.items()}
    if any(array.ndim != 1 for array in found.values()):
        raise ValueError("an array has not one dimension")
    return _Columns(path, found, None if rate is None else float(rate))


def _ppk2(path: Path) -> _Columns:
    with zipfile.ZipFile(path) as archive:
        if archive.getinfo("session.raw").file_size > _LARGEST:
            raise ValueError(_TOO_LARGE)
        rate = float(json.loads(archive.read("metadata.json"))["metadata"]["samplesPerSecond"])
        raw = archive.read("session.raw")
    frames = np.frombuffer(raw[: len(raw) // 6 * 6], dtype=[("ua", "<f4"), ("bits", "<u2")])
    found = {"current_ua": frames["ua"].astype(np.float64)}
    for line in range(8):
        found[f"d{line}"] = (frames["bits"] >> (2 * line)) & 3 == 2
    return _Columns(path, found, rate)


def _jls(path: Path) -> _Columns:
    """A recording of the Joulescope UI; ``pyjls`` reads it, inputs come as eight bits a byte."""
    module = library("pyjls", "a recording in Joulescope's format")
    with module.Reader(str(path)) as reader:
        signals = {one.name: one for one in reader.signals.values() if one.length}
        if sum(one.length for one in signals.values()) > _LARGEST // 4:
            raise ValueError(_TOO_LARGE)
        used = ("power",) if "power" in signals else ("current", "voltage")
        names = {name: f"{name}_{_JLS_UNITS[name]}" for name in used if name in signals}
        if not names:
            raise ValueError("it has neither power nor current")
        names |= {f"gpi[{n}]": f"d{n}" for n in range(4) if f"gpi[{n}]" in signals}
        base = signals[next(iter(names))]
        found = {column: _aligned(reader, signals[name], base) for name, column in names.items()}
    known = np.all([~np.isnan(found[column]) for column in found if column[0] == "d"], axis=0)
    inside = np.flatnonzero(known) if np.ndim(known) else np.arange(base.length)
    if not inside.size:
        raise ValueError("its signals have no time in common")
    part = slice(int(inside[0]), int(inside[-1]) + 1)
    return _Columns(
        path, {name: column[part] for name, column in found.items()}, float(base.sample_rate)
    )


def _aligned(reader: Any, signal: Any, base: Any) -> Array:
    """A signal at the samples of ``base``; NaN where it has none."""
    times, rest = divmod(signal.sample_rate, base.sample_rate)
    if times < 1 or rest:
        raise ValueError(f"the rate of {signal.name} is no multiple of that of {base.name}")
    data = reader.fsr(signal.signal_id, 0, signal.length)
    if data.dtype == np.uint8:
        data = np.unpackbits(data, bitorder="little")[: signal.length]
    at = (base.sample_id_offset + np.arange(base.length)) * times - signal.sample_id_offset
    there = (at >= 0) & (at < len(data))
    found = np.full(base.length, np.nan)
    found[there] = data[at[there]]
    return found


def _clock(columns: _Columns, asked_hz: float | None) -> tuple[float, Array]:
    """The sample rate, and the number of each sample; numbers that do not appear are lost."""
    count = len(next(iter(columns.data.values())))
    name = columns.one_of(_TIMES)
    rate = asked_hz or columns.rate_hz
    if name is None:
        if rate is None or not rate > 0:
            raise _invalid(columns.path, "it has no times, and no `rate_hz` is given")
        return rate, np.arange(count)
    times = columns.data[name] * _TIMES[name]
    if count < 2 or not np.isfinite(times).all() or np.any(np.diff(times) <= 0):
        raise _invalid(columns.path, f"the times of {name} do not rise")
    if rate is None:
        rate = _likely_rate(times)
    steps = (times - times[0]) * rate
    index = np.round(steps).astype(np.int64)
    if np.abs(steps - index).max() > 0.3 or index[-1] >= _MOST_GAPS * count:
        raise _invalid(columns.path, f"its times are not multiples of 1/{rate:g} s")
    return rate, index


def _likely_rate(times: Array) -> float:
    """The rate of times that were rounded when they were written, and may have gaps."""
    typical = float(np.median(np.diff(times)))
    near = np.diff(times) < 1.5 * typical
    rough = 1.0 / float(np.diff(times)[near].mean())
    count = np.round((times[-1] - times[0]) * rough)
    exact = float(count / (times[-1] - times[0]))
    tidy = float(f"{exact:.3g}")
    return tidy if abs(tidy / exact - 1) * count < 0.5 else exact


def _volts(
    columns: _Columns, given: float | None, index: Array, count: int
) -> float | Array | None:
    name = columns.one_of(_VOLTS)
    if name is None:
        return given
    volts = np.full(count, np.nan)
    volts[index] = columns.data[name] * _VOLTS[name]
    return volts


def _edges(columns: _Columns, trigger: str, index: Array, rate_hz: float) -> tuple[Edge, ...]:
    names = [trigger.lower(), f"d{trigger}", "trigger"]
    name = next((name for name in names if name in columns.data), None)
    if name is None:
        raise _invalid(columns.path, f"it has no column '{trigger}' of the trigger line")
    high = columns.data[name] > 0.5
    changes = np.flatnonzero(high[1:] != high[:-1]) + 1
    return tuple(
        Edge(
            float(index[at] / rate_hz), bool(high[at]), float((index[at] - index[at - 1]) / rate_hz)
        )
        for at in changes
    )


def _invalid(path: Path, reason: str) -> MeterFailed:
    return MeterFailed(f"the recording {path} cannot be used: {reason}", hint=_COLUMNS)
