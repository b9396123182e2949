"""Which run is compared with which, and what becomes of those that cannot be."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from hil.gate.decision import Case, Outcome, gate
from hil.gate.limits import Limits, parse, parse_named
from hil.records import ErrorInfo, Measurement, RunRecord
from hil.store import Store
from hil.store.latest import Filter

from tests.report.report_records import bare, passed, scaled

LIMITS = Limits(parse("2%", ""))
LATER = "2026-12-01T00:00:00+00:00"


def only(outcome: Outcome) -> Case:
    assert len(outcome.cases) == 1, outcome
    return outcome.cases[0]


def words(case: Case) -> dict[str, str]:
    return {finding.name: finding.word for finding in case.findings}


def later(**changes: object) -> RunRecord:
    return passed(run_id="later", started_at=LATER, **changes)


def test_an_unchanged_run_passes(store: Store) -> None:
    store.baselines.put("main", [passed()])
    store.finish(later())
    outcome = gate(store, "main", LIMITS)
    assert outcome.passed
    assert set(words(only(outcome)).values()) == {"unchanged"}
    assert only(outcome).notes == ()


def test_a_slowdown_fails_by_the_figures_it_moved(store: Store) -> None:
    store.baselines.put("main", [passed()])
    store.finish(scaled(later(), 1.03))
    outcome = gate(store, "main", LIMITS)
    assert not outcome.passed
    assert words(only(outcome)) == {
        "latency_us": "regression",
        "cycles": "regression",
        "energy_uj": "regression",
        "flash_bytes": "unchanged",
        "ram_bytes": "unchanged",
        "arena_bytes": "unchanged",
    }


def test_limits_of_figures(store: Store) -> None:
    store.baselines.put("main", [passed()])
    store.finish(scaled(later(), 1.03))
    named = parse_named(
        {"latency_us": "5%", "cycles": "off", "energy_uj": "1 mJ", "stack_bytes": 0, "oops": 1}, ""
    )
    outcome = gate(store, "main", Limits(parse("2%", ""), named))
    assert outcome.passed
    assert words(only(outcome))["latency_us"] == "within"
    assert words(only(outcome))["stack_bytes"] == "unchanged"
    assert "cycles" not in words(only(outcome))
    assert outcome.notes == ("the limit of 'oops' applies to no figure of these runs",)


@pytest.mark.parametrize(
    ("status", "word", "verdict"),
    [
        ("failed", "failed", "failed"),
        ("error", "error", "not compared"),
        ("interrupted", "error", "not compared"),
    ],
)
def test_a_run_that_did_not_pass_has_a_word_of_its_own(
    store: Store, status: str, word: str, verdict: str
) -> None:
    store.baselines.put("main", [passed()])
    store.finish(bare(status, ErrorInfo("the reason"), run_id="later", started_at=LATER))
    outcome = gate(store, "main", LIMITS)
    assert (only(outcome).word, only(outcome).reason) == (word, "the reason")
    assert outcome.verdict == verdict


def test_a_run_that_still_works_is_skipped(store: Store) -> None:
    store.baselines.put("main", [passed()])
    store.begin(bare("running", run_id="later", started_at=LATER, finished_at=None))
    outcome = gate(store, "main", LIMITS)
    assert (only(outcome).word, outcome.verdict) == ("skipped", "not compared")


def test_a_failed_run_without_a_baseline_got_no_worse(store: Store) -> None:
    model = passed().model
    assert model is not None
    store.baselines.put("main", [passed(model=dataclasses.replace(model, name="other"))])
    store.finish(bare("failed", ErrorInfo("wrong"), run_id="later"))
    outcome = gate(store, "main", LIMITS, match="name")
    assert outcome.verdict == "not compared"
    assert [case.word for case in outcome.cases] == ["no baseline", "missing"]


@pytest.mark.parametrize(
    "change",
    [
        lambda run: dataclasses.replace(
            run, model=dataclasses.replace(run.model, name="new", sha256="ee" * 32)
        ),
        lambda run: dataclasses.replace(run, profile_name="nrf52840"),
        lambda run: dataclasses.replace(run, target="board"),
    ],
    ids=["model", "profile", "target"],
)
def test_another_model_profile_or_target_is_never_compared(
    store: Store, change: Callable[[RunRecord], RunRecord]
) -> None:
    store.baselines.put("main", [passed()])
    store.finish(scaled(change(later()), 2.0))
    outcome = gate(store, "main", LIMITS)
    assert outcome.verdict == "not compared"
    assert sorted(case.word for case in outcome.cases) == ["missing", "no baseline"]


def test_a_model_that_was_renamed_is_found_by_its_hash(store: Store) -> None:
    store.baselines.put("main", [passed()])
    model = later().model
    assert model is not None
    renamed = dataclasses.replace(model, name="other", path="elsewhere/other.tflite")
    store.finish(later(model=renamed))
    assert only(gate(store, "main", LIMITS)).word == "compared"


def test_the_latest_run_of_each_kind_is_compared(store: Store) -> None:
    store.baselines.put("main", [passed()])
    store.finish(scaled(passed(run_id="between", started_at="2026-11-25T00:00:00Z"), 9.0))
    store.finish(later())
    store.finish(dataclasses.replace(later(), run_id="e2", engine="tflm"))
    outcome = gate(store, "main", LIMITS)
    assert [case.run_id for case in outcome.cases] == ["later", "e2"]
    assert outcome.passed
    assert gate(store, "main", LIMITS, runs=[store.get("between")]).passed is False


def test_an_engine_is_compared_with_itself_before_another(store: Store) -> None:
    slow = scaled(passed(run_id="slow", engine="tflm-cmsis"), 2.0)
    store.baselines.put("main", [passed(), slow])
    store.finish(later())
    store.finish(dataclasses.replace(scaled(later(), 2.0), run_id="t", engine="tflm-cmsis"))
    store.finish(dataclasses.replace(later(), run_id="n", engine="new"))
    outcome = gate(store, "main", LIMITS, any_engine=True)
    by_engine = {case.engine: case for case in outcome.cases}
    assert by_engine["aot"].baseline_engine == "aot"
    assert by_engine["tflm-cmsis"].baseline_engine == "tflm-cmsis"
    assert by_engine["new"].word == "no baseline"
    assert by_engine["new"].reason.endswith("by other engines: aot, tflm-cmsis")


def test_another_engine_is_compared_on_demand_only(store: Store) -> None:
    store.baselines.put("tflm", [scaled(passed(run_id="t", engine="tflm-cmsis"), 2.0)])
    store.finish(later())
    own = gate(store, "tflm", LIMITS).cases[0]
    assert own.word == "no baseline"
    assert "by engine tflm-cmsis only; --any-engine" in own.reason
    case = only(gate(store, "tflm", LIMITS, any_engine=True))
    assert case.baseline_engine == "tflm-cmsis"
    assert words(case)["latency_us"] == "improved"
    assert "the baseline ran on engine tflm-cmsis, this run on aot" in case.notes


def test_what_changed_beside_the_model_is_told(store: Store) -> None:
    store.baselines.put("main", [passed()])
    run = later()
    flags = str(run.provenance["compiler_flags"]).replace("-O3", "-Os")
    changed = {
        "compiler": "gcc 14",
        "hil_version": "9",
        "compiler_flags": flags,
        "inputs_sha256": "0" * 64,
    }
    cycles = dataclasses.replace(run.measurements["cycles"], source="another model")
    store.finish(
        dataclasses.replace(
            run,
            machine="mps2-an386",
            profile={**run.profile, "title": "changed"},
            provenance={**run.provenance, **changed},
            measurements={**run.measurements, "cycles": cycles},
        )
    )
    notes = " | ".join(only(gate(store, "main", LIMITS)).notes)
    for text in (
        "machine: b-l475e-iot01a then, mps2-an386 now",
        "hil: 0.1.0 then, 9 now",
        "gcc 14 now",
        "compiler flags: -O3 then, -Os now",
        "inputs: cdcdcdcdcdcd then, 000000000000 now",
        "timing model: ",
        "the profile stm32l4 has changed",
    ):
        assert text in notes


def test_a_figure_that_went_away_is_skipped_not_passed_over(store: Store) -> None:
    store.baselines.put("main", [passed()])
    run = later()
    rest = {name: m for name, m in run.measurements.items() if name != "energy_uj"}
    store.finish(dataclasses.replace(run, measurements=rest))
    outcome = gate(store, "main", LIMITS)
    assert words(only(outcome))["energy_uj"] == "skipped"
    assert outcome.passed


def test_observations_survive_the_store_and_the_baseline(store: Store) -> None:
    def board(run_id: str, middle: float, **changes: object) -> RunRecord:
        samples = tuple(middle + step for step in (-2.0, -1.0, 0.0, 1.0, 2.0))
        figure = Measurement(
            "latency_us", middle, "us", "measured", 0.1, 5, 400 / middle, "DWT", samples
        )
        return passed(run_id=run_id, target="board", measurements={"latency_us": figure}, **changes)

    store.baselines.put("main", [board("old", 1_000)])
    store.finish(board("new", 1_030))
    assert store.get("new") == board("new", 1_030)
    finding = only(gate(store, "main", LIMITS)).findings[0]
    assert finding.word == "regression"
    assert finding.interval_pct is not None
    store.finish(board("newer", 1_015, started_at=LATER))
    assert only(gate(store, "main", LIMITS)).findings[0].word == "within"


def test_filters_choose_the_runs_and_what_can_be_missing(store: Store) -> None:
    other = passed(run_id="p2", profile_name="nrf52840")
    store.baselines.put("main", [passed(), other])
    store.finish(later())
    assert [c.word for c in gate(store, "main", LIMITS).cases] == ["compared", "missing"]
    only_one = gate(store, "main", LIMITS, which=Filter(profile="stm32l4"))
    assert [c.word for c in only_one.cases] == ["compared"]
    by_hash = gate(store, "main", LIMITS, which=Filter(model="9d9d9d9d"))
    assert len(by_hash.cases) == 2
    assert gate(store, "main", LIMITS, which=Filter(engine="nope")).cases == ()


def test_no_such_baseline_is_told_with_the_nearest(store: Store) -> None:
    store.baselines.put("main", [passed()])
    store.finish(later())
    outcome = gate(store, "mian", LIMITS)
    assert (outcome.verdict, outcome.origin) == ("not compared", None)
    assert only(outcome).word == "no baseline"
    assert "did you mean 'main'" in outcome.notes[0]
