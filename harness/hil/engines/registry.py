"""Engines by name, from the entry points of the group ``hil.engines``; see ``interface``.

Modules of engines are imported when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator

from hil import plugins
from hil.engines.interface import Engine, Family
from hil.errors import MissingTool, UsageError, did_you_mean

KIND = "engine"


def names() -> list[str]:
    """Return the names of all engines, sorted.

    Raises:
        StoreError: what the user added cannot be read.
    """
    added = [name for family in families() for name in family.names()]
    return sorted({*installed_names(), *added})


def installed_names() -> list[str]:
    """Return the names of the engines that came with a package, sorted."""
    return sorted(name for name in plugins.entries(KIND) if not _is_family(name))


def families() -> Iterator[Family]:
    """Return the families of engines that a user can add to."""
    for name in plugins.entries(KIND):
        if _is_family(name):
            yield plugins.load(KIND, name)()


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
    if name in plugins.entries(KIND) and not _is_family(name):
        made: Engine = plugins.load(KIND, name)()
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


def _is_family(name: str) -> bool:
    try:
        return issubclass(plugins.load(KIND, name), Family)
    except MissingTool:
        return False  # an engine whose package is damaged is reported when it is used
