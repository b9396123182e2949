"""An X-NUCLEO-LPM01A on a pty: its command line and both data formats (UM2269 Rev 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from tests.support.meters.on_pty import OnPty
from tests.support.supply import Supply

PROMPT = b"PowerShield > "


@dataclass
class Mischief:
    silent: bool = False
    refuse: str = ""  # a command that is answered with an error
    leftover: bool = False  # an earlier program left half a command
    lose: tuple[tuple[int, int], ...] = ()  # (first sample, how many)
    garble: int | None = None  # a sample whose line lost a digit
    error_at: int | None = None  # sample before which an error is reported
    overcurrent_at: int | None = None
    ends_early: bool = False  # its buffer overflowed
    no_end: bool = False


@dataclass
class Lpm01aSimulator(OnPty):
    """Samples of ``supply``; a ``late`` one, a subclass, sends them when stopped."""

    late: ClassVar[bool] = False
    supply: Supply
    mischief: Mischief = field(default_factory=Mischief)
    commands: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._line = b"garbage" if self.mischief.leftover else b""
        self.state: dict[str, str] = {}
        self.powered = False
        self._measuring = False

    def heard(self, data: bytes) -> None:
        self._line += data
        while b"\n" in self._line:
            line, _, self._line = self._line.partition(b"\n")
            self._carry_out(line.decode().strip())

    def _carry_out(self, command: str) -> None:
        self.commands.append(command)
        name, _, argument = command.partition(" ")
        if self.mischief.silent:
            return
        known = [
            "htc",
            "hrc",
            "version",
            "powershield",
            "acqmode",
            "output",
            "format",
            "freq",
            "acqtime",
            "trigsrc",
            "eventsrc",
            "pwrend",
            "pwr",
            "volt",
            "start",
            "stop",
        ]
        if name not in known or name == self.mischief.refuse:
            self.say(b"\r\n" + PROMPT + f"err {command}\r\nError detail: refused\r\n\r\n".encode())
            return
        self.state[name] = argument
        said = {"version": "version: 1.0.6", "powershield": "powershield 540619864-1110659081"}
        if name == "stop":
            if self._measuring:
                self._say_end()
            return
        if name == "pwr":
            self.powered = argument.startswith("on")
        self.say(b"\r\n" + PROMPT + f"ack {said.get(name, command)}\r\n\r\n".encode())
        if name == "start":
            self._measuring = True
            if self.late:
                return
            self.say(self._binary() if self.state["format"] == "bin_hexa" else self._decimal())
            if self.mischief.ends_early:
                self._say_end()

    def _say_end(self) -> None:
        self._measuring = False
        if self.mischief.no_end:
            return
        end = b"\xf0\xf4\xff\xff" if self.state["format"] == "bin_hexa" else b"\r\nend\r\n"
        summary = b"summary beg\r\n1234-06\r\n5678-06\r\nsummary end\r\n"
        self.say(end + summary + PROMPT + b"Acquisition completed\r\n" + PROMPT)

    @property
    def rate_hz(self) -> float:
        return float(self.state["freq"].replace("k", "000"))

    def _values(self) -> np.ndarray:
        watts = self.supply.watts(self.rate_hz)
        if self.state["output"] == "energy":
            return watts / self.rate_hz
        return watts / (float(self.state["volt"].rstrip("m")) * 1e-3)

    def _events(self) -> dict[int, int]:
        """Numbers of the falling edges by the sample in which they are."""
        if "eventsrc" not in self.state:
            return {}
        times = [at for span in self.supply.spans for at in span]
        return {round(at * self.rate_hz): number for number, at in enumerate(times)}

    def _lost(self, sample: int) -> bool:
        return any(first <= sample < first + count for first, count in self.mischief.lose)

    def _decimal(self) -> bytes:
        events = self._events()
        lines = [self._stamp(0)]
        for sample, value in enumerate(self._values()):
            if sample == self.mischief.error_at:
                lines.append("\r\nerror: voltage drop\r\n")
            if sample in events:
                lines.append(f"event {events[sample]} ris\r\n")
            power = min(int(np.floor(np.log10(value))) - 3, 99) if value > 0 else 0
            power += round(value / 10.0**power) > 9_999  # four digits
            text = f"{round(value / 10.0**power):04d}{power:+03d}"
            if sample == self.mischief.garble:
                text = text[1:]
            if not self._lost(sample):
                lines.append(text[:8] + "\r\n")
            if sample % 1000 == 999:
                lines.append(self._stamp(sample + 1))
        return "".join(lines).encode()

    def _stamp(self, sample: int) -> str:
        milliseconds = int(sample / self.rate_hz * 1e3)
        seconds, rest = divmod(milliseconds, 1000)
        return f"\r\nTimeStamp: {seconds:03d}s {rest:03d}ms, buff 02%\r\n\0"

    def _binary(self) -> bytes:
        parts = [self._tag(0)]
        values = self._values()
        powers = np.minimum(np.floor(-np.log(np.maximum(values, 1e-12) / 4095) / np.log(16)), 14)
        words = np.round(values * 16.0**powers).astype(np.int64) | powers.astype(np.int64) << 12
        for first in range(0, len(words), 1000):
            for sample in range(first, min(first + 1000, len(words))):
                if sample == self.mischief.error_at:
                    parts.append(b"\xf0\xf1voltage drop\xff\xff")
                if sample == self.mischief.overcurrent_at:
                    parts.append(b"\xf0\xf5\xff\xff")
                if not self._lost(sample):
                    word = int(words[sample]).to_bytes(2, "big")
                    parts.append(word[1:] if sample == self.mischief.garble else word)
            parts.append(self._tag(min(first + 1000, len(words))))
        return b"".join(parts)

    def _tag(self, sample: int) -> bytes:
        milliseconds = int(sample / self.rate_hz * 1e3)
        return b"\xf0\xf3" + milliseconds.to_bytes(4, "big") + b"\x02\xff\xff"
