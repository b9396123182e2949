"""Targets by name, from the entry points of the group ``hil.targets``.

An entry point names a class without constructor arguments that follows
:class:`hil.targets.interface.Target`. Modules are imported when a target is asked for.
"""

from __future__ import annotations

import functools
from importlib.metadata import EntryPoint, entry_points

from hil.errors import MissingTool, UsageError, did_you_mean
from hil.targets.interface import ProgramRunner, Target

GROUP = "hil.targets"


@functools.cache
def _entries() -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=GROUP)}


def names() -> list[str]:
    """Names of all targets, the default one first."""
    return [target.name for target in targets()]


def targets() -> list[Target]:
    """Return all targets that can be imported, the default one first."""
    found = []
    for name in _entries():
        try:
            found.append(_load(name))
        except MissingTool:  # of another package, and damaged: asking for it by name reports it
            continue
    return sorted(found, key=lambda target: (target.rank, target.name))


def target(name: str | None = None) -> Target:
    """Return the target called ``name``; None is the default, the one with the lowest rank.

    Raises:
        UsageError: there is none of that name; the hint has the nearest.
        MissingTool: its module cannot be imported, or no target is installed.
    """
    if name is None:
        if not (found := targets()):
            raise MissingTool("no target is installed", hint="install hil again: `pip install hil`")
        return found[0]
    if name not in _entries():
        raise UsageError(
            f"there is no target '{name}'",
            hint=f"{did_you_mean(name, _entries())}targets: {', '.join(names())}",
        )
    return _load(name)


def program_runner() -> ProgramRunner:
    """Return the first target, by rank, that runs any program and counts what it executes.

    Raises:
        MissingTool: none does.
    """
    for one in targets():
        if isinstance(one, ProgramRunner):
            return one
    raise MissingTool(
        "no target here runs programs of any kind", hint="install hil again: `pip install hil`"
    )


def _load(name: str) -> Target:
    try:
        made: Target = _entries()[name].load()()
    except (ImportError, AttributeError) as error:
        raise MissingTool(
            f"the target '{name}' cannot be loaded: {error}",
            hint="install the package that it comes from again",
        ) from error
    return made
