"""Energy meters by name, from the entry points of the group ``hil.meters``."""

from __future__ import annotations

from hil import plugins
from hil.errors import UsageError, did_you_mean
from hil.targets.meters.interface import Meter, MeterOptions

KIND = "meter"


def names() -> list[str]:
    """Names of all meters, sorted."""
    return sorted(plugins.entries(KIND))


def meter(name: str, options: MeterOptions) -> Meter:
    """Return the meter called ``name``, not yet opened.

    Raises:
        UsageError: there is none of that name, or an option is invalid.
        MissingTool: its module cannot be imported.
    """
    if name not in names():
        raise UsageError(
            f"there is no meter '{name}'",
            hint=f"{did_you_mean(name, names())}meters: {', '.join(names())}",
        )
    made: Meter = plugins.load(KIND, name)(options)
    return made
