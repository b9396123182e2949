"""A profile at another clock: ``NAME@48MHz`` is the profile NAME with its core clocked at 48 MHz.

Time, wait states and power follow the clock. Wait states come from the flash's table by clock;
without a table the profile's own number stays, which is an upper bound below its clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from hil.errors import ProfileError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_CLOCK = re.compile(r"(?P<number>\d[\d_]*(?:\.\d+)?)\s*(?P<unit>[kmg]?)(?:hz)?", re.IGNORECASE)
_HINT = "write a clock such as NAME@48MHz, NAME@48M or NAME@48_000_000"


class WaitStates(BaseModel):
    """Wait states by clock: ``rows`` are [highest clock in Hz, wait states], both rising."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: tuple[tuple[int, int], ...] = Field(min_length=1)
    source: str

    @model_validator(mode="after")
    def _rising(self) -> Self:
        clocks = [clock for clock, _ in self.rows]
        waits = [wait for _, wait in self.rows]
        if clocks != sorted(set(clocks)) or waits != sorted(set(waits)) or waits[0] < 0:
            raise ValueError("rows are [highest clock in Hz, wait states], both rising")
        return self

    def at(self, clock_hz: int) -> int | None:
        """Wait states at ``clock_hz``; None above the last row."""
        return next((wait for highest, wait in self.rows if clock_hz <= highest), None)


def split(name_or_path: str) -> tuple[str, int | None]:
    """Split ``NAME@CLOCK`` into the profile and the clock in Hz, None where none is given.

    The clock has digits (``_`` between them), perhaps a decimal point, and ``k``, ``M`` or ``G``
    with or without ``Hz``. An ``@`` in a path, before a ``/`` or ``.toml``, is not a clock's.

    Raises:
        ProfileError: what follows the ``@`` is not a clock.
    """
    base, at, text = name_or_path.rpartition("@")
    if not at or "/" in text or text.endswith(".toml"):
        return name_or_path, None
    found = _CLOCK.fullmatch(text.strip())
    if found is None or not base:
        raise ProfileError(f"invalid clock '{text}' in the profile '{name_or_path}'", hint=_HINT)
    hz = float(found["number"].replace("_", "")) * _UNITS[found["unit"].lower()]
    if hz < 1 or hz != int(hz):
        raise ProfileError(
            f"the clock of '{name_or_path}' is not a whole number of hertz above 0", hint=_HINT
        )
    return base, int(hz)


def text(clock_hz: int) -> str:
    """A clock as in a profile's name: ``48MHz``, ``32768Hz``."""
    for factor, unit in ((10**6, "MHz"), (10**3, "kHz")):
        if clock_hz >= factor and clock_hz % (factor // 1000) == 0:
            return f"{clock_hz / factor:.12g}{unit}"
    return f"{clock_hz}Hz"


def at_clock(data: Mapping[str, Any], name: str, clock_hz: int) -> dict[str, Any]:
    """The data of a valid profile (``model_dump``) with its core at ``clock_hz``.

    Name, clock and wait states change, power follows (``hil.devices.power``); ``notes`` says
    where the wait states come from. The profile's own clock gives the profile as it is.

    Raises:
        ProfileError: the chip cannot be clocked that fast.
    """
    own_hz, max_hz = data["clock"]["hz"], data["clock"]["max_hz"]
    if clock_hz == own_hz:
        return dict(data)
    if clock_hz > max_hz:
        raise ProfileError(
            f"'{name}' cannot run at {clock_hz / 1e6:g} MHz, at most at {max_hz / 1e6:g} MHz",
            hint=f"at most {name}@{text(max_hz)}",
        )
    wait_states, note = _wait_states(data["flash"], own_hz, clock_hz)
    return {
        **data,
        "name": f"{name}@{text(clock_hz)}",
        "clock": {**data["clock"], "hz": clock_hz},
        "flash": {**data["flash"], "wait_states": wait_states},
        "power": {**data["power"], "rows": [_pinned(row, own_hz) for row in data["power"]["rows"]]},
        "notes": (note,),
    }


def _pinned(row: Mapping[str, Any], own_hz: int) -> dict[str, Any]:
    """A measured power without a clock holds at the profile's own: say so before that changes."""
    if row["active_mw"] is None or row["clock_hz"] or row["clock_range_hz"]:
        return dict(row)
    return {**row, "clock_hz": own_hz}


def _wait_states(flash: Mapping[str, Any], own_hz: int, clock_hz: int) -> tuple[int, str]:
    """Wait states at ``clock_hz``, and a note on where they come from."""
    at = f"at {clock_hz / 1e6:g} MHz instead of {own_hz / 1e6:g} MHz"
    own = int(flash["wait_states"])
    table = flash.get("wait_states_by_clock")
    if table is not None:
        waits = WaitStates.model_validate(table).at(clock_hz)
        if waits is not None:
            return waits, f"{at}: {waits} flash wait states ({table['source']})"
    if clock_hz > own_hz:
        raise ProfileError(
            f"no wait states are known for {clock_hz / 1e6:g} MHz",
            hint="give the profile a table flash.wait_states_by_clock (docs/profiles.md)",
        )
    if own == 0:
        return 0, f"{at}: the flash has no wait states"
    return own, (
        f"{at}: the profile has no table of wait states by clock, so the {own} wait states of "
        f"{own_hz / 1e6:g} MHz are kept; the chip may need fewer, so cycles are an upper bound"
    )
