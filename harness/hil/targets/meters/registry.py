"""Energy meters by name, from the entry points of the group ``hil.meters``."""

from __future__ import annotations

from importlib import metadata

from hil import boards, plugins
from hil.errors import HilError, UsageError, did_you_mean
from hil.records import Finding
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


def findings() -> list[Finding]:
    """What ``hil doctor`` shows: the meters of the boards in ``boards.toml``, none without one."""
    try:
        every = boards.load_all()
    except HilError:  # the target for boards reports it
        return []
    return [_finding(board) for board in every.values() if board.meter is not None]


def _finding(board: boards.Board) -> Finding:
    assert board.meter is not None
    name = f"meter of {board.name}"
    try:
        made = meter(board.meter.name, MeterOptions(board.meter.volts, board.meter.options))
        if made.package is None:
            return Finding(name, "ok", detail=made.title)
        return Finding(name, "ok", metadata.version(made.package), f"{made.title}: {made.package}")
    except metadata.PackageNotFoundError:
        detail = f"{made.title} needs {made.package}"
        return Finding(name, "warn", detail=detail, install="pip install 'hil[meters]'")
    except HilError as error:
        return Finding(name, "warn", detail=f"{error.message} ({error.hint})")
