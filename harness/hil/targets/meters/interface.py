"""What an energy meter is: an instrument that records a board's supply while inferences run.

A meter registers a class under the entry point group ``hil.meters``, made with its
:class:`MeterOptions`; :mod:`hil.targets.meters.registry` finds it by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hil.records import Recording, WindowSign


@dataclass(frozen=True)
class MeterOptions:
    """How a meter is used: ``volts`` of the supply (None: it measures them, or does not supply the
    board), and the meter's own ``options`` of ``boards.toml``.
    """

    volts: float | None = None
    options: Mapping[str, str] = field(default_factory=dict)


class Meter(Protocol):
    """One instrument. ``name`` is what users write, ``title`` is for sentences.

    ``supplies`` is true where the board gets its power through the meter, so that the power must be
    on before anything is flashed. ``sign`` is how the firmware has to mark windows on the line that
    the meter listens to; ``rate_hz`` is how often it samples. ``package`` is the distribution
    of the extra ``meters`` that it needs, None for none.
    """

    name: str
    title: str
    supplies: bool
    package: str | None
    sign: WindowSign
    rate_hz: float

    def __init__(self, options: MeterOptions) -> None:
        """Keep the options.

        Raises:
            UsageError: an option is missing, unknown or invalid.
        """

    def open(self) -> str:
        """Connect; return model, serial number and firmware version of the instrument.

        Raises:
            MissingTool: the library or the instrument is not there, or is in use.
            MeterFailed: what answers is not such an instrument.
        """

    def power(self, on: bool) -> None:
        """Switch the board's supply, where the meter does; else do nothing.

        Raises:
            MeterFailed: the instrument does not answer, or refuses.
        """

    def start(self) -> None:
        """Begin to record.

        Raises:
            MeterFailed: the instrument does not answer, or refuses.
        """

    def stop(self) -> Recording:
        """End the recording and return it.

        Raises:
            MeterFailed: the instrument stopped by itself, or its data is damaged.
        """

    def close(self) -> None:
        """Let go of the instrument, which leaves the board's supply as it is; a second call does
        nothing.
        """
