"""The options of commands that can run on a board: which one, and how long to wait for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hil.cli.options import TargetOptions, required_profiles
from hil.errors import UsageError

if TYPE_CHECKING:
    from hil.devices import Profile
    from hil.settings import Settings

TARGET = "board"
"""The target's name in the registry."""


@dataclass(frozen=True)
class BoardOptions:
    """Which board, and how long to wait for it."""

    board: Annotated[
        str | None,
        typer.Option(
            "--board",
            metavar="NAME",
            help="Run on this board of boards.toml, with its profile unless --profile is given.",
        ),
    ] = None
    wait: Annotated[
        str | None,
        typer.Option(
            "--wait",
            metavar="SECONDS|forever",
            help="How long to wait for a board that somebody else uses (default: not at all).",
        ),
    ] = None

    @property
    def wait_s(self) -> float:
        """Seconds to wait.

        Raises:
            UsageError: not a number of seconds.
        """
        return parse_wait(self.wait) if self.wait is not None else 0.0

    def over(self, tools: TargetOptions) -> dict[str, Any]:
        """Return the settings of ``tools`` with the target that a board implies.

        Raises:
            UsageError: another target was given.
        """
        if self.board is None:
            return vars(tools)
        if tools.target not in (None, TARGET):
            raise UsageError(
                f"--board and --target {tools.target} exclude each other",
                hint="leave --target out",
            )
        return {**vars(tools), "target": TARGET}

    def profiles(self, settings: Settings, names: list[str] | None) -> list[Profile]:
        """Return the profiles of these names, without any the board's, else that of the settings.

        Raises:
            UsageError: there is none, or no such board.
            ProfileError: one is unknown or invalid.
        """
        if self.board is None or names:
            return required_profiles(settings, names)
        from hil import boards, devices

        return [devices.load(boards.load(self.board).profile)]


def parse_wait(text: str) -> float:
    """Return what ``--wait`` means in seconds, ``math.inf`` for ``forever``.

    Raises:
        UsageError: it is neither.
    """
    if text.strip() == "forever":
        return math.inf
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < math.inf:
        raise UsageError(f"invalid --wait '{text}'", hint="write seconds, such as 60, or forever")
    return seconds
