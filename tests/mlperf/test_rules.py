"""Five windows of at least 10 s and 10 inferences, by the clock of the device."""

from __future__ import annotations

import contextlib
from collections.abc import Callable

import pytest
from hil.errors import DeviceFault, RunFailed
from hil.mlperf.device import require_clock
from hil.mlperf.rules import (
    LEAST_INFERENCES,
    LEAST_S,
    Window,
    inferences_for_a_window,
    valid_window,
)


def clock(*latencies_us: float, overhead_us: int = 0) -> Callable[[int, int], int]:
    """A device whose inferences take these times, command by command; then the last one's."""
    left = list(latencies_us)

    def infer(inferences: int, warmups: int) -> int:
        latency = left.pop(0) if len(left) > 1 else left[0]
        return int(latency * inferences) + overhead_us

    return infer


@pytest.mark.parametrize("latency_us", [3.0, 270.0, 97_531.0, 999_999.0, 1_000_001.0, 45e6])
@pytest.mark.parametrize("overhead_us", [0, 1_700])
def test_the_trial_finds_a_count_that_lasts_10_s(latency_us: float, overhead_us: int) -> None:
    infer = clock(latency_us, overhead_us=overhead_us)
    count = inferences_for_a_window(infer, 5)
    assert count >= LEAST_INFERENCES
    elapsed_s = infer(count, 5) / 1e6
    assert elapsed_s >= LEAST_S
    assert elapsed_s <= max(LEAST_S * 1.02 + latency_us / 1e6, 10 * latency_us / 1e6 + 0.01)


def test_a_slow_model_runs_10_inferences_however_long_they_take() -> None:
    assert inferences_for_a_window(clock(3e6), 0) == 10


def test_a_window_that_got_too_short_is_run_again_with_its_input_loaded_anew() -> None:
    loads: list[int] = []
    window = valid_window(clock(50_000, 100_000), 101, 10, lambda: loads.append(1))
    assert window.valid
    assert len(loads) == 2
    assert window.inferences == 202  # 10 s x 1.01 at 50 ms


def test_a_clock_that_jumps_fails() -> None:
    with pytest.raises(RunFailed, match=r"3 times in a row"):
        valid_window(clock(100_000, 1_000, 10, 1), 50, 0, lambda: None)


@pytest.mark.parametrize("elapsed_us", [0, -5])
def test_a_clock_that_stands_still_is_named(elapsed_us: int) -> None:
    with pytest.raises(DeviceFault, match="does not count"):
        inferences_for_a_window(lambda inferences, warmups: elapsed_us, 0)


def test_a_clock_that_hardly_counts_ends_the_trials() -> None:
    with pytest.raises(DeviceFault, match="hardly counts"):
        inferences_for_a_window(lambda inferences, warmups: 1, 0)


@pytest.mark.parametrize(
    ("window", "valid"),
    [
        (Window(10, 10_000_000), True),
        (Window(10, 9_999_999), False),
        (Window(9, 60_000_000), False),
    ],
)
def test_a_window_has_10_s_and_10_inferences(window: Window, valid: bool) -> None:
    assert window.valid is valid


@pytest.mark.parametrize(
    ("device_s", "host_s", "inferences", "warmups", "agrees"),
    [
        (10.1, 10.3, 100, 0, True),
        (10.1, 11.3, 100, 10, True),  # the warm-ups take a tenth more
        (10.1, 8.0, 100, 0, False),
        (10.1, 13.0, 100, 0, False),
        (0.01, 0.5, 10, 0, True),  # the serial line
    ],
)
def test_silicons_clock_is_this_computers(
    device_s: float, host_s: float, inferences: int, warmups: int, agrees: bool
) -> None:
    with contextlib.nullcontext() if agrees else pytest.raises(DeviceFault, match="answer came"):
        require_clock(device_s, host_s, inferences, warmups)
