"""Engines by name, from the entry points of the group ``hil.engines``; see ``interface``.

Modules of engines are imported when they are asked for.
"""

from __future__ import annotations

import functools
import importlib.metadata
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint

from hil.engines.interface import Engine, Family
from hil.errors import HilError, MissingTool, UsageError, did_you_mean

GROUP = "hil.engines"


def names() -> list[str]:
    """Return the names of all engines, sorted.

    Raises:
        StoreError: what the user added cannot be read.
    """
    added = [name for family in families() for name in family.names()]
    return sorted({*installed_names(), *added})


def installed_names() -> list[str]:
    """Return the names of the engines that came with a package, sorted."""
    return sorted(name for name, entry in _entries().items() if not _is_family(entry))


def families() -> Iterator[Family]:
    """Return the families of engines that a user can add to."""
    for entry in _entries().values():
        if _is_family(entry):
            yield entry.load()()


def family_of(name: str) -> Family:
    """Return the family of the added engine ``name``.

    Raises:
        UsageError: none of that name was added.
        StoreError: what the user added cannot be read.
    """
    added: list[str] = []
    for family in families():
        if name in (own := family.names()):
            return family
        added += own
    listed = ", ".join(sorted(added)) or "none yet; `hil engine add` adds one"
    raise UsageError(f"no engine '{name}' was added", hint=f"added engines: {listed}")


def engine(name: str) -> Engine:
    """Return the engine ``name``.

    Raises:
        UsageError: unknown; the hint has the nearest name.
        MissingTool: its package cannot be imported.
        StoreError: what the user added cannot be read.
    """
    entry = _entries().get(name)
    if entry is not None and not _is_family(entry):
        made: Engine = _loaded(entry)()
        return made
    for family in families():
        if name in family.names():
            return family.engine(name)
    known = names()
    raise UsageError(
        f"there is no engine '{name}'",
        hint=f"{did_you_mean(name, known, cutoff=0.3)}engines: {', '.join(known)} "
        "(`hil engine add` adds more)",
    )


def _is_family(entry: EntryPoint) -> bool:
    try:
        return issubclass(_loaded(entry), Family)
    except HilError:
        return False  # an engine whose package is damaged is reported when it is used


def _loaded(entry: EntryPoint) -> type:
    try:
        found = entry.load()
    except (ImportError, AttributeError) as error:
        raise MissingTool(
            f"the engine '{entry.name}' cannot be loaded from {entry.value}: {error}",
            hint="install its package again",
        ) from error
    if not isinstance(found, type):
        raise MissingTool(
            f"the engine '{entry.name}' cannot be used: {entry.value} is not a class",
            hint="report it to the authors of its package",
        )
    return found


def _entries() -> dict[str, EntryPoint]:
    return _entries_on(tuple(sys.path))


@functools.cache
def _entries_on(path: tuple[str, ...]) -> dict[str, EntryPoint]:
    """The entry points by name; scanning the packages takes some milliseconds."""
    found: dict[str, EntryPoint] = {}
    for entry in importlib.metadata.entry_points(group=GROUP):
        if found.setdefault(entry.name, entry).value != entry.value:
            raise UsageError(
                f"two packages have an engine '{entry.name}': {found[entry.name].value} and "
                f"{entry.value}",
                hint="uninstall one of them",
            )
    if not found:
        raise MissingTool(
            "no engine is installed, not even hil's own", hint="install hil again with pip"
        )
    return found
