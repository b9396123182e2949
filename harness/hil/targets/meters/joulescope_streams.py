"""Streams of a Joulescope, put together from the blocks that its driver publishes.

A block is a dictionary: ``sample_id`` counts samples of the full rate, ``sample_rate``, of which
``decimate_factor`` give one value of ``data`` (binding.pyx of joulescope_driver). Power is float32
in W, NaN where the instrument missed samples; an input has one bit for each value, the first in the
lowest bit of the first byte, and its last byte may be filled up.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from hil.errors import MeterFailed
from hil.records import Array, Edge


@dataclass(frozen=True)
class Whole:
    """A stream without gaps: value k is that of the full rate's samples from
    ``first_id + k * per_value`` on. ``lost`` values are NaN.
    """

    values: Array
    first_id: int
    per_value: int
    full_rate_hz: float
    lost: int

    @property
    def rate_hz(self) -> float:
        """Values in a second."""
        return self.full_rate_hz / self.per_value


class Stream:
    """Blocks of the topic as they come, from a thread of the driver."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self.ended = False
        self.blocks: list[Mapping[str, Any]] = []
        self._news = threading.Condition()
        self.take = self._take  # the driver knows a subscriber by its identity

    def _take(self, _topic: str, block: Mapping[str, Any]) -> None:
        with self._news:
            self.blocks.append(block)
            self._news.notify_all()

    def last_id(self) -> int | None:
        """The full rate's sample that the latest block begins with."""
        with self._news:
            return int(self.blocks[-1]["sample_id"]) if self.blocks else None

    def rate_hz(self) -> int:
        """The full rate, 0 before the first block."""
        with self._news:
            return int(self.blocks[0]["sample_rate"]) if self.blocks else 0

    def reached(self, sample_id: int, timeout_s: float) -> bool:
        """Wait for a block that begins after ``sample_id``; return whether it came."""
        with self._news:
            return self._news.wait_for(
                lambda: bool(self.blocks) and int(self.blocks[-1]["sample_id"]) > sample_id,
                timeout_s,
            )


def whole(stream: Stream, *, bits: bool = False) -> Whole:
    """Put a stream's blocks together; where samples were skipped, values are NaN.

    Raises:
        MeterFailed: blocks contradict each other.
    """
    first = stream.blocks[0]
    per_value, rate_hz = int(first["decimate_factor"]), float(first["sample_rate"])
    first_id = int(first["sample_id"])
    begins = [(int(block["sample_id"]) - first_id) // per_value for block in stream.blocks]
    chunks = [np.asarray(block["data"]) for block in stream.blocks]
    if bits:
        chunks = _unpacked(chunks, begins)
    if any(b < a for a, b in itertools.pairwise(begins)) or not rate_hz > 0:
        raise MeterFailed(
            "the Joulescope's blocks of samples are out of order", hint="record again"
        )
    values = np.full(begins[-1] + len(chunks[-1]), np.nan)
    for begin, chunk in zip(begins, chunks, strict=True):
        values[begin : begin + len(chunk)] = chunk
    lost = int(np.isnan(values).sum())
    return Whole(values, first_id, per_value, rate_hz, lost)


def _unpacked(chunks: list[Array], begins: list[int]) -> list[Array]:
    """Bits of the blocks. A block says nothing of how many bits its last byte fills: the begin of
    the next block does, and where that is further away the last byte is left out.
    """
    found = []
    for chunk, begin, after in zip(chunks, begins, [*begins[1:], -1], strict=True):
        bits = np.unpackbits(chunk.astype(np.uint8), bitorder="little").astype(np.float64)
        fits = len(bits) - 8 < after - begin <= len(bits)
        found.append(bits[: after - begin] if fits else bits[:-8])
    return found


def edges(stream: Stream, power: Whole) -> tuple[Edge, ...]:
    """The edges of an input, by the time of the power's samples. Lost bits have no edge.

    Raises:
        MeterFailed: blocks contradict each other.
    """
    line = whole(stream, bits=True)
    known = np.flatnonzero(~np.isnan(line.values))
    levels = line.values[known]
    found = []
    for at in np.flatnonzero(levels[1:] != levels[:-1]) + 1:
        sample_id = line.first_id + int(known[at]) * line.per_value
        apart = int(known[at] - known[at - 1]) * line.per_value
        at_s = (sample_id - power.first_id) / power.full_rate_hz
        if 0 <= at_s <= len(power.values) / power.rate_hz:
            found.append(Edge(at_s, bool(levels[at]), apart / power.full_rate_hz))
    return tuple(found)
