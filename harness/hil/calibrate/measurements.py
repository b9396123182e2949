"""The file of measurements on a board, TOML or CSV, validated."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hil.errors import UsageError
from hil.forms import validated

_SHARED = ("instrument", "clock_hz", "volts", "repetitions", "engine", "optimize")
_HINT = "docs/calibration.md describes the file"


class Measured(BaseModel):
    """One row: which firmware, and what was measured.

    The firmware is named by ``run`` (an id in the store), or by ``model`` (its name) or
    ``model_sha256``. Time is ``cycles``, or ``latency_us`` at ``clock_hz``; power is ``power_mw``,
    or ``energy_uj`` with a time. ``virtual``: of an emulated board, so nothing was measured.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: str | None = None
    model: str | None = None
    model_sha256: str | None = None
    firmware_sha256: str | None = None
    engine: str | None = None
    optimize: str | None = None
    cycles: float | None = Field(default=None, gt=0)
    latency_us: float | None = Field(default=None, gt=0)
    clock_hz: int = Field(gt=0)
    power_mw: float | None = Field(default=None, gt=0)
    energy_uj: float | None = Field(default=None, gt=0)
    volts: float | None = Field(default=None, gt=0)
    repetitions: int = Field(default=1, ge=1)
    spread_pct: float | None = Field(default=None, ge=0)
    instrument: str = Field(min_length=1)
    virtual: bool = False

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if sum(x is not None for x in (self.run, self.model, self.model_sha256)) != 1:
            raise ValueError("give one of run, model and model_sha256")
        if self.cycles is not None and self.latency_us is not None:
            raise ValueError("give cycles or latency_us, not both")
        if self.power_mw is not None and self.energy_uj is not None:
            raise ValueError("give power_mw or energy_uj, not both")
        if self.time_us is None and self.power_mw is None:
            raise ValueError("give cycles or latency_us, or power_mw")
        return self

    @property
    def measured_cycles(self) -> float | None:
        """The time in core cycles."""
        if self.latency_us is not None:
            return self.latency_us * self.clock_hz / 1e6
        return self.cycles

    @property
    def time_us(self) -> float | None:
        """The time in microseconds."""
        return self.cycles * 1e6 / self.clock_hz if self.cycles is not None else self.latency_us

    @property
    def measured_mw(self) -> float | None:
        """The power in mW."""
        if self.energy_uj is not None and self.time_us is not None:
            return self.energy_uj / self.time_us * 1e3
        return self.power_mw

    @property
    def firmware(self) -> str:
        """What names the firmware, for messages."""
        return self.run or self.model or (self.model_sha256 or "")[:12]


def read_measurements(path: Path) -> list[Measured]:
    """Read a file of measurements; ``.csv`` by its name, TOML otherwise.

    In TOML, a value at the top (``instrument``, ``clock_hz``, ``volts``, ``repetitions``,
    ``engine``, ``optimize``) holds for every ``[[measurement]]`` that does not have its own.

    Raises:
        UsageError: the file cannot be read, or a row is wrong (it is named).
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="check the path") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is not text", hint=_HINT) from error
    rows = _csv_rows(text) if path.suffix.lower() == ".csv" else _toml_rows(text, path)
    if not rows:
        raise UsageError(f"{path} has no measurements", hint=_HINT)
    return [
        validated(Measured, row, f"{path}, measurement {number}", hint=_HINT)
        for number, row in enumerate(rows, 1)
    ]


def as_toml(rows: Sequence[Measured], names: Sequence[str] = ()) -> str:
    """Return a file of measurements that :func:`read_measurements` reads as these rows.

    ``names`` of the firmwares become comments.
    """
    import tomlkit

    document = tomlkit.document()
    document.add(tomlkit.comment("Written by `hil calibrate --export`; docs/calibration.md"))
    array = tomlkit.aot()
    for number, row in enumerate(rows):
        table = tomlkit.table()
        if number < len(names):
            table.add(tomlkit.comment(names[number]))
        for key, value in row.model_dump(exclude_none=True).items():
            if key != "virtual" or value:
                table.add(key, value)
        array.append(table)
    document.add("measurement", array)
    return tomlkit.dumps(document)


def _toml_rows(text: str, path: Path) -> list[dict[str, Any]]:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not valid TOML: {error}", hint=_HINT) from error
    rows = data.pop("measurement", [])
    if unknown := sorted(set(data) - set(_SHARED)):
        raise UsageError(
            f"{path}: unknown key '{unknown[0]}'",
            hint=f"rows are [[measurement]]; for all rows there are {', '.join(_SHARED)}",
        )
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{path}: rows are written as [[measurement]]", hint=_HINT)
    return [{**data, **row} for row in rows]


def _csv_rows(text: str) -> list[dict[str, Any]]:
    """Rows of the table; empty cells are absent, blanks around cells are not part of them."""
    reader = csv.DictReader(text.splitlines(), restkey="(too many cells)")
    return [
        {
            (key or "").strip(): cell.strip() if isinstance(cell, str) else cell
            for key, cell in row.items()
            if cell not in (None, "") and str(cell).strip()
        }
        for row in reader
    ]
