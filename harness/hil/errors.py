"""One tree of errors; the exit code stands on the class, the hint travels with the instance.

::

    HilError                 70  (only ever raised as one of the below)
    ├── UsageError            2  a flag, an argument or a configuration value is wrong
    │   ├── ModelError        2  the model file is unreadable or not what it claims
    │   ├── UnsupportedModel  2  the engine has no kernel for an op, dtype or option
    │   ├── InputError        2  input data of the wrong shape, dtype or content
    │   └── ProfileError      2  unknown or invalid device profile
    ├── GateFailed            1  everything was done, and the result is worse than allowed
    ├── RunFailed             3  the run was carried out, or judged, and did not succeed
    │   ├── DoesNotFit        3  flash or RAM of the profile is too small
    │   ├── WrongOutput       3  outputs differ from the reference
    │   ├── DeviceFault       3  HardFault or error reported by the device
    │   ├── DeviceTimeout     3  the device did not answer in time
    │   ├── LinkError         3  the transport gave garbage or closed
    │   └── BuildFailed       3  the compiler or linker refused the firmware
    ├── MissingTool           4  QEMU, a compiler, a serial port … is not on this machine
    └── StoreError            4  the database cannot be used (locked, full, from a newer version)
"""

from __future__ import annotations


class HilError(Exception):
    """Root of every error that the user may see.

    ``message`` says what is wrong, ``hint`` what to do about it. ``exit_code`` is the process's.
    """

    exit_code = 70

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(HilError):
    """A flag, an argument or a configuration value is wrong."""

    exit_code = 2


class ModelError(UsageError):
    """The model file cannot be read, is damaged, or is not a .tflite."""


class UnsupportedModel(UsageError):
    """An op, dtype or option of the model is outside what the engine supports."""


class InputError(UsageError):
    """Input data does not match the model."""


class ProfileError(UsageError):
    """A device profile is unknown or invalid."""


class GateFailed(HilError):
    """Everything was done, and the result is worse than allowed."""

    exit_code = 1


class RunFailed(HilError):
    """The run did not succeed."""

    exit_code = 3


class DoesNotFit(RunFailed):
    """The model needs more flash or RAM than the profile has."""


class WrongOutput(RunFailed):
    """The device's outputs differ from the reference beyond the tolerance."""


class DeviceFault(RunFailed):
    """The device reported a fault or an error."""


class DeviceTimeout(RunFailed):
    """The device did not answer in time."""


class LinkError(RunFailed):
    """The link to the device broke or carried garbage."""


class BuildFailed(RunFailed):
    """Compiling or linking the firmware failed."""


class MissingTool(HilError):
    """Something this machine needs is not there."""

    exit_code = 4


class StoreError(HilError):
    """The results database cannot be used."""

    exit_code = 4
