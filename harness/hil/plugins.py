"""Classes that installed packages name by entry points; a module is imported when it is used."""

from __future__ import annotations

import functools
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from hil.errors import MissingTool, UsageError


def entries(kind: str) -> dict[str, EntryPoint]:
    """Return the entry points of the group ``hil.KINDs`` by name.

    Raises:
        MissingTool: there is none, so that hil itself is not installed.
        UsageError: two packages give one name to different classes.
    """
    return _entries(kind, tuple(sys.path))


@functools.cache
def _entries(kind: str, path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """Scanning the packages on ``path`` takes some milliseconds."""
    found: dict[str, EntryPoint] = {}
    for entry in entry_points(group=f"hil.{kind}s"):
        if found.setdefault(entry.name, entry).value != entry.value:
            raise UsageError(
                f"two packages provide the {kind} '{entry.name}': {found[entry.name].value} and "
                f"{entry.value}",
                hint="uninstall one of them",
            )
    if not found:
        raise MissingTool(
            f"no {kind} is installed, not even hil's own", hint="install hil again with pip"
        )
    return found


def load(kind: str, name: str) -> type[Any]:
    """Return the class of an entry point.

    Raises:
        MissingTool: its module cannot be imported, or it is not a class.
    """
    entry = entries(kind)[name]
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise MissingTool(
            f"the {kind} '{name}' cannot be loaded from {entry.value}: {error}",
            hint="install its package again",
        ) from error
    if not isinstance(found, type):
        raise MissingTool(
            f"the {kind} '{name}' cannot be used: {entry.value} is not a class",
            hint="report it to the authors of its package",
        )
    return found
