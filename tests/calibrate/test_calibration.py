"""The fit recovers what a synthetic board was made of, and refuses what it cannot be."""

from __future__ import annotations

import statistics

import pytest
from hil.calibrate import Pair, calibrate
from hil.calibrate.fitting import fit_hidden_share, prediction_half_width, untypical
from hil.devices.overlays import Calibration
from hil.errors import UsageError

from tests.calibrate.boards import PROGRAMS, Program, board, pair, profile


def calibrated(pairs: list[Pair]) -> Calibration:
    return calibrate(profile(), pairs, date="2026-01-02").calibration


@pytest.mark.parametrize("hidden", [0.0, 0.35, 0.8, 1.0])
def test_an_exact_board_is_recovered(hidden: float) -> None:
    found = calibrated(board(hidden))
    assert found.flash is not None
    assert found.cycles is not None
    assert found.flash.prefetch_hidden == pytest.approx(hidden, abs=1e-6)
    assert found.cycles.worst_residual_pct == pytest.approx(0, abs=1e-4)
    assert found.cycles.uncertainty_pct == 0.5
    assert found.cycles.n == len(PROGRAMS)
    assert (found.part, found.clock_hz, found.date) == ("STM32L475VG", 80_000_000, "2026-01-02")


def test_a_noisy_board_is_recovered_within_its_standard_error() -> None:
    errors = []
    for seed in range(40):
        fit = fit_hidden_share(board(0.6, noise_pct=0.5, seed=seed))
        assert fit is not None
        errors.append((fit.share - 0.6) / fit.standard_error)
    assert abs(statistics.fmean(errors)) < 0.6
    assert 0.6 < statistics.pstdev(errors) < 1.8


def test_the_band_covers_firmware_that_was_not_measured() -> None:
    """Leave one program out, calibrate with the others: its true time lies inside the band."""
    inside = []
    for seed in range(30):
        pairs = board(0.4, noise_pct=1.0, seed=seed)
        for i, left_out in enumerate(pairs):
            found = calibrated(pairs[:i] + pairs[i + 1 :])
            assert found.flash is not None
            assert found.cycles is not None
            off = 100 * abs(left_out.residual(found.flash.prefetch_hidden))
            inside.append(off <= found.cycles.uncertainty_pct)
    assert 0.9 <= sum(inside) / len(inside) <= 1.0


def test_more_noise_gives_a_wider_band() -> None:
    bands = []
    for noise in (0.2, 1.0, 3.0):
        fit = calibrated(board(0.5, noise_pct=noise, seed=3)).cycles
        assert fit is not None
        bands.append(fit.uncertainty_pct)
    assert bands == sorted(bands)
    assert bands[0] < bands[1] < bands[2]


def test_a_board_slower_than_the_rules_is_no_better_for_the_fit() -> None:
    """All rows 3 % slower than the model can say: the common offset stays in the band."""
    slow = [pair(p, 1.03 * p.on_board(0.0)) for p in PROGRAMS]
    found = calibrated(slow)
    assert found.cycles is not None
    assert found.cycles.uncertainty_pct > 3


@pytest.mark.parametrize("odd", range(len(PROGRAMS)))
def test_one_odd_row_is_left_out_and_named(odd: int) -> None:
    pairs = board(0.6, noise_pct=0.1, seed=7)
    wrong = pairs[odd].measured_cycles
    assert wrong is not None
    model = pairs[odd].modelled(0.0) * 1.04
    pairs[odd] = pair(PROGRAMS[odd], max(wrong * 1.04, model))
    outcome = calibrate(profile(), pairs)
    assert outcome.calibration.flash is not None
    assert outcome.calibration.flash.prefetch_hidden == pytest.approx(0.6, abs=0.05)
    (row,) = [row for row in outcome.calibration.rows if not row.used]
    assert row.model == PROGRAMS[odd].name
    assert any(row.model in message for message in outcome.messages)


def test_honest_noise_has_no_odd_row() -> None:
    found = [untypical(board(0.5, noise_pct=0.5, seed=seed)) for seed in range(20)]
    assert sum(one is not None for one in found) <= 1


def test_two_firmwares_are_too_few() -> None:
    with pytest.raises(UsageError, match="needs 3 firmwares, the measurements are of 2") as caught:
        calibrate(profile(), board(0.5)[:2])
    assert "wide band" in caught.value.hint


@pytest.mark.parametrize(("factor", "words"), [(0.9, "below"), (1.1, "above")])
def test_times_that_the_model_cannot_give_are_refused(factor: float, words: str) -> None:
    program = PROGRAMS[1]
    end = program.pipeline if factor < 1 else program.on_board(0.0)
    pairs = [*board(0.5)[2:], pair(program, end * factor)]
    with pytest.raises(UsageError, match=f"kws_int8.*{words}") as caught:
        calibrate(profile(), pairs)
    assert "measure again" in caught.value.hint


def test_what_the_rows_cannot_tell_is_not_fitted() -> None:
    """Firmware without sequential waits says nothing of prefetch; the band still comes out."""
    still = [Program(f"p{i}", 1e6, 1e4, 1e4) for i in range(4)]
    pairs = [pair(p, p.on_board(0) * 1.01) for p in still]
    outcome = calibrate(profile(), pairs)
    assert outcome.calibration.flash is None
    assert outcome.calibration.cycles is not None
    assert 1.0 < outcome.calibration.cycles.uncertainty_pct < 5
    assert "do not show" in outcome.messages[0]


def test_power_is_the_median_with_a_band_of_the_spread() -> None:
    values = [38.0, 40.0, 41.0, 39.5, 40.5, 40.0]
    pairs = [pair(p, p.on_board(0.5), power_mw=mw) for p, mw in zip(PROGRAMS, values, strict=True)]
    power = calibrated(pairs).power
    assert power is not None
    assert (power.active_mw, power.n, power.volts) == (40.0, 6, 3.0)
    assert 4 < power.uncertainty_pct < 10


def test_power_alone_and_power_of_too_few() -> None:
    only = [pair(p, None, power_mw=40.0) for p in PROGRAMS[:3]]
    found = calibrated(only)
    assert found.cycles is None
    assert found.power is not None
    assert found.power.uncertainty_pct == 2.0
    mixed = [*only[:2], *board(0.5)[2:]]
    outcome = calibrate(profile(), mixed)
    assert outcome.calibration.power is None
    assert any("power: 2 firmwares are too few" in m for m in outcome.messages)


def test_power_at_two_supplies_is_refused() -> None:
    pairs = [pair(p, None, power_mw=40.0, volts=3.0 if p.name[0] == "a" else 1.8) for p in PROGRAMS]
    with pytest.raises(UsageError, match="different supplies"):
        calibrate(profile(), pairs)


def test_prediction_interval_by_hand() -> None:
    """Residuals 1, -1, 2 %: deviation sqrt(6/3), t(3) = 3.182, and sqrt(1 + 1/3)."""
    width = prediction_half_width([0.01, -0.01, 0.02], fitted=0)
    assert width == pytest.approx(0.01 * 2**0.5 * 3.182 * (4 / 3) ** 0.5)
    wider = prediction_half_width([0.01, -0.01, 0.02], fitted=1)
    assert wider == pytest.approx(0.01 * 3**0.5 * 4.303 * (4 / 3) ** 0.5)


def test_power_unlike_the_table_asks_about_units() -> None:
    as_expected, too_much = (
        calibrate(profile(), [pair(p, None, power_mw=mw) for p in PROGRAMS]).messages
        for mw in (40.0, 40_000.0)
    )
    assert not any("units" in message for message in as_expected)
    assert any("units" in message for message in too_much)
