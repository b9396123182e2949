"""Cuts the windows out of a recording and adds up their energy."""

from __future__ import annotations

import statistics

import numpy as np

from hil.errors import MeterFailed
from hil.measure.metered.load import load_spans
from hil.measure.metered.pin import pin_spans
from hil.measure.metered.samples import Samples, Span
from hil.measure.metered.uncertainty import expanded_pct, standard_uncertainties
from hil.records import EnergyWindow, MeasuredEnergy, MeteredRun

LEAST_SAMPLES = 50
"""A window of fewer samples is refused."""
CLOCKS_AGREE = 0.05
"""Windows whose length differs more from the device's own clock are refused."""


def cut(run: MeteredRun, *, virtual: bool = False) -> MeasuredEnergy:
    """Return the energy of an inference from a recording.

    Raises:
        MeterFailed: the recording does not show the windows that were run, or samples of a
            window are missing, beyond the instrument's range or too few.
    """
    samples = Samples(run.recording)
    spans = load_spans(run, samples) if run.sign == "none" else pin_spans(run)
    for number, span in enumerate(spans, start=1):
        _check_samples(samples, span, number)
        _check_clock(run, span, number)
    joules = [samples.energy_j(span) for span in spans]
    if min(joules) <= 0:
        raise MeterFailed(
            f"the meter recorded an energy of {min(joules):g} J in a window",
            hint="check that the board draws its current through the meter, and the polarity",
        )
    seconds = [span.seconds for span in spans]
    parts = standard_uncertainties(run, samples, spans, joules)
    constant = {name: parts[name] for name in ("instrument", "resolution")}
    power = [joule / second for joule, second in zip(joules, seconds, strict=True)]
    constant["spread"] = standard_uncertainties(run, samples, spans, power)["spread"]
    return MeasuredEnergy(
        instrument=run.recording.instrument,
        sign=run.sign,
        inferences=run.inferences,
        windows=tuple(
            EnergyWindow(
                span.start_s, span.end_s, joule * 1e6, round(span.seconds / samples.period_s)
            )
            for span, joule in zip(spans, joules, strict=True)
        ),
        energy_uj=statistics.median(joules) / run.inferences * 1e6,
        power_mw=statistics.median(power) * 1e3,
        duration_us=statistics.median(seconds) / run.inferences * 1e6,
        uncertainty_pct=expanded_pct(parts),
        power_uncertainty_pct=expanded_pct(constant),
        rate_hz=run.recording.rate_hz,
        trace=samples.trace(),
        contributions=parts,
        virtual=virtual,
    )


def _check_samples(samples: Samples, span: Span, number: int) -> None:
    where = f"window {number} ({span.start_s:.6f} s to {span.end_s:.6f} s)"
    inside = samples.indices(span)
    joules = samples.joules[inside]
    if (lost := int(np.isnan(joules).sum())) > 0:
        raise MeterFailed(
            f"{lost} sample{'s' if lost > 1 else ''} in {where} of the recording are missing",
            hint="the link to the meter is too slow or the host too busy: use a lower sample rate, "
            "or a USB port of its own",
        )
    if np.isinf(joules).any():
        raise MeterFailed(
            f"the current in {where} exceeds the meter's range",
            hint="choose a larger range, or an instrument for larger currents",
        )
    if span.seconds / samples.period_s < LEAST_SAMPLES:
        raise MeterFailed(
            f"{where} of the recording has {span.seconds / samples.period_s:.0f} samples, "
            f"{LEAST_SAMPLES} are needed",
            hint="use a higher sample rate, or longer windows",
        )


def _check_clock(run: MeteredRun, span: Span, number: int) -> None:
    if run.latency_us is None:
        return
    expected_s = run.latency_us * 1e-6 * run.inferences
    if abs(span.seconds - expected_s) > CLOCKS_AGREE * expected_s + 2 * span.edge_s:
        raise MeterFailed(
            f"window {number} of the recording takes {span.seconds * 1e3:.3f} ms, but "
            f"{run.inferences} inferences take {expected_s * 1e3:.3f} ms by the device's clock",
            hint="an edge was missed, or the board's clock or the meter's sample rate is another "
            "one than stated",
        )
