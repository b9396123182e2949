"""What an energy meter recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hil.records.trace import Array


@dataclass(frozen=True)
class Edge:
    """A change of the trigger line: ``at_s`` seconds after the first sample, to 1 or to 0."""

    at_s: float
    rising: bool
    uncertainty_s: float


@dataclass(frozen=True)
class Recording:
    """Samples of a supply at ``rate_hz``, and the edges of the trigger line among them.

    ``values`` are energies of each sample's interval in J, currents in A or powers in W, as
    ``quantity`` says. ``volts`` is the supply for currents: one value, or one for each sample.
    ``lost`` counts samples that the meter or the link dropped. ``accuracy_pct`` is the instrument's
    own, from its data sheet; ``instrument`` its model, serial number and firmware.
    """

    instrument: str
    rate_hz: float
    quantity: Literal["J", "A", "W"]
    values: Array
    volts: float | Array | None
    edges: tuple[Edge, ...]
    lost: int
    accuracy_pct: float
