"""Getting a firmware onto a board, with the board's flasher or the profile's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hil.boards import Board
from hil.devices import Profile
from hil.errors import MissingTool
from hil.targets.flash import choice
from hil.targets.flash.interface import Flasher, FlashJob

NONE = "none"
"""The flasher's name of a board that somebody flashes by hand."""


@dataclass(frozen=True)
class Flashing:
    """A flasher with what it needs for one firmware."""

    flasher: Flasher
    job: FlashJob

    @property
    def tool(self) -> str:
        """Version line of the flasher's tool; MissingTool where it is not here."""
        return self.flasher.tool(self.job)

    def flash(self) -> None:
        """Write the firmware, verify it and start it; errors as :meth:`Flasher.flash`."""
        self.flasher.flash(self.job)

    def reset(self) -> None:
        """Reset the board and let it run; errors as :meth:`Flasher.reset`."""
        self.flasher.reset(self.job)


def flashing(board: Board, profile: Profile, elf: Path) -> Flashing | None:
    """Return how ``elf`` gets onto the board, None where it has no flasher.

    The board's flasher is taken, else the first of the profile's ``[flashing]``.

    Raises:
        UsageError: there is no flasher of that name.
        MissingTool: its module cannot be imported.
    """
    name = board.flasher.name or next(iter(profile.flashing), NONE)
    if name == NONE:
        return None
    return Flashing(choice.chosen(board, profile), choice.job(board, profile, elf))


def no_flasher(board: Board, why: str) -> MissingTool:
    """The error of a board without flasher that does not run the firmware: ``why``."""
    return MissingTool(
        f"{why}, and the board '{board.name}' has no flasher",
        hint="write the firmware by hand (`hil run --keep DIR` keeps the ELF), or give the board a "
        "flasher in boards.toml",
    )
