"""A PPK2 on a pty: commands, metadata and 4-byte samples, as Nordic's application knows them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hil.records import Array

from tests.support.meters.on_pty import OnPty
from tests.support.supply import Supply

RATE_HZ = 100_000.0
LENGTHS = {0x0D: 3, 0x0C: 2, 0x11: 2}  # the other commands are one byte
LIMITS_A = (50e-6, 500e-6, 5e-3, 60e-3)  # where the instrument changes its range
CALIBRATION = {
    "R": (1003.3506, 101.5865, 10.3027, 0.9636, 0.0564),
    "GS": (0.0, 112.7890, 18.0115, 2.5217, 0.0689),
    "GI": (1.0, 0.9695, 0.9609, 0.9519, 0.9582),
    "O": (112.9420, 75.4627, 64.6020, 50.4983, 88.2505),
    "S": (0.000000048, 0.000000596, 0.000005281, 0.000062577, 0.002940743),
    "I": (-0.000000104, -0.000001443, 0.000036439, -0.000374119, -0.009388455),
    "UG": (1.0, 1.0, 1.0, 1.0, 1.0),
}
"""In the order of ranges; magnitudes of a real instrument's."""


@dataclass
class Mischief:
    lose: tuple[tuple[int, int], ...] = ()  # (first sample, how many)
    shift: int = 0  # stray bytes before the first sample
    silent: bool = False
    metadata: bytes | None = None
    saturate: int | None = None  # a sample at the top of the highest range
    endless: bool = False  # goes on sending after the stop


@dataclass
class Ppk2Simulator(OnPty):
    """Samples of ``supply`` at ``volts``; the window pin is on logic line ``line``."""

    supply: Supply
    volts: float = 3.3
    line: int = 0
    phase: float = 0.0
    mischief: Mischief = field(default_factory=Mischief)
    commands: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self._pending = b""
        self.powered = False

    def heard(self, data: bytes) -> None:
        self._pending += data
        while self._pending:
            length = LENGTHS.get(self._pending[0], 1)
            if len(self._pending) < length:
                return
            command, self._pending = self._pending[:length], self._pending[length:]
            self.commands.append(tuple(command))
            self._carry_out(command)

    def _carry_out(self, command: bytes) -> None:
        if self.mischief.silent:
            return
        if command[0] == 0x19:
            self.say(self.mischief.metadata if self.mischief.metadata is not None else metadata())
        elif command[0] == 0x0C:
            self.powered = command[1] == 1
        elif command[0] == 0x06:
            data = self.stream()
            self.say(data * 200 if self.mischief.endless else data)

    def stream(self) -> bytes:
        """All samples of the supply, as words."""
        watts = self.supply.watts(RATE_HZ, self.phase)
        ranges, adc = encoded(watts / self.volts, self.volts)
        if self.mischief.saturate is not None:
            ranges[self.mischief.saturate], adc[self.mischief.saturate] = 4, 0x3FFF
        index = np.arange(len(watts))
        low = self.supply.low((index + self.phase + 0.5) / RATE_HZ)
        others = 0xFF & ~(1 << self.line)
        logic = np.where(low, 0, 1 << self.line) | (
            others & np.where(index % 977 < 400, 0xAA, 0x55)
        )
        words = adc | ranges << 14 | (index % 64) << 18 | logic.astype(np.int64) << 24
        keep = np.ones(len(words), dtype=bool)
        for first, count in self.mischief.lose:
            keep[first : first + count] = False
        return b"\x55" * self.mischief.shift + words[keep].astype("<u4").tobytes()


def metadata() -> bytes:
    """What the instrument says of itself, and its calibration."""
    lines = ["Calibrated: 0"]
    for key in ("R", "GS", "GI", "O", "S", "I", "UG"):
        lines += [f"{key}{at}: {value:.9f}" for at, value in enumerate(CALIBRATION[key])]
    return ("\n".join([*lines, "VDD: 3300", "HW: 9173", "mode: 2", "IA: 56", "END"])).encode()


def encoded(amperes: Array, volts: float) -> tuple[Array, Array]:
    """Range and converter's value of currents: the inverse of the instrument's formula."""
    ranges = np.searchsorted(LIMITS_A, amperes)
    of = {key: np.array(values)[ranges] for key, values in CALIBRATION.items()}
    offset = of["S"] * volts + of["I"] - amperes / of["UG"]
    squares = np.where(of["GS"] == 0, 1e-12, of["GS"])
    plain = (-of["GI"] + np.sqrt(of["GI"] ** 2 - 4 * squares * offset)) / (2 * squares)
    raw = (plain / (1.8 / 163840 / of["R"]) + of["O"]) / 4
    return ranges.astype(np.int64), np.clip(np.round(raw), 0, 0x3FFF).astype(np.int64)
