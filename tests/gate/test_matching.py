"""Which model of the baseline a run is compared with: by SHA-256, by name, or none."""

from __future__ import annotations

import dataclasses

import pytest
from hil.gate.decision import Case, Outcome, gate
from hil.gate.limits import Limits, parse
from hil.gate.matching import Match
from hil.records import RunRecord
from hil.store import Store

from tests.report.report_records import bare, passed, scaled

LIMITS = Limits(parse("2%", ""))


def run(run_id: str, sha256: str, day: int = 25, **changes: object) -> RunRecord:
    """A run of a model named kws_int8 (or ``name``) with this hash, on a day of the month."""
    model = passed().model
    assert model is not None
    fields = {name: changes.pop(name) for name in ("name", "dtype") if name in changes}
    info = dataclasses.replace(model, sha256=sha256 * 32, **fields)  # type: ignore[arg-type]
    started = f"2026-11-{day}T00:00:00+00:00"
    return passed(run_id=run_id, model=info, started_at=started, **changes)


def variant(record: RunRecord, scheme: str, q_format: str = "") -> RunRecord:
    facts = {"scheme": scheme, "quantize_options": {"q_format": q_format}}
    return dataclasses.replace(record, provenance={**record.provenance, **facts})


def compared(outcome: Outcome) -> dict[str, str]:
    """The runs by id, each with its counterpart or its word."""
    return {
        case.run_id or f"missing {case.baseline_run_id}": (case.baseline_run_id or "")
        if case.word == "compared"
        else case.word
        for case in outcome.cases
    }


def only(outcome: Outcome) -> Case:
    assert len(outcome.cases) == 1, outcome
    return outcome.cases[0]


def test_a_retrained_model_is_compared_by_name_and_said_so(store: Store) -> None:
    """The old model's own run is still in the history; it must not count as a comparison."""
    store.finish(run("old", "aa", 20))
    store.baselines.put("main", [store.get("old")])
    store.finish(scaled(run("new", "bb", 21), 1.03))
    outcome = gate(store, "main", LIMITS)
    case = only(outcome)
    assert (case.run_id, case.word, case.matched_by) == ("new", "compared", "name")
    assert case.model_changed
    assert outcome.verdict == "failed"
    expected = "the model kws_int8 has changed (SHA-256 aaaaaaaaaaaa then, bbbbbbbbbbbb now)"
    assert case.notes[0].startswith(expected)
    assert "not compared: old (kws_int8 on stm32l4, aot) ran an earlier model" in outcome.notes[0]
    assert [(one.run.run_id, one.newer.run_id) for one in outcome.outdated] == [("old", "new")]


def test_a_retrained_model_that_fails_is_worse_than_the_one_before(store: Store) -> None:
    store.baselines.put("main", [run("old", "aa", 20)])
    model = run("x", "bb").model
    store.finish(bare("failed", run_id="new", model=model))
    assert gate(store, "main", LIMITS).verdict == "failed"


def test_by_hash_a_retrained_model_is_not_compared(store: Store) -> None:
    store.finish(run("old", "aa", 20))
    store.baselines.put("main", [store.get("old")])
    store.finish(run("new", "bb", 21))
    outcome = gate(store, "main", LIMITS, match="sha256")
    assert compared(outcome) == {"old": "own run", "new": "no baseline"}
    assert outcome.verdict == "not compared"
    reason = next(case.reason for case in outcome.cases if case.run_id == "new")
    assert "the model has changed (SHA-256 aaaaaaaaaaaa in the baseline" in reason
    assert "--match name" in reason


@pytest.mark.parametrize(
    ("match", "expected"),
    [("auto", "base"), ("sha256", "base"), ("name", "no baseline")],
)
def test_a_renamed_model(store: Store, match: Match, expected: str) -> None:
    store.baselines.put("main", [run("base", "aa")])
    store.finish(run("new", "aa", 26, name="other"))
    outcome = gate(store, "main", LIMITS, match=match)
    assert compared(outcome)["new"] == expected
    if expected == "no baseline":
        assert "the baseline has this model as 'kws_int8'" in outcome.cases[0].reason


def test_two_models_of_one_name_in_the_baseline(store: Store) -> None:
    store.baselines.put("main", [run("a", "aa"), run("b", "bb")])
    store.finish(run("a2", "aa", 26))
    store.finish(run("b2", "bb", 27))
    for match in ("auto", "name", "sha256"):
        assert compared(gate(store, "main", LIMITS, match=match)) == {"a2": "a", "b2": "b"}  # type: ignore[arg-type]
    store.finish(run("c2", "cc", 28))
    outcome = gate(store, "main", LIMITS)
    assert compared(outcome) == {"a2": "a", "b2": "b", "c2": "ambiguous"}
    (reason,) = [case.reason for case in outcome.cases if case.word == "ambiguous"]
    assert "2 models named 'kws_int8' (aaaaaaaaaaaa, bbbbbbbbbbbb)" in reason
    assert outcome.absent.startswith("'main' has nothing for kws_int8")


def test_of_several_new_models_of_a_name_the_newest_counts(store: Store) -> None:
    store.baselines.put("main", [run("base", "aa", 20)])
    for day, sha256 in enumerate(("bb", "cc", "dd"), 21):
        store.finish(run(f"run-{sha256}", sha256, day))
    outcome = gate(store, "main", LIMITS)
    assert compared(outcome) == {"run-dd": "base"}
    assert {one.run.run_id for one in outcome.outdated} == {"run-bb", "run-cc"}
    named = gate(store, "main", LIMITS, runs=[store.get("run-bb"), store.get("run-cc")])
    assert compared(named) == {"run-bb": "base", "run-cc": "base"}


def test_going_back_to_the_model_of_the_baseline(store: Store) -> None:
    store.baselines.put("main", [run("base", "aa", 20)])
    store.finish(run("tried", "bb", 21))
    store.finish(run("back", "aa", 22))
    outcome = gate(store, "main", LIMITS)
    assert compared(outcome) == {"back": "base"}
    assert not only(outcome).model_changed


def test_variants_of_one_name_are_told_apart_by_their_arithmetic(store: Store) -> None:
    q8, q16 = variant(run("q8", "aa"), "q8"), variant(run("q16", "bb"), "q16")
    store.baselines.put("main", [q8, q16])
    store.finish(variant(run("new", "cc", 27), "q16"))
    assert compared(gate(store, "main", LIMITS))["new"] == "q16"
    store.finish(variant(run("formats", "dd", 28), "q8", "Q4.4"))
    outcome = gate(store, "main", LIMITS, runs=[store.get("formats")])
    assert compared(outcome) == {"formats": "no baseline"}
    assert only(outcome).reason == (
        "the baseline has a model of this name as q16, q8, this one is q8 Q4.4"
    )


def test_the_float_model_of_the_same_name_is_another(store: Store) -> None:
    store.baselines.put("main", [run("int8", "aa")])
    store.finish(run("again", "aa", 26))
    store.finish(run("float", "ff", 27, dtype="float32"))
    assert compared(gate(store, "main", LIMITS)) == {"again": "int8", "float": "no baseline"}


@pytest.mark.parametrize("match", ["auto", "name", "sha256"])
def test_profile_target_and_engine_are_never_mixed(store: Store, match: Match) -> None:
    store.baselines.put("main", [run("base", "aa")])
    store.finish(run("chip", "aa", 26, profile_name="nrf52840"))
    store.finish(run("board", "aa", 26, target="board"))
    store.finish(run("tflm", "aa", 26, engine="tflm"))
    outcome = gate(store, "main", LIMITS, match=match)
    reasons = {case.run_id: case.reason for case in outcome.cases if case.word == "no baseline"}
    assert set(reasons) == {"chip", "board", "tflm"}
    assert reasons["chip"] == "the baseline has it on stm32l4 only"
    assert reasons["board"] == "the baseline has it on target qemu only"
    assert "by engine aot only; --any-engine" in reasons["tflm"]


def test_another_engine_is_found_by_name_too(store: Store) -> None:
    store.baselines.put("tflm", [scaled(run("t", "aa", engine="tflm-cmsis"), 2.0)])
    store.finish(run("new", "bb", 26))
    outcome = gate(store, "tflm", LIMITS, any_engine=True)
    assert compared(outcome) == {"new": "t"}
    assert only(outcome).model_changed


def test_a_run_is_not_compared_with_itself(store: Store) -> None:
    store.finish(run("one", "aa"))
    store.baselines.put("main", [store.get("one")])
    outcome = gate(store, "main", LIMITS)
    assert compared(outcome) == {"one": "own run"}
    assert (outcome.verdict, outcome.passed) == ("not compared", False)


def test_runs_without_a_common_figure_are_not_compared(store: Store) -> None:
    store.baselines.put("main", [run("base", "aa")])
    figures = {
        name: dataclasses.replace(figure, kind="measured")
        for name, figure in passed().measurements.items()
    }
    store.finish(run("new", "aa", 26, measurements=figures))
    outcome = gate(store, "main", LIMITS)
    assert compared(outcome) == {"new": "incomparable"}
    assert outcome.verdict == "not compared"
    assert {finding.word for finding in only(outcome).findings} == {"skipped"}
