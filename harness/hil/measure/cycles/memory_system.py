"""Wait cycles of slow flash in a window: misses counted in emulation, times what a miss costs.

The profiler simulates buffer and caches on the executed stream and counts the reads that the flash
had to serve (``BlockProfile``). How long each stalls the core is bounded here: from a prefetcher
that hides every fetch of code in sequence to one that hides none. ``docs/timing.md``, section
"Flash and caches", has the reasons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from hil.devices import Flash
from hil.records import BlockProfile

MemoryModel = Literal["ideal", "cache"]
MEMORY_MODELS: tuple[MemoryModel, ...] = ("ideal", "cache")

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class WaitCycles:
    """Wait cycles of a window, parallel to its rows: bounds and the estimate between them.

    ``simulated`` is False where the window has no counts of misses; all waits are 0 then.
    """

    low: Floats
    high: Floats
    value: Floats
    simulated: bool


def memory_model(flash: Flash, asked: str | None = None) -> MemoryModel:
    """Return the model to use: the one asked for, else ``cache`` where the flash has waits.

    ``asked`` must be one of ``MEMORY_MODELS`` (or None).
    """
    if asked is None:
        return "cache" if flash.wait_states else "ideal"
    return "ideal" if asked == "ideal" else "cache"


def wait_cycles(flash: Flash, profile: BlockProfile) -> WaitCycles:
    """Price the misses of one window.

    A read of the flash takes ``wait_states`` cycles more than a hit. After a jump, and for data,
    the core waits for all of them. In sequence the prefetcher hides between all and nothing;
    ``flash.prefetch_hidden`` is that share where a calibration found it. A miss that fills a
    whole cache line costs one read where the critical word comes first and the rest streams in
    (lower bound), or all reads of the line (upper bound).
    """
    misses = (profile.line_misses, profile.sequential_misses, profile.data_misses)
    if any(counts is None for counts in misses):
        nothing = np.zeros(len(profile.start))
        return WaitCycles(nothing, nothing, nothing, simulated=False)
    jump, sequential, data = (np.asarray(counts, dtype=np.float64) for counts in misses)
    least, most = miss_cycles(flash)
    unhidden_least, unhidden_most = _sequential_shares(flash)
    low = (jump + data) * least + sequential * least * unhidden_least
    high = (jump + data) * most + sequential * most * unhidden_most
    return WaitCycles(low, high, (low + high) / 2, simulated=True)


def miss_cycles(flash: Flash) -> tuple[float, float]:
    """Cycles that one miss stalls the core, at least and at most, nothing hidden."""
    reads = flash.tag_bytes // flash.line_bytes if flash.cache_fill == "line" else 1
    most = reads * (flash.wait_states + 1) - 1 if flash.wait_states else 0
    return float(flash.wait_states), float(most)


def _sequential_shares(flash: Flash) -> tuple[float, float]:
    """Shares of sequential waits that remain, at least and at most."""
    if not flash.prefetch:
        return 1.0, 1.0
    if flash.prefetch_hidden is None:
        return 0.0, 1.0
    return 1.0 - flash.prefetch_hidden, 1.0 - flash.prefetch_hidden


def waits_note(flash: Flash, low: float, high: float, simulated: bool) -> str:
    """Return a note on how a window's waits were found, bounds in cycles; empty without waits."""
    if not flash.wait_states:
        return ""
    if not simulated:
        return (
            f"ideal memory: flash is read without its {flash.wait_states} wait states and no cache "
            "was simulated; a device is slower"
        )
    if flash.prefetch_hidden is not None:
        how = (
            f"prefetch hides {100 * flash.prefetch_hidden:.3g} % of sequential misses (calibrated)"
        )
    elif flash.prefetch:
        how = "from prefetch hiding every sequential miss to hiding none, the middle is taken"
    else:
        how = "no prefetch"
    if round(low) == round(high):
        return f"flash waits by cache simulation: {low:,.0f} cycles ({how})"
    return f"flash waits by cache simulation: between {low:,.0f} and {high:,.0f} cycles ({how})"


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


def _triples(
    a: npt.NDArray[Any], b: npt.NDArray[Any], c: npt.NDArray[Any]
) -> list[tuple[int, int, int]]:
    return list(zip(a.tolist(), b.tolist(), c.tolist(), strict=True))
