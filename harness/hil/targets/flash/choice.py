"""Which flasher writes a board, and the job that it is given."""

from __future__ import annotations

from pathlib import Path

from hil.boards import Board
from hil.devices import Profile
from hil.errors import UsageError
from hil.targets.flash import registry
from hil.targets.flash.interface import Flasher, FlashJob


def chosen(board: Board, profile: Profile) -> Flasher:
    """Return the board's flasher, else the profile's default one.

    Raises:
        UsageError: there is neither, or none of that name.
        MissingTool: its module cannot be imported.
    """
    name = board.flasher.name or next(iter(profile.flashing), None)
    if name is None:
        raise UsageError(
            f"the board '{board.name}' has no flasher, and the profile '{profile.name}' no default",
            hint=f"`hil board add {board.name} --replace --flasher NAME …`; flashers: "
            f"{', '.join(registry.names())}",
        )
    return registry.flasher(name)


def job(board: Board, profile: Profile, elf: Path, *, timeout_s: float = 120.0) -> FlashJob:
    """Return what a flasher needs to write ``elf``, within ``timeout_s`` seconds."""
    name = board.flasher.name or next(iter(profile.flashing), "")
    return FlashJob(
        elf=elf,
        profile=profile,
        arguments=profile.flashing.get(name, ()),
        probe=board.flasher.probe,
        options=board.flasher.options,
        timeout_s=timeout_s,
    )
