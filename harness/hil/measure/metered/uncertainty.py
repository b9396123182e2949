"""Uncertainty of an energy from a recording, as the GUM combines causes (docs/energy.md).

JCGM 100:2008, "Guide to the expression of uncertainty in measurement": limits of error become
standard uncertainties as a rectangular distribution's (4.3.7), scatter by the median's standard
deviation (4.2.3); independent causes combine as a root of squares (5.1), and a coverage factor
of 2 gives the interval of about 95 % (6.2).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence

import numpy as np

from hil.measure.metered.samples import Samples, Span
from hil.records import MeteredRun

COVERAGE = 2.0
_BY_LOAD_PCT = 5.0
"""How much a window by the load is taken to be off where no clock of the device confirms it."""
_RECTANGULAR = math.sqrt(3.0)


def standard_uncertainties(
    run: MeteredRun, samples: Samples, spans: Sequence[Span], values: Sequence[float]
) -> dict[str, float]:
    """Return the standard uncertainty of the windows' median by cause, in per cent.

    ``values`` are the windows' energies (or powers), parallel to ``spans``.
    """
    found = {
        "instrument": run.recording.accuracy_pct / _RECTANGULAR,
        "edges": _edges_pct(samples, spans),
        "resolution": max(_resolution_pct(samples, span) for span in spans),
        "spread": _spread_pct(values),
    }
    if run.sign == "none":
        found["window"] = _window_pct(run, spans)
    return found


def expanded_pct(parts: Mapping[str, float]) -> float:
    """Half width of the 95 % interval of independent causes, in per cent."""
    return COVERAGE * math.sqrt(sum(part * part for part in parts.values()))


def _edges_pct(samples: Samples, spans: Sequence[Span]) -> float:
    """Both edges of each window, independent of each other.

    An edge that is off by a time adds or leaves out the power there, which is the window's mean or
    what the samples around the edge have, whichever is more.
    """
    squares = joules = 0.0
    for span in spans:
        energy_j = samples.energy_j(span)
        joules += energy_j
        for at in (span.start_s, span.end_s):
            watts = max(energy_j / span.seconds, _highest_w(samples, at, span.edge_s))
            squares += (span.edge_s * watts) ** 2
    return 100.0 * math.sqrt(squares) / _RECTANGULAR / joules


def _highest_w(samples: Samples, at: float, around_s: float) -> float:
    near = samples.joules[samples.indices(Span(at, at, around_s))]
    return float(near.max()) / samples.period_s if near.size else 0.0


def _resolution_pct(samples: Samples, span: Span) -> float:
    """Half a step of the values. Where neighbours scatter by more than that, it averages out."""
    inside = samples.indices(Span(span.start_s, span.end_s, -span.edge_s))
    values = np.asarray(samples.recording.values[inside], dtype=np.float64)
    steps = samples.recording.step
    step = float(np.mean(steps[inside] if isinstance(steps, np.ndarray) else steps))
    mean = float(values.mean())
    if step == 0 or mean == 0:
        return 0.0
    single = 100.0 * step / 2.0 / _RECTANGULAR / abs(mean)
    scatter = float(np.sqrt(np.mean(np.diff(values) ** 2) / 2.0))
    return single / math.sqrt(len(values)) if scatter > step / 2.0 else single


def _spread_pct(values: Sequence[float]) -> float:
    """Standard deviation of the median: that of the mean, from three values on times sqrt(pi / 2)
    as for a normal distribution. Few windows count for more, by Student's distribution.
    """
    if len(values) < 2:
        return 0.0
    from scipy.special import stdtrit

    deviation = statistics.stdev(values) / math.sqrt(len(values))
    if len(values) > 2:
        deviation *= math.sqrt(math.pi / 2.0)
    student = float(stdtrit(len(values) - 1, 0.975)) / COVERAGE
    return 100.0 * deviation * max(student, 1.0) / statistics.fmean(values)


def _window_pct(run: MeteredRun, spans: Sequence[Span]) -> float:
    """How far windows by the load are from the device's own clock."""
    if run.latency_us is None:
        return _BY_LOAD_PCT / _RECTANGULAR
    expected_s = run.latency_us * 1e-6 * run.inferences
    off = max(abs(span.seconds / expected_s - 1.0) for span in spans)
    return 100.0 * off / _RECTANGULAR
