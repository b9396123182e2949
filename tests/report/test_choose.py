"""Which run is the baseline, and why; on real stores and the shipped folder."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hil.errors import UsageError
from hil.records import ModelInfo, RunRecord
from hil.report.compare.choose import Asked, cases, compared, find_baseline
from hil.store import Store

from .report_records import bare, of_engine, passed, scaled, wrong_output

NUCLEO = {"chip": {"part": "STM32L4R5ZI"}, "clock": {"hz": 120e6}}
KWS = "aeea436800704fce17b17292e4412630ad856e9d777c044c64ef748a880bd0ae"  # MLPerf Tiny's
OTHER = ModelInfo("ic_int8", "ic.tflite", "77" * 32, "int8", 98_496, 12_501_632, 3)


def run(tail: str, **changes: Any) -> RunRecord:
    return passed(run_id=f"20261121T050000-{tail}", **changes)


def tflm(tail: str = "cccccc", engine: str = "tflm-cmsis", factor: float = 2.0) -> RunRecord:
    return scaled(run(tail, engine=engine), factor)


def keep(store: Store, *records: RunRecord) -> None:
    for record in records:
        store.begin(dataclasses.replace(record, status="running"))
        store.finish(record)


def ids(case: Any) -> list[str]:
    return [run.run_id[-6:] for run in case.runs]


def test_the_fastest_tflm_of_the_report_is_the_baseline() -> None:
    slow, fast = tflm("dddddd", "tflm", 9.0), tflm("eeeeee", factor=1.5)
    (case,) = cases([run("aaaaaa"), slow, fast])
    assert ids(case) == ["eeeeee", "aaaaaa", "dddddd"]
    assert case.why == (
        "TFLite Micro with CMSIS-NN is the baseline: the fastest run of a baseline engine in this "
        "report."
    )
    assert [subject.run_id[-6:] for subject in case.subjects] == ["aaaaaa"]


def test_a_failed_tflm_is_no_baseline() -> None:
    broken = of_engine(wrong_output(), "tflm-cmsis")
    (case,) = cases([run("aaaaaa"), broken])
    assert ids(case) == ["aaaaaa", "0d0d0d"]
    assert case.why == (
        "The first run is the baseline: no run of a baseline engine of this model on this profile "
        "passed."
    )


def test_without_tflm_the_first_run_is_the_baseline() -> None:
    (case,) = cases([run("aaaaaa"), run("bbbbbb")])
    assert ids(case) == ["aaaaaa", "bbbbbb"]
    assert case.why.startswith("The first run is the baseline:")


def test_a_single_run_has_nothing_to_be_compared_with() -> None:
    (case,) = cases([run("aaaaaa")])
    assert not case.has_baseline
    assert case.subjects == ()


def test_a_case_is_one_model_on_one_profile() -> None:
    runs = [
        run("aaaaaa"),
        run("bbbbbb", profile_name="nucleo-l4r5zi", profile=NUCLEO),
        run("dddddd", model=OTHER),
        run("eeeeee"),
    ]
    assert [ids(case) for case in cases(runs)] == [["aaaaaa", "eeeeee"], ["bbbbbb"], ["dddddd"]]
    assert cases(runs)[1].title == "kws_int8 on STM32L4R5ZI"


def test_variants_of_one_model_share_a_case() -> None:
    parent = run("aaaaaa")
    assert parent.model is not None
    provenance = {"parent_sha256": parent.model.sha256, "parent_name": "kws", "scheme": "q8"}
    variant = run("bbbbbb", model=OTHER, provenance=provenance)
    assert [ids(case) for case in cases([parent, variant])] == [["aaaaaa", "bbbbbb"]]


def variant(tail: str, scheme: str, **changes: Any) -> RunRecord:
    """A run of a variant of the model that ``run`` has."""
    parent = passed().model
    assert parent is not None
    provenance = {"parent_sha256": parent.sha256, "parent_name": "kws", "scheme": scheme}
    model = dataclasses.replace(OTHER, sha256=(tail[:2] * 32))
    return run(tail, model=model, provenance=provenance, **changes)


def test_variants_are_compared_with_their_float_model_wherever_it_stands() -> None:
    (case,) = cases([variant("bbbbbb", "q8"), variant("cccccc", "int8"), run("aaaaaa")])
    assert ids(case) == ["aaaaaa", "bbbbbb", "cccccc"]
    assert case.why == "int8 is the baseline: the float model that the variants were made of."
    (case,) = cases([variant("bbbbbb", "q8"), run("aaaaaa"), tflm()])
    assert ids(case)[0] == "cccccc"  # TFLM's run comes first


def test_a_float_model_that_did_not_pass_is_no_baseline() -> None:
    failed = dataclasses.replace(wrong_output(), run_id="20261121T050000-aaaaaa")
    (case,) = cases([variant("bbbbbb", "q8"), failed])
    assert ids(case)[0] == "bbbbbb"
    assert case.why.startswith("The first run is the baseline")


def test_the_float_model_is_looked_for_in_the_store(store: Store) -> None:
    keep(store, run("aaaaaa"), run("eeeeee", profile_name="other"), run("ffffff", engine="mine"))
    (case,) = cases([variant("bbbbbb", "q8")], store)
    assert ids(case) == ["aaaaaa", "bbbbbb"]
    assert [column.origin for column in case.columns] == ["stored run", ""]
    assert case.why.endswith(
        "the newest stored run of the float model that the variants were made of."
    )
    (case,) = cases([variant("bbbbbb", "q8", profile_name="nowhere")], store)
    assert not case.has_baseline


def test_titles_tell_clocks_apart() -> None:
    slow = {"profile_name": "stm32l4@48MHz", "profile": {**NUCLEO, "clock": {"hz": 48e6}}}
    (case,) = cases([run("aaaaaa", **slow)])
    assert case.title.replace("\u00a0", " ") == "kws_int8 on STM32L4R5ZI at 48 MHz"


def test_a_stored_baseline_comes_before_a_stored_run(store: Store) -> None:
    keep(store, tflm("dddddd"))
    store.baselines.put("release", [tflm("eeeeee")])
    (case,) = cases([run("aaaaaa")], store)
    assert ids(case) == ["eeeeee", "aaaaaa"]
    assert case.columns[0].origin == "baseline 'release'"
    assert case.why == (
        "TFLite Micro with CMSIS-NN is the baseline: the baseline 'release', of this model on "
        "this profile."
    )


def test_stored_runs_of_each_engine_are_found_and_the_fastest_judges(store: Store) -> None:
    keep(store, tflm("dddddd", "tflm-ref", 9.0), tflm("eeeeee"), run("aaaaaa"))
    (case,) = cases([run("aaaaaa")], store)
    assert ids(case) == ["eeeeee", "aaaaaa", "dddddd"]
    assert [column.origin for column in case.columns] == ["stored run", "", "stored run"]
    assert "the fastest of those that match" in case.why


@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(tflm(), model=OTHER),
        dataclasses.replace(tflm(), profile_name="nucleo-l4r5zi"),
        of_engine(bare("failed"), "tflm"),
        run("dddddd", engine="aot"),
    ],
    ids=["another model", "another profile", "failed", "another engine"],
)
def test_what_does_not_match_is_not_taken(store: Store, other: RunRecord) -> None:
    keep(store, other)
    if other.status == "passed":
        store.baselines.put("release", [other])
    (case,) = cases([run("aaaaaa")], store)
    assert not case.has_baseline


def test_tflm_in_the_report_is_not_joined_by_others(store: Store) -> None:
    keep(store, tflm("dddddd"))
    (case,) = cases([run("aaaaaa"), tflm("eeeeee", "tflm-ref")], store)
    assert ids(case) == ["eeeeee", "aaaaaa"]


def test_an_asked_for_baseline_comes_before_everything(store: Store) -> None:
    release = run("dddddd")
    store.baselines.put("release", [release, run("ffffff", profile_name="nucleo-l4r5zi")])
    asked = find_baseline(store, "release")
    (case,) = cases([run("aaaaaa"), tflm()], store, asked)
    assert ids(case) == ["dddddd", "aaaaaa", "cccccc"]
    assert case.why == "aot is the baseline, as asked for by 'release'."
    assert case.columns[0].origin == "baseline 'release'"


def test_an_asked_for_run_of_the_report_is_moved_to_the_front(store: Store) -> None:
    runs = [run("aaaaaa"), run("bbbbbb")]
    (case,) = cases(runs, store, Asked("bbbbbb", (runs[1],)))
    assert ids(case) == ["bbbbbb", "aaaaaa"]
    assert case.columns[0].origin == ""


def test_an_asked_for_run_on_another_chip_is_taken_and_said() -> None:
    asked = Asked("x", (run("dddddd", profile_name="nucleo-l4r5zi", profile=NUCLEO),))
    (case,) = cases([run("aaaaaa")], None, asked)
    assert ids(case) == ["dddddd", "aaaaaa"]
    assert "'x' has no run on stm32l4, so one on another chip is used." in case.why


def test_an_asked_for_baseline_of_another_model_is_refused(store: Store) -> None:
    asked = Asked("x", (run("dddddd", model=OTHER),))
    with pytest.raises(UsageError, match="'x' has no run of a model in this report"):
        cases([run("aaaaaa")], store, asked)


def test_baselines_are_found_by_name_stored_or_shipped(store: Store) -> None:
    assert find_baseline(store, "nope") is None
    shipped = find_baseline(store, "tflm-ref")
    assert shipped is not None
    assert {run.engine for run in shipped.runs} == {"tflm-ref"}


def test_published_rows_come_only_with_model_and_board() -> None:
    kws = ModelInfo("kws", "kws.tflite", KWS, "int8", 53_936, 2_656_768, 13)
    on_board = run("aaaaaa", model=kws, profile_name="nucleo-l4r5zi", profile=NUCLEO)
    elsewhere = run("bbbbbb", model=kws)
    other_model = run("dddddd", profile_name="nucleo-l4r5zi", profile=NUCLEO)
    rows = [case.published for case in cases([on_board, elsewhere, other_model])]
    assert [len(found) > 0 for found in rows] == [True, False, False]
    assert {row.task for row in rows[0]} == {"kws"}
    assert {row.board for row in rows[0]} == {"NUCLEO-L4R5ZI"}


def test_without_tflm_of_ones_own_the_shipped_baselines_judge() -> None:
    kws = ModelInfo("kws", "kws.tflite", KWS, "int8", 53_936, 2_656_768, 13)
    ours = run("aaaaaa", model=kws, profile_name="nucleo-l4r5zi", profile=NUCLEO)
    (case,) = cases([ours])
    baseline, candidate, other = case.columns
    assert (candidate.run, candidate.origin) == (ours, "")
    assert baseline.origin == "baseline 'tflm-cmsis', shipped with hil"
    assert other.origin == "baseline 'tflm-ref', shipped with hil"
    for column in (baseline, other):
        assert column.run.model is not None
        assert column.run.model.sha256 == KWS
        assert column.run.profile_name == "nucleo-l4r5zi"
    assert case.why == (
        "TFLite Micro with CMSIS-NN is the baseline: the baseline 'tflm-cmsis', shipped with hil, "
        "of this model on this profile, the fastest of those that match."
    )


def test_a_comparison_keeps_the_order_given() -> None:
    case = compared([run("aaaaaa"), tflm(), run("bbbbbb", model=OTHER)])
    assert ids(case) == ["aaaaaa", "cccccc", "bbbbbb"]
    assert case.why == "The first run is the baseline."
