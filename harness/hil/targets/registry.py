"""Targets by name, from the entry points of the group ``hil.targets``.

An entry point names a class without constructor arguments that follows
:class:`hil.targets.interface.Target`. Modules are imported when a target is asked for.
"""

from __future__ import annotations

from hil import plugins
from hil.errors import MissingTool, UsageError, did_you_mean
from hil.targets.interface import BoardEmulator, ProgramRunner, Target

KIND = "target"


def names() -> list[str]:
    """Names of all targets, the default one first."""
    return [target.name for target in targets()]


def targets() -> list[Target]:
    """Return all targets that can be imported, the default one first."""
    found: list[Target] = []
    for name in plugins.entries(KIND):
        try:
            found.append(plugins.load(KIND, name)())
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
            raise MissingTool("no target can be loaded", hint="install hil again with pip")
        return found[0]
    if name not in plugins.entries(KIND):
        raise UsageError(
            f"there is no target '{name}'",
            hint=f"{did_you_mean(name, names())}targets: {', '.join(names())}",
        )
    made: Target = plugins.load(KIND, name)()
    return made


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


def board_emulator() -> BoardEmulator:
    """Return the first target, by rank, that emulates boards.

    Raises:
        MissingTool: none does.
    """
    for one in targets():
        if isinstance(one, BoardEmulator):
            return one
    raise MissingTool("no target here emulates boards", hint="install hil again: `pip install hil`")
