"""Numbers as text: units scaled, three significant digits, bands and ratios.

A no-break space separates a number from its unit. Thousands are separated by commas.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime

from hil import figures
from hil.records import Measurement
from hil.verdict.decide import band_ends

NBSP = "\u00a0"
MISSING = "–"

KIND_WORDS = {
    "measured": "Measured on the silicon, with an instrument or the chip's own counter.",
    "modelled": (
        "Computed: the program ran in an emulator that counts every instruction, and a model of "
        "the chip's core or power draw turned the counts into this figure. The ± band is how far "
        "the real chip may differ."
    ),
    "static": "Read from the program file or the memory plan. Exact; nothing had to run.",
    "published": "Published by others, with its source.",
}
"""What each ``Measurement.kind`` means, for readers outside the field."""

_COUNT_SCALES = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def significant(value: float, digits: int = 3) -> str:
    """Format with ``digits`` significant digits, without an exponent down to 1e-4."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    magnitude = math.floor(math.log10(abs(value)))
    if magnitude < -4:
        return f"{value:.{digits - 1}e}"
    rounded = round(value, digits - 1 - magnitude)
    magnitude = math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, digits - 1 - magnitude)}f}"


def quantity(value: float, unit: str) -> str:
    """Format a value for reading: ``41200 us`` is ``41.2 ms``, ``57344 bytes`` is ``56.0 KiB``.

    Unknown units are kept unchanged; counts (cycles, MACs) get k, M or G.
    """
    steps = figures.unit(unit).steps
    if not steps:
        return count(value, unit)
    for factor, name in reversed(steps):
        if abs(value) >= factor:
            number = (
                f"{value:,.0f}"
                if name == "B" and float(value).is_integer()
                else significant(value / factor)
            )
            return f"{number}{NBSP}{name}"
    return f"{significant(value)}{NBSP}{steps[0][1]}"


def scale_of(value: float, unit: str) -> tuple[float, str]:
    """The factor and the unit that ``quantity`` would show a value in; ``(1, unit)`` for others."""
    steps = figures.unit(unit).steps or ((1.0, unit),)
    return next(((f, name) for f, name in reversed(steps) if abs(value) >= f), steps[0])


def count(value: float, unit: str = "") -> str:
    """Format a count compactly: ``20123456`` is ``20.1 M``; small whole numbers stay whole."""
    for factor, prefix in _COUNT_SCALES:
        if abs(value) >= max(factor, 10_000):
            return _with_unit(f"{significant(value / factor)}{NBSP}{prefix}", unit)
    text = f"{value:,.0f}" if float(value).is_integer() else significant(value)
    return _with_unit(text, unit)


def _with_unit(text: str, unit: str) -> str:
    return f"{text}{NBSP}{unit}" if unit and unit != "1" else text


def exact(value: float, unit: str = "") -> str:
    """Format without rounding away digits: whole numbers in full, others with six digits."""
    text = f"{value:,.0f}" if float(value).is_integer() else significant(value, 6)
    return _with_unit(text, {"us": "µs", "uj": "µJ"}.get(unit.lower(), unit))


def percent(fraction: float) -> str:
    """Format a fraction as per cent: ``0.583`` is ``58 %``; small ones keep a digit."""
    value = fraction * 100
    if 0 < abs(value) < 0.1:
        return f"<0.1{NBSP}%"
    digits = 1 if 0 < abs(value) < 9.95 else 0
    return f"{value:.{digits}f}{NBSP}%"


def change_text(change: float) -> str:
    """``40 %``, ``4.2 %`` of a change such as -0.4; a small one never rounds to nothing."""
    value = abs(change) * 100
    if value < 0.1:
        return f"<0.1{NBSP}%"
    digits = 0 if 9.95 <= value < 99.5 else 1
    return f"{value:,.{digits}f}{NBSP}%"


def factor_text(factor: float) -> str:
    """``1.9x``, ``12x``: two significant digits, whole above ten."""
    return f"{factor:,.0f}x" if factor >= 9.95 else f"{significant(factor, 2)}x"


def band(uncertainty_pct: float | None) -> str:
    """Format the half width of a band: ``±15 %``, ``exact`` for 0, or ``uncertainty unknown``."""
    if uncertainty_pct is None:
        return "uncertainty unknown"
    if uncertainty_pct == 0:
        return "exact"
    return f"±{significant(uncertainty_pct, 2)}{NBSP}%"


def band_range(figure: Measurement) -> str:
    """Format both ends of the band, or an empty string where there is none."""
    if not figure.uncertainty_pct:
        return ""
    low, high = (quantity(end, figure.unit) for end in band_ends(figure))
    return f"{low} to {high}"


def when(iso: str | None) -> str:
    """Format an ISO 8601 time as ``2026-11-21 02:40 UTC``; anything else is shown unchanged."""
    if not iso:
        return MISSING
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def shorten(text: str, limit: int = 48) -> str:
    """Cut the middle out of a long text: converters join many names into one."""
    if len(text) <= limit:
        return text
    head = (limit - 1) // 2
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"


def tensor_name(name: str, limit: int = 40) -> str:
    """A tensor's name for a narrow column.

    TFLite's converter joins the names of all ops that it fused by ``;``; the first one stays.
    """
    first, *others = name.split(";")
    return shorten(first, limit) + (f" (+{len(others)})" if others else "")


def capacity(size_bytes: int) -> str:
    """Format a size that is a name rather than a measurement: ``96 KiB``, ``1 MiB``."""
    return round_text(size_bytes, "bytes")


def clock_text(hz: float | None) -> str:
    """``80 MHz`` rather than ``80.0 MHz``: a clock is a name too. Empty for None."""
    return f"{hz / 1e6:g}{NBSP}MHz" if hz else ""


def round_text(value: float, unit: str) -> str:
    """Format a round value, such as a tick of an axis, without zeros at its end: ``20 ms``."""
    number, _, unit = quantity(value, unit).partition(NBSP)
    return f"{trimmed(number)}{NBSP}{unit}"


def trimmed(number: str) -> str:
    """A number without zeros at the end of its fraction."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def plural(number: int, noun: str) -> str:
    """``1 input``, ``7 inputs``."""
    return f"{number:,}{NBSP}{noun}" + ("" if number == 1 else "s")
