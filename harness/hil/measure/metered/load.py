"""Windows of a recording by the load itself, where no trigger line is wired."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from hil.errors import MeterFailed
from hil.measure.metered.samples import Samples, Span
from hil.records import Array, MeteredRun

_BINS_IN_WINDOW = 400
_BINS_WITHOUT_CLOCK = 4000
_BASELINE_BINS = 20
"""So many bins before the first window and after the last must be at the baseline."""
_LEAST_STEP = 0.05
"""A step of less than this share of the baseline is not told from a change of temperature."""
_LEAST_SCATTERS = 6.0
"""A step is at least so many standard deviations of the baseline's bins."""
_LEAST_GAP = 0.3
"""Share of the step that must lie empty between the baseline's and the windows' values."""
_WIRE = "wire the board's window pin to the meter (docs/energy.md)"


def load_spans(run: MeteredRun, samples: Samples) -> list[Span]:
    """Return the windows as the parts in which the power is clearly above its baseline.

    Before the first window and after the last the board must wait for at least a twentieth of a
    window: that is the baseline. An edge is known to one bin, a 400th of a window.

    Raises:
        MeterFailed: samples are missing, there is no clear step, no baseline before the first
            and after the last window, or another number of steps than windows were run.
    """
    if not np.isfinite(samples.joules).all():
        raise MeterFailed(
            "samples of the recording are missing or beyond the meter's range, so that the windows "
            "cannot be found by the load",
            hint=_WIRE,
        )
    size = _bin_samples(run, samples)
    bins = samples.joules[: len(samples.joules) // size * size].reshape(-1, size).mean(axis=1)
    high = _above_baseline(bins)
    changes = [int(at) + 1 for at in np.flatnonzero(high[1:] != high[:-1])]
    bin_s = size * samples.period_s
    spans = [Span(a * bin_s, b * bin_s, bin_s) for a, b in list(pairwise(changes))[::2]]
    if len(spans) != run.windows:
        raise MeterFailed(
            f"the load rose {len(spans)} times, but the board ran {run.windows} windows",
            hint=_WIRE,
        )
    return spans


def _bin_samples(run: MeteredRun, samples: Samples) -> int:
    if run.latency_us is None:
        return max(1, len(samples.joules) // _BINS_WITHOUT_CLOCK)
    window_s = run.latency_us * 1e-6 * run.inferences
    return max(1, int(window_s / samples.period_s / _BINS_IN_WINDOW))


def _above_baseline(bins: Array) -> Array:
    """Which bins belong to windows."""
    begin, end = bins[:_BASELINE_BINS], bins[-_BASELINE_BINS:]
    ends = np.concatenate([begin, end])
    if abs(np.median(begin) - np.median(end)) > _LEAST_GAP * (bins.max() - bins.min()):
        raise _no_baseline()
    base = float(np.median(ends))
    noise = float(np.median(np.abs(ends - base))) * 1.4826  # a normal distribution's deviation
    least = max(_LEAST_SCATTERS * noise, _LEAST_STEP * abs(base))
    clear = bins[bins > base + least]
    if not clear.size:
        raise _no_step()
    high: Array = bins > base + max(least, _LEAST_GAP * (float(np.median(clear)) - base))
    if high[:_BASELINE_BINS].any() or high[-_BASELINE_BINS:].any() or not high.any():
        raise _no_baseline()
    low_values, high_values = bins[~high], bins[high]
    gap = float(np.quantile(high_values, 0.05) - np.quantile(low_values, 0.95))
    if gap < _LEAST_GAP * float(high_values.mean() - low_values.mean()):
        raise _no_step()
    return high


def _no_baseline() -> MeterFailed:
    return MeterFailed(
        "the recording has no baseline before the first or after the last window", hint=_WIRE
    )


def _no_step() -> MeterFailed:
    return MeterFailed(
        "the load shows no clear step between waiting and inferences, so that the windows cannot "
        "be found without the trigger line",
        hint=_WIRE,
    )
