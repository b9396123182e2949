"""Ticks of axes, and round steps between them."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Tick:
    """A position on an axis, in the drawing's units, and its text."""

    at: float
    text: str


def round_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5 and 5 times a power of ten that is not below ``rough`` (> 0)."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * s for s in (1, 2, 2.5, 5, 10) if power * s >= rough * 0.999)
