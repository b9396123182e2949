"""What slow flash adds: a static estimate with its bounds, region by region.

Block counts say how often code ran, not in which order, so caches are not simulated here. Three
sources of waiting are bounded from below and above; the estimate is the middle. ``docs/timing.md``
explains each with its assumptions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.measure.pricing import PricedBlocks
from harness.profiles import Flash
from harness.records import BlockProfile

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class OpTraffic:
    """What an op of the graph reads from flash: constant bytes, MACs, bytes of one constant."""

    constant_bytes: int
    macs: int
    item_bytes: int


@dataclass(frozen=True)
class WaitCycles:
    """Wait cycles by region (ops, then "between ops"): lower and upper bound, and the estimate."""

    low: Floats
    high: Floats

    @property
    def value(self) -> Floats:
        """The middle of the bounds."""
        return (self.low + self.high) / 2


def branch_entries(profile: BlockProfile) -> npt.NDArray[np.int64]:
    """How often each row's block was entered by a branch: its runs less the falls into it.

    Falls into an address are shared between blocks that start there in the order of the rows;
    more than one is rare.
    """
    falls: dict[tuple[int, int], int] = {}
    not_taken = profile.executed - profile.taken
    for region, end, count in _triples(profile.region, profile.end, not_taken):
        falls[region, end] = falls.get((region, end), 0) + count
    entries = np.zeros(len(profile.start), dtype=np.int64)
    rows = _triples(profile.region, profile.start, profile.executed)
    for row, (region, start, executed) in enumerate(rows):
        fallen = min(falls.get((region, start), 0), executed)
        if fallen:
            falls[region, start] -= fallen
        entries[row] = executed - fallen
    return entries


def wait_cycles(
    flash: Flash,
    profile: BlockProfile,
    priced: PricedBlocks,
    entries: npt.NDArray[np.int64],
    traffic: list[OpTraffic],
) -> WaitCycles:
    """Bound the flash wait cycles of one window. ``priced`` is parallel to the profile's rows."""
    regions = profile.n_regions + 1
    low, high = np.zeros(regions), np.zeros(regions)
    if flash.wait_states == 0:
        return WaitCycles(low, high)
    for region in np.unique(profile.region):
        rows = profile.region == region
        misses = [
            _fetch_misses(flash, profile, entries, rows),
            _literal_misses(flash, profile, priced, rows),
        ]
        if region < len(traffic):
            misses.append(_constant_misses(flash, profile, priced, rows, traffic[region]))
        low[region] = sum(m[0] for m in misses) * flash.wait_states
        high[region] = sum(m[1] for m in misses) * flash.wait_states
    return WaitCycles(low, high)


def _fetch_misses(
    flash: Flash, profile: BlockProfile, entries: npt.NDArray[Any], rows: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Instruction fetches that wait.

    A line stays cached between two of its uses when all code at least as hot fits into the cache
    with it. Otherwise every use waits (upper bound), or, where there is a prefetcher, only those
    entered by a branch (lower bound: it hides every sequential one). First uses always wait in
    the upper bound.
    """
    lines, uses, branched = _lines(flash, profile, entries, rows)
    order = np.argsort(-uses, kind="stable")
    hot_bytes = np.empty(len(lines))
    hot_bytes[order] = np.arange(1, len(lines) + 1) * flash.line_bytes
    evicted = hot_bytes > flash.icache_bytes
    high = uses[evicted].sum() + np.count_nonzero(~evicted)
    low = branched[evicted].sum() if flash.prefetch else uses[evicted].sum()
    return float(low), float(high)


def _lines(
    flash: Flash, profile: BlockProfile, entries: npt.NDArray[Any], rows: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]:
    """Flash lines that the rows' code touches: numbers, uses, and uses entered by a branch."""
    first = profile.start[rows] // flash.line_bytes
    last = (profile.end[rows] - 1) // flash.line_bytes
    counts = last - first + 1
    row = np.repeat(np.arange(len(first)), counts)
    begins = np.repeat(np.cumsum(counts) - counts, counts)
    number = first[row] + np.arange(len(row)) - begins
    lines, index = np.unique(number, return_inverse=True)
    uses = np.zeros(len(lines), dtype=np.int64)
    np.maximum.at(uses, index, profile.executed[rows][row])
    branched = np.zeros(len(lines), dtype=np.int64)
    is_first = number == first[row]
    np.add.at(branched, index[is_first], entries[rows][row][is_first])
    return lines, uses, np.minimum(branched, uses)


def _literal_misses(
    flash: Flash, profile: BlockProfile, priced: PricedBlocks, rows: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Loads of constants beside the code: all hit the data cache, or none does."""
    loads = float((priced.literal_loads[rows] * profile.executed[rows]).sum())
    return (0.0 if flash.dcache_bytes else loads), loads


def _constant_misses(
    flash: Flash,
    profile: BlockProfile,
    priced: PricedBlocks,
    rows: npt.NDArray[np.bool_],
    op: OpTraffic,
) -> tuple[float, float]:
    """Weights read from flash through the data cache.

    Constants that fit into the cache are read once. Larger ones are read at least once (lower
    bound); at most every load of the op, one constant a MAC, is such a read (upper bound). Reads
    are sequential: with a data cache one flash line serves as many as it holds.
    """
    loads = float((priced.data_loads[rows] * profile.executed[rows]).sum())
    loaded = float((priced.data_bytes[rows] * profile.executed[rows]).sum())
    if not op.constant_bytes or not loads:
        return 0.0, 0.0
    unit = flash.line_bytes if flash.dcache_bytes else loaded / loads
    once = min(op.constant_bytes, loaded) / unit
    if op.constant_bytes <= flash.dcache_bytes:
        return once, once
    most = min(loaded, max(op.macs * op.item_bytes, op.constant_bytes)) / unit
    return min(once, most), most


def _triples(
    a: npt.NDArray[Any], b: npt.NDArray[Any], c: npt.NDArray[Any]
) -> list[tuple[int, int, int]]:
    return list(zip(a.tolist(), b.tolist(), c.tolist(), strict=True))
