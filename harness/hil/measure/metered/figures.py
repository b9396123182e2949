"""Figures of a run from its measured energy."""

from __future__ import annotations

from hil.figures import FIGURES
from hil.records import Kind, MeasuredEnergy, Measurement


def energy_figures(found: MeasuredEnergy) -> dict[str, Measurement]:
    """Return ``energy_uj`` and ``power_mw``; of a virtual board they are ``modelled``."""
    kind: Kind = "modelled" if found.virtual else "measured"
    samples = tuple(window.energy_uj / found.inferences for window in found.windows)
    powers = tuple(
        window.energy_uj / (window.end_s - window.start_s) * 1e-3 for window in found.windows
    )
    source = _source(found)
    return {
        "energy_uj": Measurement(
            name="energy_uj",
            value=found.energy_uj,
            unit=FIGURES["energy_uj"].unit,
            kind=kind,
            uncertainty_pct=found.uncertainty_pct,
            n=len(samples),
            spread_pct=_spread_pct(samples),
            source=source,
            samples=samples,
        ),
        "power_mw": Measurement(
            name="power_mw",
            value=found.power_mw,
            unit=FIGURES["power_mw"].unit,
            kind=kind,
            uncertainty_pct=found.power_uncertainty_pct,
            n=len(powers),
            spread_pct=_spread_pct(powers),
            source=source,
            samples=powers,
        ),
    }


def _spread_pct(values: tuple[float, ...]) -> float | None:
    if len(values) < 2:
        return None
    ordered = sorted(values)
    return (ordered[-1] - ordered[0]) / ordered[len(ordered) // 2] * 100


def _source(found: MeasuredEnergy) -> str:
    count = len(found.windows)
    windows = f"{count} window{'s' if count > 1 else ''} of {found.inferences} inferences"
    by = {
        "level": "by the window pin",
        "pulses": "by pulses of the window pin",
        "none": "by the load, no window pin wired",
    }[found.sign]
    virtual = "virtual board, not a measurement: " if found.virtual else ""
    single = "; one window, its scatter is not known" if count == 1 else ""
    return f"{virtual}{found.instrument}, {found.rate_hz:g} samples/s; {windows} {by}{single}"
