"""Energy of one inference without a meter: active power times latency."""

from __future__ import annotations

from hil.devices import Profile
from hil.figures import FIGURES
from hil.measure.band import combined_pct
from hil.measure.power_band import power_band
from hil.records import Measurement


def energy_figure(profile: Profile, latency: Measurement) -> Measurement:
    """Return ``energy_uj``: the profile's active power times the latency.

    The power is that of the table's row whose condition is nearest to the run's; the source names
    it. Its band is that of ``power_band``. Relative uncertainties of
    power and latency are independent and combine as a root of squares. The kind is ``modelled``
    even where the latency was measured: no meter ran. Its observations follow those of the latency.
    """
    active = profile.power.choose(profile.clock.hz)
    band = power_band(profile)
    scaled = f", scaled {active.scaled}" if active.scaled else ""
    return Measurement(
        name="energy_uj",
        value=active.milliwatts * latency.value / 1e3,
        unit=FIGURES["energy_uj"].unit,
        kind="modelled",
        uncertainty_pct=combined_pct(band.pct, latency.uncertainty_pct),
        n=latency.n,
        spread_pct=latency.spread_pct,
        samples=tuple(active.milliwatts * one / 1e3 for one in latency.samples),
        source=(
            f"{active.milliwatts:.1f} mW ({active.row.condition}{scaled}) x latency; "
            f"power {band.words}; {active.row.source}"
        ),
    )
