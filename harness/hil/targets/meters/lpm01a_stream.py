"""The data stream of an X-NUCLEO-LPM01A, decimal and binary (UM2269 Rev 6, section 4.4).

Decimal: a sample is a line such as ``6409-07`` (6409e-7); other lines begin with a letter:
``TimeStamp: 000s 200ms, buff 03%`` after each 1,000 samples, ``event 1 ris``, ``error …``, ``end``.
Binary: a sample is two bytes, the first half-byte a negative power of 16, the rest the number;
0xF0 0xFX begins what is no sample, 0xFF 0xFF ends it: 1 error, 2 message, 3 time stamp (four bytes
of ms, one of buffer load), 4 end, 5 overcurrent, 6 power off, 7 voltage (two bytes of mV).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from hil.errors import MeterFailed
from hil.records import Array, Edge

_SAMPLE = re.compile(rb"\d{4}[+-]\d{2}")
_STAMP = re.compile(rb"TimeStamp: *(\d+)s (\d+)ms, buff (\d+)%")
_EVENT = re.compile(rb"event \d+ (ris|fal)")
_ERROR = re.compile(rb"err(or)?\b[: ]*(.*)", re.DOTALL)
_END = b"end"
_TAG = re.compile(
    rb"\xf0(?:(\xf3.{5})|\xf7.{2}|([\xf4\xf5\xf6])|([\xf1\xf2][^\xff]*))\xff\xff", re.DOTALL
)
_STAMP_TAG = b"\xf0\xf3"
_HOST = "use a lower rate, or a USB port of its own; the host was too busy to read"


@dataclass(frozen=True)
class Converted:
    """Values (NaN: lost, infinite: beyond the range), their steps, falling edges and losses."""

    values: Array
    step: Array
    edges: tuple[Edge, ...]
    lost: int


@dataclass
class _Found:
    """What a stream holds: samples, and by their number so far the time stamps and events."""

    rate_hz: float
    values: list[Array] = field(default_factory=list)
    steps: list[Array] = field(default_factory=list)
    count: int = 0
    lost: int = 0
    events: list[int] = field(default_factory=list)
    _stamp: tuple[int, float] | None = None  # number of samples and seconds of the first one
    _block: int = 0  # where the samples since the last time stamp begin, in ``values``

    def add(self, values: Array, steps: Array) -> None:
        self.values.append(values)
        self.steps.append(steps)
        self.count += len(values)

    def lose(self, samples: int) -> None:
        self.lost += samples
        self.add(np.full(samples, np.nan), np.zeros(samples))

    def stamp(self, seconds: float) -> None:
        """Compare the samples with the instrument's clock, which counts milliseconds.

        Where samples are missing since the stamp before, none of that time can be used, as it is
        not known which ones.
        """
        if self._stamp is None:
            self._stamp = (self.count, seconds)
        first, begin = self._stamp
        missing = round((seconds - begin) * self.rate_hz) - (self.count - first)
        if missing > 1e-3 * self.rate_hz + 1:
            self.values[self._block :] = [one * np.nan for one in self.values[self._block :]]
            self.lose(missing)
        self._block = len(self.values)

    def result(self) -> Converted:
        if not self.count:
            raise MeterFailed(
                "the X-NUCLEO-LPM01A sent no samples", hint="is a board connected and powered?"
            )
        period_s = 1.0 / self.rate_hz
        return Converted(
            np.concatenate(self.values),
            np.concatenate(self.steps),
            tuple(Edge(at * period_s, False, period_s) for at in self.events),
            self.lost,
        )


def has_ended(tail: bytes, binary: bool) -> bool:
    """Whether the last bytes of a stream hold its end."""
    if binary:
        return b"\xf0\xf4\xff\xff" in tail
    return re.search(rb"[\r\n\0]end\r?\n", tail) is not None


def converted(data: bytes, rate_hz: float, *, binary: bool) -> Converted:
    """Return the samples of a stream that was ended by ``stop``.

    Raises:
        MeterFailed: the instrument reported an error, ended by itself, or sent something else.
    """
    found = _Found(rate_hz)
    if binary:
        _binary(data, found)
    else:
        _decimal(data, found)
    return found.result()


def _decimal(data: bytes, found: _Found) -> None:
    numbers: list[tuple[int, int]] = []
    for line in (line.strip(b"\r\0 ") for line in data.split(b"\n")):
        if _SAMPLE.fullmatch(line):
            numbers.append((int(line[:4]), int(line[4:])))
            continue
        _add_decimal(numbers, found)
        numbers.clear()
        if stamp := _STAMP.fullmatch(line):
            found.stamp(int(stamp[1]) + int(stamp[2]) * 1e-3)
        elif _EVENT.fullmatch(line):
            found.events.append(found.count)
        elif line == _END:
            return
        elif refused := _ERROR.match(line):
            raise _reported(refused[2])
        elif line[:1].isdigit():  # digits were lost, perhaps with whole samples
            found.lose(1)
    raise _no_end()


def _add_decimal(numbers: list[tuple[int, int]], found: _Found) -> None:
    if numbers:
        pairs = np.array(numbers, dtype=np.float64)
        step = 10.0 ** pairs[:, 1]
        found.add(pairs[:, 0] * step, step)


def _binary(data: bytes, found: _Found) -> None:
    at = data.find(_STAMP_TAG)
    if at < 0:
        raise MeterFailed(
            "what the X-NUCLEO-LPM01A sent is not its binary data format",
            hint="its firmware must be 1.0.2 or later",
        )
    while tag := _TAG.search(data, at):
        _words(data[at : tag.start()], found)
        at = tag.end()
        if tag[1] is not None:
            milliseconds = int.from_bytes(tag[1][1:5], "big") & 0x7FFFFFFF
            found.stamp(milliseconds * 1e-3)
        elif tag[2] == b"\xf4":
            return
        elif tag[2] == b"\xf5":
            found.add(np.array([np.inf]), np.zeros(1))
        elif tag[3] is not None and tag[3][:1] == b"\xf1":
            raise _reported(tag[3][1:])
    raise _no_end()


def _words(data: bytes, found: _Found) -> None:
    words = np.frombuffer(data[: len(data) // 2 * 2], dtype=">u2")
    if not len(data):
        return
    step = 16.0 ** -(words >> 12).astype(np.float64)
    found.add((words & 0xFFF) * step, step)
    if len(data) % 2 or np.any(words >> 12 == 15):  # a byte is missing: all pairs may be wrong
        found.values[-1][:] = np.nan
        found.lost += len(words)


def _reported(text: bytes) -> MeterFailed:
    return MeterFailed(
        f"the X-NUCLEO-LPM01A reports: {text.decode('ascii', 'replace').strip() or 'an error'}",
        hint="check the supply's voltage, and that the board draws no more than the mode's limit",
    )


def _no_end() -> MeterFailed:
    return MeterFailed("the X-NUCLEO-LPM01A did not end its recording as it should", hint=_HOST)
