"""What meters share: their options, serial ports, and a thread that reads while the host waits."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict

from hil.errors import HilError, MeterFailed, MissingTool, UsageError
from hil.forms import validated
from hil.targets.meters.interface import MeterOptions

_IDLE_S = 0.001
_TAIL = 50  # chunks that are searched for the end of a recording
_ABSENT = (errno.ENOENT, errno.ENODEV, errno.ENXIO)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_BUSY = (errno.EBUSY, errno.EAGAIN)


class OptionForm(BaseModel):
    """Base of the forms in which meters describe their options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Form = TypeVar("Form", bound=OptionForm)


def parsed(form: type[Form], options: MeterOptions, name: str) -> Form:
    """Return a meter's options as its form.

    Raises:
        UsageError: an option is unknown or invalid.
    """
    return validated(
        form,
        options.options,
        f"the options of the meter '{name}'",
        hint="docs/energy.md describes every option",
    )


def needed_volts(options: MeterOptions, title: str, lowest: float, highest: float) -> float:
    """Return the supply's voltage.

    Raises:
        UsageError: none is given, or the instrument cannot supply it.
    """
    if options.volts is None:
        raise UsageError(
            f"{title} needs to know the supply's voltage", hint="give `volts` of the board's meter"
        )
    if not lowest <= options.volts <= highest:
        raise UsageError(
            f"{title} supplies {lowest:g} to {highest:g} V, not {options.volts:g} V",
            hint="change `volts` of the board's meter",
        )
    return options.volts


def library(module: str, title: str) -> ModuleType:
    """Import a library of the extra ``meters``.

    Raises:
        MissingTool: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingTool(
            f"{title} needs the Python package {module.partition('.')[0].replace('_', '-')}: "
            f"{error}",
            hint="`pip install 'hil[meters]'`",
        ) from error


def found_port(asked: str | None, fits: Callable[[Any], bool], title: str) -> str:
    """Return the serial port asked for, else the only one that fits.

    Raises:
        MissingTool: none fits, or more than one.
    """
    if asked is not None:
        return asked
    from serial.tools import list_ports

    ports = sorted(port.device for port in list_ports.comports() if fits(port))
    if len(ports) == 1:
        return str(ports[0])
    if not ports:
        raise MissingTool(
            f"no {title} is attached",
            hint="plug it in and switch it on, or name its serial port with the option `port`",
        )
    raise MissingTool(
        f"{len(ports)} instruments {title} are attached",
        hint=f"choose one with the option `port`: {', '.join(ports)}",
    )


def not_opened(path: str, title: str, error: OSError) -> HilError:
    """Return the error for a serial port that could not be opened."""
    if error.errno in _ABSENT:
        return MissingTool(
            f"there is no serial port {path} of the {title}",
            hint="plug the meter in and switch it on; the option `port` names its port",
        )
    if error.errno in _FORBIDDEN:
        return MissingTool(
            f"the serial port {path} of the {title} may not be opened by this user",
            hint="on Debian and Ubuntu: `sudo adduser $USER dialout`, then log in again; or a udev "
            'rule for its USB identity with TAG+="uaccess" (docs/energy.md)',
        )
    if error.errno in _BUSY:
        return MissingTool(
            f"the {title} at {path} is in use by another program",
            hint="end that program, such as the instrument's own application or another hil",
        )
    return MissingTool(
        f"cannot open the serial port {path} of the {title}: {error.strerror or error}",
        hint="check that it is the meter's serial port",
    )


class BackgroundReader:
    """Collects what an instrument sends, in a thread of its own, from construction to ``stop``.

    ``read`` returns what has arrived (empty: nothing) and raises OSError where the link is gone.
    """

    def __init__(self, read: Callable[[], bytes], title: str) -> None:
        self._read = read
        self._title = title
        self._chunks: list[bytes] = []
        self._error: OSError | None = None
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"meter {title}", daemon=True)
        self._thread.start()

    def stop(self, complete: Callable[[bytes], bool], idle_s: float, limit_s: float) -> bytes:
        """Return all that was read, once ``complete`` is true of the last bytes, or nothing has
        come for ``idle_s``, at the latest after ``limit_s``.

        Raises:
            MeterFailed: the link broke, or the instrument goes on sending.
        """
        begun = last = time.monotonic()
        seen = -1
        while self._thread.is_alive() and time.monotonic() - last < idle_s:
            if len(self._chunks) != seen:
                seen, last = len(self._chunks), time.monotonic()
                if complete(self.tail()):
                    break
            if last - begun > limit_s:
                self.abandon()
                raise MeterFailed(
                    f"the {self._title} goes on sending after it was stopped",
                    hint="unplug it, and plug it in again",
                )
            time.sleep(_IDLE_S)
        self.abandon()
        if self._error is not None:
            raise MeterFailed(
                f"the {self._title} is gone: {self._error.strerror or self._error}",
                hint="was it unplugged, or did its USB connection reset?",
            ) from self._error
        return b"".join(self._chunks)

    def tail(self) -> bytes:
        """The last bytes that were read."""
        return b"".join(self._chunks[-_TAIL:])

    def abandon(self) -> None:
        """End the thread."""
        self._ending.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                chunk = self._read()
            except OSError as error:
                self._error = error
                return
            if chunk:
                self._chunks.append(chunk)
            else:
                self._ending.wait(_IDLE_S)
