"""What a flasher is: a tool that writes firmware into a board's flash and resets the board.

A flasher registers a class without constructor arguments under the entry point group
``hil.flashers``; :mod:`hil.targets.flash.registry` finds it by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hil.devices import Profile
from hil.records import Finding


@dataclass(frozen=True)
class FlashJob:
    """What to write where.

    ``arguments`` are the profile's for this flasher (``[flashing]``), ``probe`` the serial number
    of the debug probe (None: the only one attached), ``options`` the board's. ``timeout_s`` bounds
    the whole call of the tool.
    """

    elf: Path
    profile: Profile
    arguments: tuple[str, ...] = ()
    probe: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    timeout_s: float = 120.0


class Flasher(Protocol):
    """Writes, verifies and starts firmware.

    ``name`` is what users write, ``title`` is for sentences.
    """

    name: str
    title: str

    def tool(self, job: FlashJob) -> str:
        """Version line of the tool that ``job`` would use.

        Raises:
            MissingTool: it is not on this machine.
        """

    def findings(self) -> Sequence[Finding]:
        """What ``hil doctor`` shows of this flasher. Does not raise ``HilError``."""

    def flash(self, job: FlashJob) -> str:
        """Write ``job.elf``, verify it, reset the board and let it run; return the tool's output.

        Raises:
            UsageError: an option is missing, unknown or invalid.
            MissingTool: the tool, or the probe, is not on this machine.
            FlashFailed: the tool reported an error, or what it wrote differs; with its own words.
        """

    def reset(self, job: FlashJob) -> str:
        """Reset the board and let it run without writing; errors as :meth:`flash`."""

    def probes(self) -> Sequence[str]:
        """Serial numbers of the attached debug probes that this flasher can use; empty where it
        cannot say. Does not raise ``HilError``.
        """
