"""From counted misses to wait cycles: bounds, calibration, and the words that go with them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hil.devices import Flash
from hil.measure.cycles.memory_system import (
    WaitCycles,
    branch_entries,
    memory_model,
    miss_cycles,
    wait_cycles,
    waits_note,
)
from hil.records import BlockProfile

from tests.measure.samples import blocks, profile


def flash(**fields: object) -> Flash:
    settings = {"wait_states": 4, "line_bytes": 8, "icache_bytes": 64, "dcache_bytes": 32}
    return profile(**{**settings, "cache_line_bytes": None, **fields}).flash


def window(jump: int, sequential: int, data: int) -> BlockProfile:
    """Two blocks; the first has all misses, the second none."""
    counted = blocks((0, 8, 0, 100, 99), (8, 16, 1, 100, 99))
    return dataclasses.replace(
        counted,
        line_misses=np.array([jump, 0]),
        sequential_misses=np.array([sequential, 0]),
        data_misses=np.array([data, 0]),
    )


def bounds(waits: WaitCycles) -> tuple[float, float, float]:
    assert waits.low[1] == waits.high[1] == waits.value[1] == 0
    return float(waits.low[0]), float(waits.value[0]), float(waits.high[0])


def test_entries_by_branch_are_runs_less_falls() -> None:
    counted = blocks((0, 8, 0, 10, 4), (8, 16, 0, 26, 20), (8, 16, 1, 5, 5))
    assert branch_entries(counted).tolist() == [10, 20, 5]


def test_jumps_and_data_wait_whole_and_sequences_between_nothing_and_all() -> None:
    assert bounds(wait_cycles(flash(), window(10, 200, 3))) == (13 * 4, 13 * 4 + 400, 213 * 4)


def test_without_a_prefetcher_nothing_is_hidden() -> None:
    waits = wait_cycles(flash(prefetch=False), window(10, 200, 3))
    assert bounds(waits) == (213 * 4, 213 * 4, 213 * 4)


@pytest.mark.parametrize(("hidden", "left"), [(0.0, 200), (0.75, 50), (1.0, 0)])
def test_a_calibration_pins_what_prefetch_hides(hidden: float, left: int) -> None:
    waits = wait_cycles(flash(prefetch_hidden=hidden), window(10, 200, 3))
    assert bounds(waits) == (4 * (13 + left),) * 3


def test_a_line_filled_by_several_reads_waits_for_the_first_or_for_all() -> None:
    whole = flash(cache_line_bytes=32, cache_fill="line")
    assert miss_cycles(whole) == (4, 4 * 5 - 1)
    assert miss_cycles(flash(cache_line_bytes=32)) == (4, 4)
    assert bounds(wait_cycles(whole, window(10, 0, 3))) == (13 * 4, 13 * 11.5, 13 * 19)


def test_no_wait_states_no_waits() -> None:
    still = flash(wait_states=0, cache_line_bytes=32, cache_fill="line")
    waits = wait_cycles(still, window(10, 200, 3))
    assert bounds(waits) == (0, 0, 0)
    assert waits.simulated


def test_a_window_without_miss_counts_waits_for_nothing_and_says_so() -> None:
    waits = wait_cycles(flash(), blocks((0, 8, 0, 100, 99)))
    assert waits.high.tolist() == waits.value.tolist() == [0]
    assert not waits.simulated


def test_the_model_follows_the_wait_states_unless_it_is_named() -> None:
    slow, quick = flash(), flash(wait_states=0)
    assert [memory_model(slow), memory_model(quick)] == ["cache", "ideal"]
    assert [memory_model(slow, "ideal"), memory_model(quick, "cache")] == ["ideal", "cache"]


def test_the_note_names_bounds_and_what_they_rest_on() -> None:
    assert waits_note(flash(wait_states=0), 0, 0, simulated=False) == ""
    assert "between 1,000 and 2,000 cycles" in waits_note(flash(), 1000, 2000, simulated=True)
    assert "hiding none" in waits_note(flash(), 1000, 2000, simulated=True)
    assert "75 %" in waits_note(flash(prefetch_hidden=0.75), 9, 9, simulated=True)
    assert "no prefetch" in waits_note(flash(prefetch=False), 9, 9, simulated=True)
    assert "without its 4 wait states" in waits_note(flash(), 0, 0, simulated=False)
