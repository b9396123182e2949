"""Joulescope's driver at its Python interface: what ``pyjoulescope_driver.Driver`` gives of an
instrument on USB, which cannot be simulated below (the package brings its own libusb).

Blocks are as ``binding.pyx`` makes them: ``sample_id`` of the full rate of 2 MHz, float32 power,
one bit a sample of an input, filled up to a byte.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import numpy as np

from tests.support.supply import Supply

FULL_HZ = 2_000_000


@dataclass
class Mischief:
    skip: tuple[tuple[float, float], ...] = ()  # from, to in s: blocks that never come
    nan: tuple[tuple[float, float], ...] = ()  # power that the instrument missed
    in_use: bool = False
    unplugged_at: float | None = None
    disorder: bool = False
    refuse: str = ""


@dataclass
class Instrument:
    supply: Supply
    path: str = "u/js220/001234"
    first_id: int = 123_456_784
    mischief: Mischief = field(default_factory=Mischief)
    published: list[tuple[str, Any]] = field(default_factory=list)
    sent: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def wait(self, streams: int = 2) -> None:
        """Until all streams have come to the end of the supply; idle power follows."""
        for _ in range(streams):
            assert self.sent.acquire(timeout=60)

    @property
    def module(self) -> ModuleType:
        """A stand-in for the package, with this instrument attached."""
        found = ModuleType("pyjoulescope_driver")
        found.Driver = lambda: Driver([self])  # type: ignore[attr-defined]
        return found


class Driver:
    """The members of the real one that are used, with its names, arguments and errors."""

    def __init__(self, instruments: list[Instrument]) -> None:
        self._instruments = {one.path: one for one in instruments}
        self._open: set[str] = set()
        self._subscribers: dict[str, Callable[[str, Any], None]] = {}
        self._rates: dict[str, int] = {}
        self._streams: list[threading.Thread] = []
        self._ending = threading.Event()
        self.finalized = False

    def device_paths(self, timeout: float | None = None) -> list[str]:
        return sorted(self._instruments)

    def open(self, device_prefix: str, mode: Any = None, timeout: float | None = None) -> None:
        if self._instruments[device_prefix].mischief.in_use:
            raise RuntimeError(f"jsdrv_open failed 21 IN_USE | in use | {device_prefix}")
        self._open.add(device_prefix)

    def close(self, device_prefix: str, timeout: float | None = None) -> None:
        self._open.discard(device_prefix)

    def subscribe(self, topic: str, flags: Any, fn: Any, timeout: float | None = None) -> None:
        self._subscribers[topic] = fn

    def unsubscribe(self, topic: str, fn: Any, timeout: float | None = None) -> None:
        assert self._subscribers.pop(topic) is fn

    def publish(self, topic: str, value: Any, timeout: float | None = None) -> None:
        device, name = "/".join(topic.split("/")[:3]), "/".join(topic.split("/")[3:])
        instrument = self._instruments[device]
        if device not in self._open:
            raise RuntimeError(f"jsdrv_publish failed 23 CLOSED | closed | {topic}")
        if instrument.mischief.refuse == name:
            raise TimeoutError(f"jsdrv_publish timed out | {topic}")
        instrument.published.append((name, value))
        if name == "h/fs":
            self._rates[device] = value
        elif name.endswith("/ctrl") and value == 1:
            stream = name.removesuffix("/ctrl")
            thread = threading.Thread(target=self._send, args=(instrument, stream), daemon=True)
            self._streams.append(thread)
            thread.start()

    def finalize(self, timeout: float | None = None) -> None:
        self._ending.set()
        for thread in self._streams:
            thread.join()
        self.finalized = True

    def _send(self, instrument: Instrument, stream: str) -> None:
        """The stream in blocks as fast as they are taken, then idle ones until it is ended."""
        rate_hz = self._rates[instrument.path]
        bits = stream.startswith("s/gpi")
        per_value = 1 if bits else FULL_HZ // rate_hz
        step = 80_000 if bits else 80_000 // per_value  # 40 ms a block
        values = self._values(instrument, bits, per_value)
        ends = len(values) // step
        idle = values[-1]
        values = np.concatenate([values, np.full(step - len(values) % step, idle)])
        topic = f"{instrument.path}/{stream}/!data"
        for number in itertools.count():
            block = values[number * step : (number + 1) * step]
            if number == ends + 1:
                instrument.sent.release()
            if not block.size:
                block = np.full(step, idle)
                self._ending.wait(0.002)
            if instrument.mischief.disorder and number in (1, 2):
                block = values[(3 - number) * step : (4 - number) * step]
            at_s = number * step * per_value / FULL_HZ
            stopped = instrument.mischief.unplugged_at
            if stopped is not None and at_s > stopped:
                instrument.sent.release()
                return
            if any(begin <= at_s < end for begin, end in instrument.mischief.skip):
                continue
            taker = self._subscribers.get(topic)
            if self._ending.is_set() or taker is None:
                return
            first_id = instrument.first_id + number * step * per_value
            if instrument.mischief.disorder and number in (1, 2):
                first_id += (3 - 2 * number) * step * per_value
            taker(topic, _block(first_id, per_value, block, bits))

    def _values(self, instrument: Instrument, bits: bool, per_value: int) -> np.ndarray:
        supply = instrument.supply
        if bits:
            return ~supply.low((np.arange(int(supply.seconds * FULL_HZ)) + 0.5) / FULL_HZ)
        rate_hz = FULL_HZ / per_value
        watts = supply.watts(rate_hz)
        for begin, end in instrument.mischief.nan:
            watts[int(begin * rate_hz) : int(end * rate_hz)] = np.nan
        return watts


def _block(first_id: int, per_value: int, values: np.ndarray, bits: bool) -> dict[str, Any]:
    packed = np.packbits(values.astype(np.uint8), bitorder="little") if bits else None
    return {
        "sample_id": first_id,
        "utc": 0,
        "field_id": 5 if bits else 3,
        "index": 0,
        "sample_rate": FULL_HZ,
        "decimate_factor": per_value,
        "time_map": {},
        "data": values.astype(np.float32) if packed is None else packed,
    }
