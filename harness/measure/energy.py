"""Energy of one inference without a meter: active power times latency."""

from __future__ import annotations

import math

from harness.profiles import Profile
from harness.records import Measurement


def energy_figure(profile: Profile, latency: Measurement) -> Measurement:
    """Return ``energy_uj``: the profile's active power times the latency.

    Relative uncertainties of power and latency are independent and combine as a root of squares.
    The kind is ``modelled`` even where the latency was measured: no meter ran.
    """
    power_mw = profile.power.milliwatts(profile.clock.hz)
    return Measurement(
        name="energy_uj",
        value=power_mw * latency.value / 1e3,
        unit="uJ",
        kind="modelled",
        uncertainty_pct=combined_pct(profile.power.uncertainty_pct, latency.uncertainty_pct),
        n=latency.n,
        spread_pct=latency.spread_pct,
        source=f"{power_mw:.1f} mW x latency; {profile.power.source}",
    )


def combined_pct(*parts: float | None) -> float | None:
    """Root of the sum of squares; None where a part is unknown."""
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    return math.sqrt(sum(part * part for part in known))
