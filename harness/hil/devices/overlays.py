"""Calibrations: what measurements of a board change in its profile, kept as an overlay.

An overlay is one TOML file, ``<overlay folder>/<profile>.toml``, written by ``hil calibrate`` and
read by ``hil.devices.load``. Unknown keys, as of another version, are refused.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hil import files
from hil.errors import ProfileError
from hil.forms import read_toml, validated


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_VIRTUAL = "with a virtual board, not a measurement"


class FlashFit(_Strict):
    """The memory system's free parameter: the share of sequential waits that prefetch hides."""

    prefetch_hidden: float = Field(ge=0, le=1)
    standard_error: float = Field(ge=0)


class CycleFit(_Strict):
    """How far the calibrated model is from the board, over ``n`` firmwares.

    ``uncertainty_pct`` is the half width of the 95 % prediction interval of one more firmware of
    the same data types, made of the residuals.
    """

    n: int = Field(ge=3)
    uncertainty_pct: float = Field(gt=0)
    rms_residual_pct: float = Field(ge=0)
    worst_residual_pct: float = Field(ge=0)
    dtypes: tuple[str, ...] = Field(min_length=1)


class PowerFit(_Strict):
    """Active power of the board in mW, the median of ``n`` firmwares."""

    n: int = Field(ge=3)
    active_mw: float = Field(gt=0)
    volts: float = Field(gt=0)
    uncertainty_pct: float = Field(gt=0)


class CalibrationRow(_Strict):
    """One firmware: measured on the board, modelled in emulation. ``why`` it was not used."""

    run_id: str
    model: str
    model_sha256: str
    firmware_sha256: str
    engine: str
    instrument: str
    repetitions: int = Field(ge=1)
    measured_cycles: float | None = None
    modelled_cycles: float | None = None
    residual_pct: float | None = None
    power_mw: float | None = None
    used: bool = True
    why: str = ""


class Calibration(_Strict):
    """An overlay: fitted parameters, their residuals, and the runs that they come from.

    ``virtual``: the board was an emulated one, so that nothing of it was measured.
    """

    schema_version: Literal[1] = Field(alias="schema")
    profile: str
    part: str
    clock_hz: int = Field(gt=0)
    date: str
    hil_version: str
    virtual: bool = False
    flash: FlashFit | None = None
    cycles: CycleFit | None = None
    power: PowerFit | None = None
    rows: tuple[CalibrationRow, ...] = Field(min_length=1)

    @property
    def title(self) -> str:
        """For sentences: ``calibration of 2026-11-21 (5 firmwares)``."""
        text = f"calibration of {self.date} ({len(self.rows)} firmwares)"
        return text + f" {_VIRTUAL}" * self.virtual

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.cycles is None and self.power is None:
            raise ValueError("a calibration needs [cycles] or [power]")
        return self


def find(folder: Path, profile: str) -> Calibration | None:
    """Return the calibration of ``profile`` in ``folder``, None without one.

    Raises:
        ProfileError: the overlay cannot be read or is invalid.
    """
    path = folder / f"{profile}.toml"
    return read(path) if path.is_file() else None


def read(path: Path) -> Calibration:
    """Read one overlay file.

    Raises:
        ProfileError: it cannot be read, is not TOML, or is not of this version's form.
    """
    hint = f"calibrate again with `hil calibrate`, or remove {path}"
    data = read_toml(path, "the calibration", failure=ProfileError, hint=hint)
    return validated(Calibration, data, f"the calibration {path}", failure=ProfileError, hint=hint)


def write(calibration: Calibration, path: Path) -> None:
    """Write an overlay, replacing the file whole or not at all.

    Raises:
        ProfileError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        files.write_text(path, as_toml(calibration))
    except OSError as error:
        raise ProfileError(
            f"cannot write the calibration {path}: {error.strerror}", hint="choose another -o FILE"
        ) from error


def as_toml(calibration: Calibration) -> str:
    """The overlay as TOML text; reading it gives an equal calibration."""
    data = calibration.model_dump(mode="json", by_alias=True, exclude_none=True)
    rows = data.pop("rows")
    if not calibration.virtual:
        del data["virtual"]
    tables = {key: data.pop(key) for key in ("flash", "cycles", "power") if key in data}
    lines = ["# Written by `hil calibrate`. Remove the file to run without the calibration."]
    if calibration.virtual:
        lines.append("# Made with a virtual board: nothing of it was measured.")
    lines += _pairs(data)
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_pairs(table)]
    for row in rows:
        lines += ["", "[[rows]]", *_pairs(row)]
    return "\n".join(lines) + "\n"


def _pairs(table: dict[str, Any]) -> list[str]:
    return [f"{key} = {_value(value)}" for key, value in table.items()]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ", ".join(_value(item) for item in value) + "]"
    return _string(str(value))


def _string(text: str) -> str:
    """A TOML basic string: quotes, backslashes and control characters are escaped."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else f"\\u{ord(c):04X}" for c in escaped) + '"'
