"""Flashers by name, from the entry points of the group ``hil.flashers``."""

from __future__ import annotations

from hil import plugins
from hil.errors import UsageError, did_you_mean
from hil.targets.flash.interface import Flasher

KIND = "flasher"


def names() -> list[str]:
    """Names of all flashers, sorted."""
    return sorted(plugins.entries(KIND))


def flasher(name: str) -> Flasher:
    """Return the flasher called ``name``.

    Raises:
        UsageError: there is none of that name; the hint has the nearest.
        MissingTool: its module cannot be imported.
    """
    if name not in names():
        raise UsageError(
            f"there is no flasher '{name}'",
            hint=f"{did_you_mean(name, names())}flashers: {', '.join(names())}",
        )
    made: Flasher = plugins.load(KIND, name)()
    return made
