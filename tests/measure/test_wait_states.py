"""Bounds of the flash waits on hand-made counts."""

from __future__ import annotations

import numpy as np
import pytest

from harness.measure.pricing import PricedBlocks
from harness.measure.wait_states import OpTraffic, WaitCycles, branch_entries, wait_cycles
from harness.records import BlockProfile
from tests.measure.samples import blocks, profile

NO_CONSTANTS = [OpTraffic(0, 0, 0), OpTraffic(0, 0, 0)]


def priced(rows: int, literals: int = 0, loads: int = 0, load_bytes: int = 1) -> PricedBlocks:
    def full(value: float) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.full(rows, value, dtype=np.int64)

    zero = np.zeros(rows)
    return PricedBlocks(
        zero, zero, zero, zero, full(4), full(literals), full(loads), full(loads * load_bytes)
    )


def waits(
    window: BlockProfile, cost: PricedBlocks | None = None, traffic: object = None, **flash: object
) -> WaitCycles:
    settings = {"wait_states": 4, "line_bytes": 8, "icache_bytes": 64, "dcache_bytes": 32, **flash}
    return wait_cycles(
        profile(**settings).flash,
        window,
        cost or priced(len(window.start)),
        branch_entries(window),
        traffic or NO_CONSTANTS,  # type: ignore[arg-type]
    )


def test_entries_by_branch_are_runs_less_falls() -> None:
    window = blocks((0, 8, 0, 10, 4), (8, 16, 0, 26, 20), (8, 16, 1, 5, 5))
    assert branch_entries(window).tolist() == [10, 20, 5]


def test_no_wait_states_no_waits() -> None:
    result = waits(blocks((0, 800, 0, 1000, 999)), wait_states=0)
    assert result.value.sum() == 0


def test_a_loop_that_fits_the_cache_waits_at_most_once_a_line() -> None:
    result = waits(blocks((0, 64, 0, 1000, 999)))
    assert result.low[0] == 0
    assert result.high[0] == 8 * 4


def test_a_loop_larger_than_the_cache_waits_at_most_every_line_each_round() -> None:
    result = waits(blocks((0, 128, 0, 1000, 999)))
    # 8 lines stay, 8 are fetched anew each round; one of all is entered by a branch.
    assert result.high[0] == (8 * 1000 + 8) * 4
    assert result.low[0] <= 1000 * 4
    assert result.value[0] == (result.low[0] + result.high[0]) / 2


def test_without_prefetch_nothing_hides_the_misses() -> None:
    window = blocks((0, 128, 0, 1000, 999))
    assert waits(window, prefetch=False).low[0] == 8 * 1000 * 4


def test_cold_code_does_not_evict_a_hot_loop() -> None:
    window = blocks((0, 32, 0, 1000, 999), (512, 1024, 0, 1, 1))
    hot_only = waits(blocks((0, 32, 0, 1000, 999)))
    assert waits(window).high[0] - hot_only.high[0] == 64 * 4


def test_literals_hit_or_miss_the_data_cache() -> None:
    window = blocks((0, 8, 0, 100, 99))
    base = waits(window)
    result = waits(window, priced(1, literals=1))
    assert result.low[0] - base.low[0] == 0
    assert result.high[0] - base.high[0] == 100 * 4
    without = waits(window, priced(1, literals=1), dcache_bytes=0)
    assert without.low[0] - base.low[0] == 100 * 4


@pytest.mark.parametrize(
    ("constants", "macs", "low", "high"),
    [
        (16, 500, 2, 2),  # fits into the data cache: two lines, once
        (80, 800, 10, 100),  # between once and one byte for each MAC
        (80, 99999, 10, 125),  # never more than what was loaded
    ],
)
def test_weights_are_read_between_once_and_for_each_mac(
    constants: int, macs: int, low: int, high: int
) -> None:
    window = blocks((0, 8, 0, 500, 499))
    base = waits(window)
    result = waits(window, priced(1, loads=2), [OpTraffic(constants, macs, 1), NO_CONSTANTS[0]])
    assert (result.low - base.low)[0] == low * 4
    assert (result.high - base.high)[0] == high * 4


def test_without_a_data_cache_every_load_of_a_weight_waits() -> None:
    window = blocks((0, 8, 0, 500, 499))
    traffic = [OpTraffic(80, 800, 1), NO_CONSTANTS[0]]
    base = waits(window, dcache_bytes=0)
    result = waits(window, priced(1, loads=2), traffic, dcache_bytes=0)
    assert (result.high - base.high)[0] == 800 * 4
