"""Energy out of recordings of known truth, and what is refused."""

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pytest
from hil.errors import MeterFailed
from hil.measure.metered import cut, energy_figures
from hil.measure.metered.samples import TRACE_POINTS
from hil.records import Edge, MeteredRun
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.supply import Supply


def with_recording(run: MeteredRun, **changes) -> MeteredRun:
    return replace(run, recording=replace(run.recording, **changes))


def without_noise(supply: Supply) -> Supply:
    return replace(supply, noise_w=0.0)


supplies = st.builds(
    Supply,
    windows=st.integers(1, 6),
    inferences=st.integers(1, 12),
    latency_s=st.floats(0.004, 0.05),
    idle_w=st.floats(0.0, 0.06),
    layers=st.lists(
        st.tuples(st.floats(0.1, 1.0), st.floats(0.005, 0.3)), min_size=1, max_size=5
    ).map(lambda parts: [(share / sum(s for s, _ in parts), watts) for share, watts in parts]),
    first_s=st.floats(0.01, 0.05),
    pause_s=st.floats(0.005, 0.05),
    noise_w=st.floats(0.0, 0.005),
    seed=st.integers(0, 2**32 - 1),
)


@settings(deadline=None, max_examples=60)
@given(supply=supplies, rate_hz=st.sampled_from([50e3, 100e3, 200e3, 250e3]), phase=st.floats(0, 1))
def test_energy_is_off_by_no_more_than_the_edges_and_the_noise_explain(supply, rate_hz, phase):
    found = cut(supply.run(rate_hz, phase))
    edges_pct = 100 * 2 / rate_hz / (supply.inferences * supply.latency_s)
    powers = [supply.idle_w, *(watts for _, watts in supply.layers)]
    strongest = max(powers) / (supply.energy_uj * 1e-6)
    noise_pct = 500 * supply.noise_w / (supply.energy_uj * 1e-6 / supply.latency_s)
    noise_pct /= math.sqrt(rate_hz * supply.latency_s * supply.inferences)
    limit = edges_pct * max(1.0, strongest * supply.latency_s) + noise_pct + 1e-6
    assert abs(found.energy_uj / supply.energy_uj - 1) * 100 <= limit
    if supply.windows == 1 and not supply.noise_w:
        assert abs(found.energy_uj / supply.energy_uj - 1) * 100 <= found.uncertainty_pct
    assert found.inferences == supply.inferences
    assert len(found.windows) == supply.windows


@settings(deadline=None, max_examples=40)
@given(supply=supplies, phase=st.floats(0, 1))
def test_windows_of_many_samples_are_within_half_a_per_cent(supply, phase):
    long_enough = replace(supply, inferences=12, latency_s=max(supply.latency_s, 0.01))
    mean_w = long_enough.energy_uj * 1e-6 / long_enough.latency_s
    found = cut(replace(long_enough, noise_w=min(supply.noise_w, mean_w / 5)).run(100e3, phase))
    assert found.energy_uj == pytest.approx(long_enough.energy_uj, rel=5e-3)
    assert found.power_mw == pytest.approx(mean_w * 1e3, rel=5e-3)
    assert found.duration_us == pytest.approx(long_enough.latency_s * 1e6, rel=5e-3)


@pytest.mark.parametrize("volts", [3.3, "measured"])
def test_currents_energies_and_powers_give_the_same(volts):
    supply = Supply()
    run = supply.run()
    powers = run.recording.values
    supply_v = np.linspace(3.2, 3.4, len(powers)) if volts == "measured" else volts
    as_current = with_recording(run, quantity="A", values=powers / supply_v, volts=supply_v)
    as_energy = with_recording(run, quantity="J", values=powers / run.recording.rate_hz)
    expected = cut(run)
    for other in (as_current, as_energy):
        assert cut(other).energy_uj == pytest.approx(expected.energy_uj, rel=1e-9)


def test_samples_at_the_edges_count_by_the_part_that_is_inside():
    """10 samples a window of 1 W at 10 Hz, 4.75 of them inside; 50 are needed, so 60 of them."""
    values = np.ones(100)
    edges = (Edge(2.025, False, 0.0), Edge(8.5, True, 0.0))
    run = with_recording(
        Supply(windows=1).run(), rate_hz=10.0, values=values, edges=edges, quantity="W"
    )
    found = cut(replace(run, inferences=1, latency_us=None))
    assert found.energy_uj == pytest.approx(6.475e6)
    assert found.power_mw == pytest.approx(1000.0)


def test_pulses_mark_begin_and_end_by_falling_edges():
    supply = Supply()
    found = cut(supply.run(sign="pulses"))
    assert found.energy_uj == pytest.approx(supply.energy_uj, rel=5e-3)
    assert found.sign == "pulses"


@settings(deadline=None, max_examples=40)
@given(supply=supplies, clock=st.booleans())
def test_without_a_pin_the_load_shows_the_windows(supply, clock):
    clear = replace(
        supply,
        idle_w=0.004,
        layers=[(share, 0.04 + watts / 20) for share, watts in supply.layers],
        noise_w=min(supply.noise_w, 5e-4),
        first_s=0.3 * supply.inferences * supply.latency_s,
        pause_s=0.3 * supply.inferences * supply.latency_s,
    )
    run = clear.run(sign="none")
    found = cut(run if clock else replace(run, latency_us=None))
    assert found.energy_uj == pytest.approx(
        clear.energy_uj, rel=2 * found.uncertainty_pct / 100 + 1e-3
    )
    assert found.uncertainty_pct >= cut(clear.run()).uncertainty_pct
    assert "no window pin" in energy_figures(found)["energy_uj"].source


def test_a_window_by_the_load_has_a_wider_band_than_one_by_the_pin():
    supply = Supply(noise_w=1e-4)
    by_load = cut(replace(supply.run(sign="none"), latency_us=None))
    assert by_load.uncertainty_pct > 5 > cut(supply.run()).uncertainty_pct


# What is refused.


def refused(run: MeteredRun) -> str:
    with pytest.raises(MeterFailed) as caught:
        cut(run)
    assert caught.value.hint or "rate" in caught.value.message
    return caught.value.message


def test_an_edge_less_or_more_is_refused():
    run = Supply().run()
    edges = run.recording.edges
    assert "fell 2 times in the recording, not 3" in refused(with_recording(run, edges=edges[2:]))
    assert "fell 0 times" in refused(with_recording(run, edges=()))
    late = (*edges, Edge(edges[-1].at_s + 0.01, False, 1e-5))
    assert "fell 4 times" in refused(with_recording(run, edges=late))
    assert "rose 2 times" in refused(with_recording(run, edges=edges[:-1]))
    assert "twice in a row" in refused(with_recording(run, edges=edges[:1] + edges[2:]))
    swapped = tuple(Edge(e.at_s, not e.rising, e.uncertainty_s) for e in edges)
    assert "was low when the recording began" in refused(with_recording(run, edges=swapped))
    pulses = Supply().run(sign="pulses")
    assert "fell 5 times" in refused(with_recording(pulses, edges=pulses.recording.edges[1:]))


def test_edges_out_of_order_or_outside_are_refused():
    run = Supply().run()
    edges = run.recording.edges
    assert "out of order" in refused(with_recording(run, edges=(edges[1], edges[0], *edges[2:])))
    beyond = (*edges[:-1], Edge(99.0, True, 1e-5))
    assert "outside of the recording" in refused(with_recording(run, edges=beyond))
    nowhere = (Edge(math.nan, False, 1e-5), *edges[1:])
    assert "out of order" in refused(with_recording(run, edges=nowhere))


@settings(deadline=None, max_examples=30)
@given(at=st.floats(0, 1), worth=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_a_sample_that_is_missing_counts_only_inside_of_a_window(at, worth):
    supply = Supply()
    run = supply.run()
    values = run.recording.values.copy()
    index = min(int(at * len(values)), len(values) - 1)
    values[index] = worth
    damaged = with_recording(run, values=values, lost=1)
    second = (index + 0.5) / run.recording.rate_hz
    inside = any(begin - 2e-5 < second < end + 2e-5 for begin, end in supply.spans)
    if not inside:
        assert cut(damaged).energy_uj == cut(run).energy_uj
    elif abs(second - supply.spans[0][0]) > 1e-4 and bool(supply.low(np.array([second]))[0]):
        message = refused(damaged)
        assert ("missing" in message) == math.isnan(worth)
        assert ("exceeds the meter's range" in message) == math.isinf(worth)


def test_windows_that_the_devices_clock_contradicts_are_refused():
    run = Supply().run()
    assert "by the device's clock" in refused(replace(run, latency_us=run.latency_us * 1.1))
    assert "by the device's clock" in refused(replace(run, inferences=11))
    assert cut(replace(run, latency_us=None, inferences=11)).inferences == 11


def test_too_few_samples_are_refused():
    supply = Supply(latency_s=0.004, inferences=1)
    assert "40 samples, 50 are needed" in refused(supply.run(10_000.0))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"values": np.array([])}, "no samples"),
        ({"rate_hz": 0.0}, "sample rate is 0 Hz"),
        ({"rate_hz": math.nan}, "sample rate is nan Hz"),
        ({"quantity": "A"}, "without a supply voltage"),
        ({"quantity": "A", "volts": np.ones(3)}, "different lengths"),
        ({"step": np.ones(3)}, "different lengths"),
    ],
)
def test_recordings_that_contradict_themselves_are_refused(changes, message):
    assert message in refused(with_recording(Supply().run(), **changes))


def test_an_energy_that_is_not_positive_is_refused():
    run = Supply().run()
    assert "energy of -" in refused(with_recording(run, values=-run.recording.values))
    assert "energy of 0 J" in refused(with_recording(run, values=0 * run.recording.values))


@pytest.mark.parametrize(
    ("supply", "message"),
    [
        (Supply(idle_w=0.049, layers=[(1.0, 0.05)]), "no clear step"),
        (Supply(idle_w=0.05, layers=[(1.0, 0.05)], noise_w=0.01), "no clear step"),
        (Supply(idle_w=0.03, layers=[(0.5, 0.031), (0.5, 0.09)]), "rose 30 times"),
        (Supply(idle_w=0.03, layers=[(0.5, 0.033), (0.5, 0.04)], noise_w=0.03), "no clear step"),
        (Supply(first_s=0.0), "no baseline"),
        (Supply(pause_s=0.0), "no baseline"),
        (Supply(first_s=0.0, pause_s=0.0), "no baseline"),
    ],
)
def test_loads_without_clear_windows_are_refused(supply, message):
    with pytest.raises(MeterFailed, match=message):
        cut(supply.run(sign="none"))


def test_windows_by_the_load_must_be_as_many_as_were_run():
    run = Supply().run(sign="none")
    assert "rose 3 times, but the board ran 2 windows" in refused(replace(run, windows=2))
    values = run.recording.values.copy()
    values[0] = math.nan
    assert "cannot be found by the load" in refused(with_recording(run, values=values))


# Uncertainty.


def test_contributions_combine_as_a_root_of_squares():
    found = cut(with_recording(Supply(noise_w=1e-3).run(), accuracy_pct=3.0))
    assert set(found.contributions) == {"instrument", "edges", "resolution", "spread"}
    assert found.contributions["instrument"] == pytest.approx(3 / math.sqrt(3))
    total = 2 * math.sqrt(sum(part**2 for part in found.contributions.values()))
    assert found.uncertainty_pct == pytest.approx(total)
    assert found.power_uncertainty_pct <= found.uncertainty_pct


def test_edges_count_less_in_longer_windows_and_faster_samples():
    def edges_pct(supply: Supply, rate_hz: float) -> float:
        return cut(supply.run(rate_hz)).contributions["edges"]

    even = [(1.0, 0.05)]
    short = edges_pct(Supply(inferences=1, layers=even), 100e3)
    one_sample_of_1000 = 100 * math.sqrt(2 / 3) / 1000 / math.sqrt(3)  # two edges, three windows
    assert short == pytest.approx(one_sample_of_1000, rel=0.01)
    assert edges_pct(Supply(layers=even), 100e3) == pytest.approx(short / 10, rel=0.01)
    assert edges_pct(Supply(inferences=1, layers=even), 200e3) == pytest.approx(short / 2, rel=0.01)


def test_scatter_of_windows_widens_the_band_and_more_of_few_windows():
    def spread(count: int) -> float:
        run = Supply(windows=count, layers=[(1.0, 0.05)], inferences=1).run()
        values = run.recording.values.copy()
        for number, (begin, end) in enumerate(Supply(windows=count, inferences=1).spans):
            inside = slice(int(begin * 1e5) - 1, int(end * 1e5) + 2)
            values[inside] *= 1.01 if number % 2 else 0.99
        return cut(with_recording(run, values=values)).contributions["spread"]

    assert cut(Supply(windows=1).run()).contributions["spread"] == 0
    # +-1 %: deviation of the mean 1.41/sqrt(2) and 1.05/sqrt(10), of the median 1.25 times that
    assert spread(2) == pytest.approx(1.414 / math.sqrt(2) * 12.706 / 2, rel=0.02)
    assert spread(10) == pytest.approx(1.054 / math.sqrt(10) * 2.262 / 2 * 1.2533, rel=0.02)


def test_a_step_of_values_averages_out_only_where_they_scatter():
    quiet = with_recording(Supply(layers=[(1.0, 0.05)]).run(), step=0.001)
    half_a_step = 100 * 0.0005 / 0.05 / math.sqrt(3)
    found = cut(quiet).contributions["resolution"]
    assert found == pytest.approx(half_a_step, rel=0.01)
    noisy = with_recording(Supply(layers=[(1.0, 0.05)], noise_w=0.002).run(), step=0.001)
    assert cut(noisy).contributions["resolution"] == pytest.approx(found / 100, rel=0.02)


@settings(deadline=None, max_examples=20)
@given(seed=st.integers(0, 1000))
def test_quantized_values_stay_within_the_stated_resolution(seed):
    level = 0.05 * (1 + seed / 5000)
    run = Supply(layers=[(1.0, level)]).run()
    step = 0.0005
    rough = with_recording(run, values=np.round(run.recording.values / step) * step, step=step)
    found = cut(rough)
    limit = found.contributions["resolution"] * math.sqrt(3) + 0.03
    assert abs(found.energy_uj / (level * 0.01 * 1e6) - 1) * 100 <= limit


# The stored trace and the figures.


@pytest.mark.parametrize("count", [60, 599, 600, 601, 1199, 100_001])
def test_the_trace_is_bounded_and_keeps_the_energy(count):
    values = np.linspace(0.01, 0.02, count)
    edges = (Edge(0.0, False, 0.0), Edge(count / 1e4, True, 0.0))
    run = with_recording(Supply(windows=1).run(), rate_hz=1e4, values=values, edges=edges)
    trace = cut(replace(run, latency_us=None)).trace
    assert len(trace.mean_mw) <= TRACE_POINTS
    assert len(trace.low_mw) == len(trace.mean_mw) == len(trace.high_mw)
    assert len(trace.mean_mw) * trace.step_s == pytest.approx(count / 1e4, rel=0.02)
    assert min(trace.low_mw) == pytest.approx(10, rel=1e-3)
    assert max(trace.high_mw) == pytest.approx(20, rel=1e-3)


def test_missing_samples_are_gaps_of_the_trace():
    run = Supply().run()
    values = run.recording.values.copy()
    values[:50] = math.nan
    trace = cut(with_recording(run, values=values)).trace
    assert trace.mean_mw[0] is None
    assert trace.mean_mw[5] is not None


def test_figures_are_measured_and_a_virtual_boards_are_not():
    supply = Supply(noise_w=1e-4)
    figures = energy_figures(cut(supply.run()))
    energy, power = figures["energy_uj"], figures["power_mw"]
    assert (energy.kind, energy.unit, power.unit) == ("measured", "uJ", "mW")
    assert energy.value == pytest.approx(supply.energy_uj, rel=5e-3)
    assert len(energy.samples) == energy.n == supply.windows
    assert power.value == pytest.approx(energy.value / 10_000 * 1e3, rel=5e-3)
    assert "3 windows of 10 inferences by the window pin" in energy.source
    virtual = energy_figures(cut(supply.run(), virtual=True))["energy_uj"]
    assert virtual.kind == "modelled"
    assert "virtual board" in virtual.source


def test_a_single_window_says_that_its_scatter_is_not_known():
    figure = energy_figures(cut(Supply(windows=1).run()))["energy_uj"]
    assert figure.spread_pct is None
    assert "scatter is not known" in figure.source


def test_records_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        cut(Supply().run()).energy_uj = 1.0  # type: ignore[misc]
