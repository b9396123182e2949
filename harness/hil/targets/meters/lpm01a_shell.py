"""The command line of an X-NUCLEO-LPM01A: a command, and its ``ack`` or ``err``.

UM2269 Rev 6, section 4.2.3; lines begin with the prompt ``PowerShield > ``, and an error's
description follows it.
"""

from __future__ import annotations

import re
import time
from typing import Any

from hil.errors import MeterFailed

_PROMPT = re.compile(r"^(PowerShield > )+")
_REFUSED = re.compile(r"^(err|error)\b", re.IGNORECASE)
_ANSWER_S = 3.0
_DETAIL_S = 0.2


class Shell:
    """Sends commands over ``port``, a ``serial.Serial``, and reads the answers."""

    def __init__(self, port: Any) -> None:
        self.port = port
        self._rest = b""

    def take_control(self) -> None:
        """Ask for control, again where what an earlier program left over spoils the command.

        Raises:
            MeterFailed: the instrument does not answer, or does not give it.
        """
        self.port.reset_input_buffer()
        self.write("stop")  # one that was left recording goes on sending
        for _ in range(3):
            try:
                self.ask("htc")
                return
            except MeterFailed as error:
                reason = error
        raise MeterFailed(
            f"what is at {self.port.port} does not answer as an X-NUCLEO-LPM01A does: "
            f"{reason.message}",
            hint="check the port; end what else uses the instrument, and plug it in again",
        )

    def ask(self, command: str, timeout_s: float = _ANSWER_S) -> str:
        """Send a command; return what follows its name in the acknowledgement.

        Raises:
            MeterFailed: the instrument refuses, is silent or is gone.
        """
        self.write(command)
        until = time.monotonic() + timeout_s
        acknowledged = re.compile(rf"^ack {re.escape(command)}\b:?\s*(.*)$")
        while (line := self._line(until)) is not None:
            if found := acknowledged.match(line):
                return found[1].strip()
            if _REFUSED.match(line):
                detail = self._line(time.monotonic() + _DETAIL_S) or line
                raise MeterFailed(
                    f"the X-NUCLEO-LPM01A refuses `{command}`: {detail}",
                    hint="check the meter's options (docs/energy.md), and its firmware's version",
                )
        raise MeterFailed(
            f"the X-NUCLEO-LPM01A does not answer `{command}`",
            hint="plug it in again; its firmware must be 1.0.2 or later",
        )

    def write(self, command: str) -> None:
        """Send a command without waiting for its answer.

        Raises:
            MeterFailed: the instrument is gone.
        """
        try:
            self.port.write(command.encode() + b"\r\n")
        except OSError as error:
            raise _gone(error) from error

    def read(self) -> bytes:
        """What has arrived, beginning with what answers left over; raises OSError."""
        rest, self._rest = self._rest, b""
        return rest or bytes(self.port.read(max(1, self.port.in_waiting)))

    def _line(self, until: float) -> str | None:
        """The next line without prompt that is not empty; None when there is none in time."""
        while True:
            line, found, rest = self._rest.partition(b"\n")
            if found:
                self._rest = rest
                text = _PROMPT.sub("", line.decode("ascii", "replace").strip("\r\0 "))
                if text:
                    return text
            elif time.monotonic() > until:
                return None
            else:
                try:
                    self._rest += self.port.read(max(1, self.port.in_waiting))
                except OSError as error:
                    raise _gone(error) from error


def _gone(error: OSError) -> MeterFailed:
    return MeterFailed(
        f"the X-NUCLEO-LPM01A is gone: {error.strerror or error}",
        hint="was it unplugged, or did its USB connection reset?",
    )
