"""Published rows beside a run: ratios only where they mean something, and its own accuracy."""

from __future__ import annotations

import dataclasses
from typing import Any

from hil.published import matching
from hil.records import Measurement, RunRecord
from hil.report.compare.published import PublishedView, published_view
from hil.report.run.evidence import Evidence
from hil.report.words.format import NBSP

from tests.store.samples import rich_evaluation

from .report_records import passed
from .test_choose import KWS, NUCLEO


def subject(clock_hz: float = 120e6, **figures: tuple[float, float | None]) -> RunRecord:
    """A run on the NUCLEO-L4R5ZI with figures as (value, band)."""
    found = passed(profile_name="nucleo-l4r5zi", profile={**NUCLEO, "clock": {"hz": clock_hz}})
    assert found.model is not None
    units = {"latency_us": "us", "energy_uj": "uJ"}
    measured = {
        name: Measurement(name, value, units[name], "modelled", band)
        for name, (value, band) in figures.items()
    }
    model = dataclasses.replace(found.model, sha256=KWS)
    return dataclasses.replace(found, model=model, measurements=measured)


def view(run: RunRecord, **known: Any) -> PublishedView:
    found = published_view(matching(run), run, "aot", Evidence(**known))
    assert found is not None
    return found


def test_time_and_energy_have_ratios_and_a_judgement() -> None:
    for row in view(subject(latency_us=(1e3, 5.0), energy_uj=(1e9, 30.0))).rows:
        assert row.latency_us is not None
        assert row.ratio == 1e3 / row.latency_us
        assert row.against == "faster"
        if row.energy_uj is not None:
            assert row.energy_ratio == 1e9 / row.energy_uj
            assert row.energy_against == "more"
        else:
            assert (row.energy_ratio, row.energy_against) == (None, "")


def test_a_wide_band_holds_everything_and_an_unknown_one_judges_nothing() -> None:
    first = view(subject(latency_us=(1e5, 100.0))).rows[0]
    assert first.against == "within the band"
    assert view(subject(latency_us=(1e5, None))).rows[0].against == "uncertainty unknown"


def test_there_is_no_ratio_across_clocks() -> None:
    found = view(subject(48e6, latency_us=(1e3, 5.0)))
    assert {(row.ratio, row.against) for row in found.rows} == {(None, "another clock")}
    assert found.summary == ""


def test_the_runs_own_accuracy_stands_beside_the_published_ones() -> None:
    run = subject(latency_us=(1e3, 5.0))
    assert view(run).quality == "The accuracy of aot has not been evaluated here."
    own = {"model_sha256": KWS, "profile_name": "nucleo-l4r5zi", "engine": "aot"}
    one = dataclasses.replace(rich_evaluation(), **own)  # type: ignore[arg-type]
    assert view(run, evaluations=(one,)).quality.replace(NBSP, " ") == (
        "top-1 of aot: 75.00 % (30.00 to 95.00 %) on tests µ.npz, 4 items."
    )
    failed = dataclasses.replace(one, status="failed")
    assert "not been evaluated" in view(run, evaluations=(failed,)).quality
