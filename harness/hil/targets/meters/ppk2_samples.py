"""Samples of a PPK2 as currents.

Each sample is a little-endian 32-bit word: bits 0 to 13 the converter's value, 14 to 16 the range
of measurement, 18 to 23 a counter, 24 to 31 the logic lines (Nordic's pc-nrfconnect-ppk,
src/device/serialDevice.ts). ppk2-api has the formula with the calibration and the filter of the
first samples after a change of range, for one sample at a time (1 s for 100,000 of them); here the
formula is applied to all samples at once, and the package itself to the filtered ones.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hil.errors import MeterFailed
from hil.records import Array, Edge

RATE_HZ = 100_000.0
_RANGES = 5
_ADC_MASK, _ADC_TOP = 0x3FFF, 0x3FFF
_COUNTS = 64
_FILTERED = 3
"""So many samples from a change of range on are filtered."""
_SETTLED = 400
"""After so many samples the filter has forgotten what was before (0.94 ** 400 = 2e-11)."""
_MOST_GAPS = 0.05
_FORM = "check that the port is a PPK2's; if it is, record again"


@dataclass(frozen=True)
class Converted:
    """Currents in A (NaN: lost, infinite: beyond the range), their steps, edges and losses."""

    amperes: Array
    step: Array
    edges: tuple[Edge, ...]
    lost: int


def converted(data: bytes, api: Any, line: int | None) -> Converted:
    """Return the samples in ``data`` by the calibration of ``api``, a ``PPK2_API``.

    ``line`` is the logic line of the trigger; None where none is wired. The counter shows how many
    samples are missing at a place, up to 63.

    Raises:
        MeterFailed: there are no samples, or the counter shows that these are not samples.
    """
    words = np.frombuffer(data[: len(data) // 4 * 4], dtype="<u4")
    if len(words) < 2:
        raise MeterFailed("the PPK2 sent no samples", hint=_FORM)
    missing = (np.diff((words >> 18) & 0x3F).astype(np.int64) - 1) % _COUNTS
    if np.count_nonzero(missing) > _MOST_GAPS * len(words):
        raise MeterFailed("what the PPK2 sent is not a stream of samples", hint=_FORM)
    values, step = _amperes(words, api)
    index = np.arange(len(words)) + np.concatenate([[0], np.cumsum(missing)])
    whole = np.full(int(index[-1]) + 1, np.nan)
    steps = np.zeros(len(whole))
    whole[index], steps[index] = values, step
    edges = () if line is None else _edges((words >> (24 + line)) & 1, index)
    return Converted(whole, steps, edges, int(missing.sum()))


def _amperes(words: Array, api: Any) -> tuple[Array, Array]:
    """Currents and steps, as ``PPK2_API.get_adc_result`` computes them."""
    ranges = np.minimum((words >> 14) & 7, _RANGES - 1)
    adc = (words & _ADC_MASK).astype(np.float64)
    factor = {
        key: np.array([float(api.modifiers[key][str(one)]) for one in range(_RANGES)])[ranges]
        for key in ("R", "GS", "GI", "O", "S", "I", "UG")
    }
    slope = api.adc_mult / factor["R"]
    plain = (adc * 4 - factor["O"]) * slope
    values = factor["UG"] * (
        plain * (factor["GS"] * plain + factor["GI"])
        + (factor["S"] * (api.current_vdd / 1000) + factor["I"])
    )
    for first, last in _filtered(ranges):
        begin = max(0, first - _SETTLED)
        values[first:last] = _by_the_package(words[begin:last], api)[first - begin :]
    values[(ranges == _RANGES - 1) & ((words & _ADC_MASK) == _ADC_TOP)] = np.inf
    return values, np.abs(4 * slope * factor["UG"] * factor["GI"])


def _filtered(ranges: Array) -> list[tuple[int, int]]:
    """The spans of samples that follow changes of the range closely."""
    changes = np.flatnonzero(ranges[1:] != ranges[:-1]) + 1
    spans: list[tuple[int, int]] = []
    for change in changes.tolist():
        last = min(change + _FILTERED, len(ranges))
        if spans and change <= spans[-1][1] + _SETTLED:
            spans[-1] = (spans[-1][0], last)
        else:
            spans.append((change, last))
    return spans


def _by_the_package(words: Array, api: Any) -> Array:
    api.rolling_avg = api.rolling_avg4 = api.prev_range = None
    api.consecutive_range_samples = api.after_spike = 0
    api.remainder = {"sequence": b"", "len": 0}
    microamperes, _ = api.get_samples(words.tobytes())
    return np.array(microamperes) * 1e-6


def _edges(line: Array, index: Array) -> tuple[Edge, ...]:
    """The line is read once in each sample, at a place of it that is not documented."""
    changes = np.flatnonzero(line[1:] != line[:-1]) + 1
    period_s = 1.0 / RATE_HZ
    return tuple(
        Edge(
            at_s=float(index[at] * period_s),
            rising=bool(line[at]),
            uncertainty_s=float((index[at] - index[at - 1]) * period_s),
        )
        for at in changes
    )
