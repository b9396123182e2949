"""A recording in a file, for instruments that hil does not speak to.

Another program records while the board runs: one that is running already, or one that ``command``
starts. The file is read when the recording ends.
"""

from __future__ import annotations

import shlex
import signal
import subprocess
from pathlib import Path
from typing import Literal

from pydantic import Field

from hil.errors import MeterFailed, MissingTool, UsageError
from hil.records import Recording, WindowSign
from hil.targets.meters.interface import MeterOptions
from hil.targets.meters.ports import OptionForm, parsed
from hil.targets.meters.recording_files import SUFFIXES, read

_END_S = 10.0


class _Options(OptionForm):
    file: Path
    command: str | None = None
    rate_hz: float | None = Field(default=None, gt=0, le=1e9)
    windows: Literal["level", "pulses", "none"] = "level"
    trigger: str = "0"
    accuracy_pct: float = Field(gt=0, le=100)


class RecordingFile:
    """The meter ``recording``; see :class:`hil.targets.meters.interface.Meter`.

    ``command`` is a command line with ``{file}`` in it; it gets SIGINT when the recording ends and
    has 10 s to write the file.
    """

    name = "recording"
    title = "recording in a file"
    supplies = False
    package = None

    def __init__(self, options: MeterOptions) -> None:
        self._options = parsed(_Options, options, self.name)
        self._volts = options.volts
        self.sign: WindowSign = self._options.windows
        self.rate_hz = self._options.rate_hz or 10_000.0
        self._file = self._options.file.expanduser()
        if self._file.suffix not in SUFFIXES:
            raise UsageError(
                f"a recording cannot be read from {self._file.name}",
                hint=f"its name must end in {', '.join(SUFFIXES)}",
            )
        self._process: subprocess.Popen[bytes] | None = None

    def open(self) -> str:
        """Check that the folder of the file is there."""
        if not self._file.parent.is_dir():
            raise MissingTool(
                f"there is no folder {self._file.parent} for the recording",
                hint="create it, or change the option `file` of the board's meter",
            )
        return self._title()

    def _title(self) -> str:
        return f"recording {self._file.name}"

    def power(self, on: bool) -> None:
        """Nothing: a file supplies no board."""

    def start(self) -> None:
        """Start the command, if there is one."""
        if self._options.command is None:
            return
        words = [word.replace("{file}", str(self._file)) for word in self._words()]
        self._file.unlink(missing_ok=True)  # an old one must not be taken for the new one
        try:
            self._process = subprocess.Popen(
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            raise MissingTool(
                f"cannot start {words[0]}: {error.strerror}", hint="check the meter's `command`"
            ) from error

    def _words(self) -> list[str]:
        try:
            words = shlex.split(self._options.command or "")
        except ValueError as error:
            raise UsageError(f"invalid command of the meter: {error}", hint="quote it") from error
        if not words:
            raise UsageError("the meter's command is empty", hint="leave out `command`, or fill it")
        return words

    def stop(self) -> Recording:
        """End the command and read the file."""
        if self._process is not None:
            self._end(self._process)
        return read(
            self._file,
            instrument=self._title(),
            rate_hz=self._options.rate_hz,
            volts=self._volts,
            trigger=None if self.sign == "none" else self._options.trigger,
            accuracy_pct=self._options.accuracy_pct,
        )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGINT)
        try:
            _, messages = process.communicate(timeout=_END_S)
        except subprocess.TimeoutExpired as error:
            self.close()
            raise MeterFailed(
                f"the recorder did not end within {_END_S:g} s",
                hint="it must write the file and end when it gets SIGINT",
            ) from error
        self._process = None
        if process.returncode not in (0, -signal.SIGINT, 128 + signal.SIGINT):
            last = messages.decode(errors="replace").strip().splitlines()[-1:] or ["no message"]
            raise MeterFailed(
                f"the recorder ended with status {process.returncode}: {last[0]}",
                hint="run the meter's `command` by itself",
            )

    def close(self) -> None:
        """End the command."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None
