"""Half bands in per cent, and how those of independent causes combine."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Band:
    """Half width in per cent, and a text of what it rests on."""

    pct: float
    words: str


def combined_pct(*parts: float | None) -> float | None:
    """Root of the sum of squares; None where a part is unknown."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return math.sqrt(sum(part * part for part in known))
