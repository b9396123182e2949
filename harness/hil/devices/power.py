"""Active power as a table by condition; part of the device profile.

A row says what a chip draws at one supply, clock, memory and activity. A run takes the row that
comes nearest to its own condition; what differs in supply or clock is scaled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Activity = Literal["nn", "coremark", "while1", "datasheet"]
Regulator = Literal["ldo", "smps"]
_PREFERENCE: tuple[Activity, ...] = ("nn", "coremark", "datasheet", "while1")
_ROW_KEYS = ("active_mw", "active_ua_per_mhz", "uncertainty_pct", "source")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class PowerRow(_Strict):
    """What the chip draws under one condition.

    Either ``active_mw`` (a measurement at ``clock_hz``) or ``active_ua_per_mhz`` (a data sheet's
    line). ``clock_hz`` is absent where the figure holds at the profile's own clock, or where it
    is a line; ``clock_range_hz`` says where a line holds. ``activity`` is what ran: neural
    networks, CoreMark (or the vendor's Dhrystone-like code), an empty loop, or the cover line of a
    data sheet. ``uncertainty_pct`` is half the band where no validation gives a better one.
    """

    volts: float = Field(gt=0)
    regulator: Regulator | None = None
    clock_hz: int | None = Field(default=None, gt=0)
    clock_range_hz: tuple[int, int] | None = None
    memory: Literal["flash", "ram"] = "flash"
    cache: bool = True
    activity: Activity = "datasheet"
    active_mw: float | None = Field(default=None, gt=0)
    active_ua_per_mhz: float | None = Field(default=None, gt=0)
    uncertainty_pct: float = Field(gt=0)
    source: str

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.active_mw is None) == (self.active_ua_per_mhz is None):
            raise ValueError("give exactly one of active_mw and active_ua_per_mhz")
        if self.clock_hz is not None and self.clock_range_hz is not None:
            raise ValueError("give clock_hz or clock_range_hz, not both")
        if self.clock_range_hz is not None and self.clock_range_hz[0] > self.clock_range_hz[1]:
            raise ValueError("clock_range_hz is [lowest, highest]")
        return self

    def milliwatts(self, clock_hz: int, volts: float) -> float:
        """Power in mW at another clock and supply.

        Power follows the clock. Behind an LDO (or where the regulator is not stated) the current
        stays and power follows the supply; behind an SMPS the power stays.
        """
        if self.active_mw is not None:
            power = self.active_mw * clock_hz / (self.clock_hz or clock_hz)
        else:
            assert self.active_ua_per_mhz is not None
            power = self.active_ua_per_mhz * clock_hz / 1e6 * self.volts / 1e3
        return power if self.regulator == "smps" else power * volts / self.volts

    def clock_distance(self, clock_hz: int) -> float:
        """How far a clock is from where the row holds: 0 inside, else the ratio less 1."""
        ratio = self.clock_ratio(clock_hz)
        return max(ratio, 1 / ratio) - 1

    def clock_ratio(self, clock_hz: int) -> float:
        """A clock over the nearest one that the row holds for: 1 inside, below 1 for slower."""
        low, high = self.clock_range_hz or (self.clock_hz or clock_hz,) * 2
        return clock_hz / min(max(clock_hz, low), high)

    @property
    def condition(self) -> str:
        """The condition as text, for sources and tables."""
        where = "from RAM" if self.memory == "ram" else f"cache {'on' if self.cache else 'off'}"
        parts = [self.activity, f"{self.volts:g} V"]
        parts += [self.regulator.upper()] if self.regulator else []
        parts += [f"{self.clock_hz / 1e6:g} MHz"] if self.clock_hz else []
        return ", ".join([*parts, where])


@dataclass(frozen=True)
class ActivePower:
    """The power that a run is taken to draw, in mW, and the row it comes from.

    ``scaled`` is a text of what the row was scaled by, empty where it applies as it is.
    ``clock_ratio`` is the run's clock over the one that the row holds for.
    """

    milliwatts: float
    row: PowerRow
    scaled: str
    clock_ratio: float = 1.0


class Power(_Strict):
    """Active power of the device: the supply of its runs, and the table.

    The form with one figure (``active_mw`` or ``active_ua_per_mhz``, ``uncertainty_pct`` and
    ``source`` directly in ``[power]``) is read as a table of one row.
    """

    volts: float = Field(gt=0)
    regulator: Regulator | None = None
    rows: tuple[PowerRow, ...] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _single_form(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or "rows" in data:
            return data
        row = {key: data[key] for key in _ROW_KEYS if key in data}
        rest = {key: value for key, value in data.items() if key not in _ROW_KEYS}
        shared = {key: data[key] for key in ("volts", "regulator") if key in data}
        return {**rest, "rows": [{**shared, **row}]}

    def choose(
        self, clock_hz: int, *, memory: Literal["flash", "ram"] = "flash", cache: bool = True
    ) -> ActivePower:
        """Return the power of a run at ``clock_hz``: the row whose condition is nearest.

        What counts, in this order: the memory that code runs from, cache on or off, what ran
        (networks before CoreMark before a data sheet's cover), regulator, supply, clock.
        """
        row = min(
            self.rows,
            key=lambda r: (
                r.memory != memory,
                r.cache != cache,
                _PREFERENCE.index(r.activity),
                r.regulator != self.regulator,
                abs(r.volts - self.volts),
                r.clock_distance(clock_hz),
            ),
        )
        scaled, ratio = self._scaling(row, clock_hz), row.clock_ratio(clock_hz)
        return ActivePower(row.milliwatts(clock_hz, self.volts), row, scaled, ratio)

    def milliwatts(self, clock_hz: int) -> float:
        """Active power in mW at ``clock_hz``, code in flash, caches on."""
        return self.choose(clock_hz).milliwatts

    def _scaling(self, row: PowerRow, clock_hz: int) -> str:
        parts = []
        if row.clock_hz is not None and row.clock_hz != clock_hz:
            parts.append(f"from {row.clock_hz / 1e6:g} to {clock_hz / 1e6:g} MHz")
        elif row.clock_distance(clock_hz) > 0:
            parts.append(f"to {clock_hz / 1e6:g} MHz, outside of where the line holds")
        if row.volts != self.volts and row.regulator != "smps":
            parts.append(f"from {row.volts:g} to {self.volts:g} V")
        return " and ".join(parts)
