"""The exceptions of hil, one tree::

    HilError                 70  never raised itself
    ├── UsageError            2  invalid flag, argument or configuration value
    │   ├── ModelError        2  the model file cannot be read, is damaged or is not a .tflite
    │   ├── UnsupportedModel  2  the engine does not support an op, dtype or option of the model
    │   ├── InputError        2  input data of the wrong shape, dtype or content
    │   └── ProfileError      2  unknown or invalid device profile
    ├── GateFailed            1  the result is worse than the limit allows
    ├── NotCompared           5  a gate has nothing to compare the result with
    ├── RunFailed             3  the run failed
    │   ├── DoesNotFit        3  the model needs more flash or RAM than the profile has
    │   ├── WrongOutput       3  the outputs differ from the reference
    │   ├── DeviceFault       3  the device reported a fault or an error
    │   ├── DeviceTimeout     3  the device did not answer in time
    │   ├── LinkError         3  the link to the device broke or carried invalid data
    │   ├── BuildFailed       3  the compiler or linker rejected the firmware
    │   ├── FlashFailed       3  the flashing tool reported an error, or the flash differs
    │   ├── MeterFailed       3  the energy meter failed, or its recording cannot be used
    │   └── ReferenceFailed   3  the host's reference crashed on the model, or did not end
    ├── MissingTool           4  an emulator, a compiler, a serial port … is missing on this host
    └── StoreError            4  the results database cannot be used (locked, full, newer version)

The number is ``exit_code`` of the class, the exit code of ``hil``. The message states the problem,
``hint`` what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


class HilError(Exception):
    """Base class of every error that is shown to the user as ``error: …`` and ``hint: …``.

    Attributes:
        message: the problem, without a final full stop.
        hint: what to do about it, or ''.
    """

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HilError):
    """A flag, an argument or a configuration value is invalid."""

    exit_code = 2


class ModelError(UsageError):
    """The model file cannot be read, is damaged or is not a .tflite."""


@dataclass(frozen=True)
class Gap:
    """One thing of a model that an engine cannot run.

    Attributes:
        op: index of the op in the model.
        name: the op's name, such as ``CONV_2D``.
        reason: what of it is not supported.
        supported: what would be.
    """

    op: int
    name: str
    reason: str
    supported: str


class UnsupportedModel(UsageError):
    """The engine does not support an op, dtype or option of the model.

    ``gaps`` has every one that was found, in the order of the ops; it is empty where the refusal is
    not about single ops.
    """

    def __init__(self, message: str, *, hint: str = "", gaps: tuple[Gap, ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.gaps = gaps


class InputError(UsageError):
    """Input data does not match the model."""


class ProfileError(UsageError):
    """A device profile is unknown or invalid."""


class GateFailed(HilError):
    """The result is worse than the limit allows."""

    exit_code = 1


class NotCompared(HilError):
    """A gate has nothing to compare the result with, so it neither passes nor fails."""

    exit_code = 5


class RunFailed(HilError):
    """The run failed."""

    exit_code = 3


class DoesNotFit(RunFailed):
    """The model needs more flash or RAM than the profile has."""


class WrongOutput(RunFailed):
    """The device's outputs differ from the reference by more than the tolerance."""


class DeviceFault(RunFailed):
    """The device reported a fault or an error."""


class DeviceTimeout(RunFailed):
    """The device did not answer in time."""


class LinkError(RunFailed):
    """The link to the device broke or carried invalid data."""


class BuildFailed(RunFailed):
    """The compiler or linker rejected the firmware."""


class FlashFailed(RunFailed):
    """The tool that writes the flash reported an error, or the flash differs from the firmware."""


class MeterFailed(RunFailed):
    """The energy meter failed, or what it recorded cannot be used."""


class ReferenceFailed(RunFailed):
    """The host's reference crashed on the model, or did not end."""


class MissingTool(HilError):
    """A tool, port or folder that is needed is missing on this host."""

    exit_code = 4


class StoreError(HilError):
    """The results database cannot be used."""

    exit_code = 4


def exit_code(kinds: Iterable[str]) -> int:
    """Return the highest exit code of the error classes with these names; 0 for none.

    Classes of other modules are known once these are imported.
    """
    every: list[type[HilError]] = [HilError, *_below(HilError)]
    codes = {found.__name__: found.exit_code for found in every}
    return max((codes.get(kind, HilError.exit_code) for kind in kinds), default=0)


def _below(kind: type[HilError]) -> Iterator[type[HilError]]:
    for found in kind.__subclasses__():
        yield found
        yield from _below(found)


def did_you_mean(word: str, known: Iterable[str], *, most: int = 1, cutoff: float = 0.6) -> str:
    """Return a hint such as ``did you mean 'samples'? ``, or '' where no known word is similar."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=most, cutoff=cutoff)
    return f"did you mean {' or '.join(map(repr, near))}? " if near else ""
