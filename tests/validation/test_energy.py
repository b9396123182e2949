"""The power model against published energies: held out, complete, and where the band comes from."""

from __future__ import annotations

import statistics

import pytest
from hil import devices
from hil.devices import Profile
from hil.devices.power import Power, PowerRow
from hil.measure.energy import energy_figure
from hil.measure.power_band import covering_pct, groups, held_out_mw, power_band
from hil.published import energy_pairs
from hil.records import Measurement
from hil.validation.energy import energy_report

from tests.support.hil import hil

LATENCY = Measurement("latency_us", 1000.0, "us", "modelled", 10.0)


def with_power(name: str, **power: object) -> Profile:
    return devices.load(name).model_copy(update={"power": Power.model_validate(power)})


def test_every_pair_of_a_named_board_is_compared() -> None:
    report = energy_report()
    assert len(report.rows) == len(energy_pairs())
    assert {board.profile for board in report.boards} >= {"nucleo-l4r5zi", "stm32u575"}
    assert {b.board for b in report.boards} >= {"NUCLEO-H7A3ZI-Q", "EK-RA6M4", "NUCLEO-U385RG-Q"}


def test_predictions_by_hand() -> None:
    """EK-RA6M4 has one row a task: IC is predicted by the middle one of AD, KWS and VWW."""
    row = next(r for r in energy_report().rows if (r.board, r.task) == ("EK-RA6M4", "ic"))
    others = [324.088 / 4.554, 3796.957 / 50.8, 11851.829 / 160.282]
    assert row.predicted_mw == pytest.approx(statistics.median(others))
    assert row.predicted_uj == pytest.approx(statistics.median(others) * 246.609)
    assert row.error_pct == pytest.approx(100 * (row.predicted_uj / 17723.829 - 1))


def test_a_row_is_not_compared_with_its_own_task() -> None:
    for results in groups(energy_pairs()).values():
        for task in {row.task for row in results}:
            without = [row for row in results if row.task != task]
            assert held_out_mw(results, task) == held_out_mw(without, task)


def test_doubtful_rows_are_shown_but_never_fitted_or_counted() -> None:
    report = energy_report()
    odd = next(r for r in report.rows if "outlier" in r.doubt)
    assert abs(odd.error_pct) > 25
    board = next(b for b in report.boards if (b.board, b.n) == ("NUCLEO-L4R5ZI", 33))
    assert board.worst_error_pct < abs(odd.error_pct)
    assert board.min_mw > odd.published_mw


@pytest.mark.parametrize("name", ["nucleo-l4r5zi", "stm32u575"])
def test_the_profiles_figure_is_the_published_median(name: str) -> None:
    profile = devices.load(name)
    chosen = profile.power.choose(profile.clock.hz)
    board = next(b for b in energy_report().boards if b.profile == name)
    assert chosen.milliwatts == pytest.approx(board.median_mw, rel=0.005)
    assert chosen.row.uncertainty_pct >= board.band_pct - 0.5


@pytest.mark.parametrize("name", ["nucleo-l4r5zi", "stm32u575"])
def test_the_band_covers_the_published_rows(name: str) -> None:
    profile = devices.load(name)
    band = power_band(profile)
    assert "validated on" in band.words
    power = profile.power.milliwatts(profile.clock.hz)
    board = next(b for b in energy_report().boards if b.profile == name)
    rows = [
        r.published_mw
        for r in energy_report().rows
        if (r.board, r.condition) == (board.board, board.condition) and not r.doubt
    ]
    inside = [abs(mw / power - 1) * 100 <= band.pct + 0.5 for mw in rows]
    assert len(rows) >= 20
    assert sum(inside) / len(inside) >= 0.9
    assert band.pct < 25


def test_the_current_behind_an_ldo_stays() -> None:
    (check,) = [c for c in energy_report().supplies if c.board == "NUCLEO-L4R5ZI"]
    assert (check.from_volts, check.to_volts) == (1.8, 3.0)
    assert abs(check.error_pct) < 6


def test_cover_lines_are_far_too_low() -> None:
    lines = {line.profile: line.ratio for line in energy_report().lines}
    assert 1.7 < lines["nucleo-l4r5zi"] < 2.2
    assert 2.2 < lines["stm32u575"] < 2.7


def test_bands_of_chips_without_published_inferences() -> None:
    plain = power_band(devices.load("stm32f746"))
    assert (plain.pct, plain.words[:13]) == (40.0, "not validated")
    line = {"active_ua_per_mhz": 100, "uncertainty_pct": 20, "source": "cover"}
    cover = power_band(with_power("stm32f746", volts=3.3, **line))
    assert cover.pct > 100
    assert "cover lines" in cover.words


def test_a_figure_of_ones_own_is_not_what_was_validated() -> None:
    row = devices.load("nucleo-l4r5zi").power.rows[0].model_dump()
    own = with_power("nucleo-l4r5zi", volts=1.8, regulator="ldo", rows=[{**row, "active_mw": 30.0}])
    assert "not validated" in power_band(own).words


def test_energy_names_its_row_and_its_band() -> None:
    profile = devices.load("nucleo-l4r5zi")
    figure = energy_figure(profile, LATENCY)
    assert figure.value == pytest.approx(47.1)
    assert figure.uncertainty_pct == pytest.approx((power_band(profile).pct ** 2 + 100) ** 0.5)
    for words in ("47.1 mW", "nn, 1.8 V, LDO, 120 MHz", "33 published pairs", "MLPerf Tiny"):
        assert words in figure.source


@pytest.mark.parametrize(
    ("deviations", "expected"),
    [([1.0, 9.0, 3.0], 9.0), ([float(i) for i in range(1, 41)], 38.0)],
)
def test_few_rows_are_covered_whole_many_to_95_percent(
    deviations: list[float], expected: float
) -> None:
    assert covering_pct(deviations) == expected


def row(**changes: object) -> PowerRow:
    base = {"volts": 3.0, "active_mw": 30.0, "clock_hz": 80_000_000, "uncertainty_pct": 10}
    return PowerRow.model_validate({**base, "source": "a row for this test", **changes})


def table(*rows: PowerRow, volts: float = 3.0, regulator: str | None = None) -> Power:
    return Power.model_validate(
        {"volts": volts, "regulator": regulator, "rows": [r.model_dump() for r in rows]}
    )


@pytest.mark.parametrize(
    ("near", "far"),
    [
        ({"activity": "while1"}, {"activity": "nn", "memory": "ram"}),
        ({"activity": "coremark"}, {"activity": "nn", "cache": False}),
        ({"activity": "nn"}, {"activity": "coremark"}),
        ({"activity": "coremark"}, {"activity": "datasheet"}),
        ({"regulator": "ldo", "volts": 1.8}, {"regulator": "smps"}),
        ({"regulator": "ldo", "volts": 3.3}, {"regulator": "ldo", "volts": 1.8}),
        ({"regulator": "ldo"}, {"regulator": "ldo", "clock_hz": 40_000_000}),
    ],
)
def test_the_nearest_row_is_chosen(near: dict[str, object], far: dict[str, object]) -> None:
    for rows in ((row(**near), row(**far)), (row(**far), row(**near))):
        power = table(*rows, regulator="ldo")
        assert power.choose(80_000_000).row == row(**near)


def test_what_differs_is_scaled_and_said() -> None:
    ldo = table(row(regulator="ldo"), volts=1.5, regulator="ldo").choose(40_000_000)
    assert ldo.milliwatts == pytest.approx(30 * 0.5 * 0.5)
    assert ldo.scaled == "from 80 to 40 MHz and from 3 to 1.5 V"
    smps = table(row(regulator="smps"), volts=1.5, regulator="smps").choose(80_000_000)
    assert (smps.milliwatts, smps.scaled) == (30.0, "")
    line = row(active_mw=None, active_ua_per_mhz=100, clock_hz=None)
    assert table(line).milliwatts(50_000_000) == pytest.approx(15.0)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"active_ua_per_mhz": 3}, "exactly one"),
        ({"active_mw": None}, "exactly one"),
        ({"clock_range_hz": (1, 2)}, "not both"),
        ({"clock_hz": None, "clock_range_hz": (5, 2)}, "lowest, highest"),
        ({"activity": "idle"}, "activity"),
        ({"colour": 1}, "colour"),
    ],
)
def test_rows_that_contradict_themselves(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        row(**changes)


def test_the_form_with_one_figure_is_a_table_of_one_row() -> None:
    data = {"volts": 3.0, "active_mw": 41, "uncertainty_pct": 15, "source": "as it was"}
    power = Power.model_validate(data)
    assert power.milliwatts(120_000_000) == 41
    assert (power.rows[0].volts, power.rows[0].source) == (3.0, "as it was")
    assert Power.model_validate(power.model_dump()) == power


def test_hil_validate_energy() -> None:
    shown = hil("validate", "--energy")
    assert shown.code == 0
    assert "NUCLEO-U575ZI-Q" in shown.stdout
    assert "2.45 times" in shown.stdout
    envelope = hil("validate", "--energy", "--json").envelope
    assert len(envelope["data"]["energy"]["rows"]) == len(energy_report().rows)
    hil("validate").refuses(2, "--energy")
    hil("validate", "--energy", "--write").refuses(2, "--energy alone")
