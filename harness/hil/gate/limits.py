"""Limits of a regression: ``2%`` of the baseline's value, or an amount such as ``1 KiB``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from hil import figures
from hil.errors import UsageError

DEFAULT = "2%"
_LIMIT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(%|[a-zµμ/]*)", re.IGNORECASE)
_OFF = "off"


@dataclass(frozen=True)
class Limit:
    """``size`` is a fraction of the baseline's value (``unit`` ``%``) or an amount in ``unit``.

    An empty ``unit`` is the figure's own.
    """

    size: float
    unit: str
    text: str

    @property
    def relative(self) -> bool:
        """Whether the limit is a fraction of the baseline's value."""
        return self.unit == "%"

    def amount(self, name: str, unit: str) -> float:
        """Return an absolute limit in ``unit``, the unit of the figure ``name``.

        Raises:
            UsageError: the units cannot be converted.
        """
        factor = figures.unit(unit).factor(self.unit) if self.unit else 1.0
        if factor is None:
            raise UsageError(
                f"the limit '{self.text}' of {name} has another unit than the figure ({unit})",
                hint=f"write a percentage, such as 2%, or a number of {unit}",
            )
        return self.size * factor


@dataclass(frozen=True)
class Limits:
    """The limits of a gate: ``default`` for the usual figures, ``named`` for those it names.

    None in ``named`` excludes a figure from the gate.
    """

    default: Limit
    named: Mapping[str, Limit | None] = field(default_factory=dict)

    def of(self, name: str) -> Limit | None:
        """Return the limit of a figure, None if it is not compared."""
        if name in self.named:
            return self.named[name]
        return self.default if figures.find(name).gated else None


def chosen(
    flag: str | None,
    named_flags: Sequence[str],
    setting: str | float | None,
    named_settings: Mapping[str, str | float],
) -> Limits:
    """Return the limits of a gate: flags before settings, a figure's own before the general one.

    ``named_flags`` are texts such as ``latency_us=1%``.

    Raises:
        UsageError: one of them is invalid.
    """
    given = {}
    for text in named_flags:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UsageError(f"invalid --limit '{text}'", hint="write --limit latency_us=1%")
        given[name.strip()] = value
    if flag is not None:
        default = parse_default(flag, "--max-regression")
    else:
        default = parse_default(DEFAULT if setting is None else setting, "[gate] max_regression")
    named = {**parse_named(named_settings, "[gate.limits]"), **parse_named(given, "--limit")}
    return Limits(default, named)


def parse(value: str | float, where: str) -> Limit:
    """Parse ``2%``, ``0``, ``1 KiB``, ``200 us``; a bare number is in the figure's own unit.

    Raises:
        UsageError: it is none of these; ``where`` names the option or setting.
    """
    text = str(value).strip()
    found = _LIMIT.fullmatch(text)
    if found is None or not math.isfinite(float(found[1])):
        raise UsageError(
            f"{where}: '{text}' is an invalid limit",
            hint="write a percentage (2%), an amount (1 KiB, 200 us, 0), or off",
        )
    if found[2] == "%":
        return Limit(float(found[1]) / 100, "%", text)
    return Limit(float(found[1]), found[2], text)


def parse_default(value: str | float, where: str) -> Limit:
    """Parse the limit of all figures without one of their own: a percentage.

    Raises:
        UsageError: it is not a percentage (figures have different units).
    """
    limit = parse(value, where)
    if not limit.relative and limit.size:
        raise UsageError(
            f"{where}: '{limit.text}' is not a percentage",
            hint="write 2%; amounts are for one figure: --limit ram_bytes='1 KiB'",
        )
    return Limit(limit.size, "%", limit.text)


def parse_named(values: Mapping[str, str | float], where: str) -> dict[str, Limit | None]:
    """Parse limits by figure; ``off`` excludes a figure from the gate.

    Raises:
        UsageError: one of them is invalid.
    """
    return {
        name: None if str(value).strip() == _OFF else parse(value, f"{where} {name}")
        for name, value in values.items()
    }
