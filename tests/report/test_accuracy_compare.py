"""Accuracy and agreement where runs stand side by side: tables, verdicts, Markdown, JSON, CSV."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import Any

import pytest
from hil.records import Agreement, Estimate, Evaluation, ModelInfo, RunRecord, Variant
from hil.report.compare.accuracy import accuracy_lines
from hil.report.compare.choose import cases, compared
from hil.report.compare.verdict import verdict
from hil.report.output.export import render_csv, render_json
from hil.report.output.html import render_html
from hil.report.output.markdown import render_markdown
from hil.report.report_view import ReportView, compare_view, report_view
from hil.report.run.evidence import Evidence
from hil.report.words.accuracy import agreement_text
from hil.report.words.format import NBSP
from hil.report.words.judge import difference

from tests.store.samples import rich_evaluation, rich_variant

from .page import parse
from .report_records import passed, scaled

FLOAT = passed(
    run_id="20261121T050000-aaaaaa",
    model=ModelInfo("digits", "digits.tflite", "aa" * 32, "float32", 9_000, 1, 13),
)
INT8 = scaled(
    passed(
        run_id="20261121T050000-bbbbbb",
        model=ModelInfo("digits-int8", "d.tflite", "bb" * 32, "int8", 3_000, 1, 13),
    ),
    0.3,
    provenance={"scheme": "int8", "parent_name": "digits", "parent_sha256": "aa" * 32},
)
SOURCE = "5e" * 32


def evaluation(run: RunRecord, right: int, half: float = 0.02, **changes: Any) -> Evaluation:
    """``right`` of 100; the arrays differ between input types, the files they are of do not."""
    assert run.model is not None
    found = rich_evaluation().accuracy
    assert found is not None
    share = right / 100
    main = Estimate(share, share - half, share + half, 100, right, "Wilson")
    fields: dict[str, Any] = {
        "evaluation_id": f"of-{run.run_id[-6:]}",
        "model_sha256": run.model.sha256,
        "profile_name": run.profile_name,
        "engine": run.engine,
        "data_name": "/far/away/test.npz",
        "data_sha256": run.model.dtype.ljust(64, "0"),
        "provenance": {"data_source_sha256": SOURCE},
        "accuracy": dataclasses.replace(found, main=main, items=100),
        "errors": (),
    }
    return dataclasses.replace(rich_evaluation(), **{**fields, **changes})


def variant(top1: float | None = 0.986) -> Variant:
    agreements = (
        Agreement("calibration", 288, 1.0, 40.0, 1.0, 0.1),
        Agreement("held-out", 72, top1, 44.5, 1.0, 0.1),
    )
    return dataclasses.replace(rich_variant(), sha256="bb" * 32, agreements=agreements)


def known(*evaluations: Evaluation) -> Evidence:
    return Evidence(evaluations, {"bb" * 32: variant()})


def view(*evaluations: Evaluation) -> ReportView:
    return compare_view(compared([FLOAT, INT8]), None, known(*evaluations))


def said(*evaluations: Evaluation) -> str:
    return verdict(FLOAT, INT8, known(*evaluations)).text.replace(NBSP, " ")


@pytest.mark.parametrize(
    ("right", "half", "words"),
    [
        (
            97,
            0.02,
            "no difference in top-1 accuracy can be claimed (97.00 % against 98.00 % on test.npz",
        ),
        (
            90,
            0.02,
            "top-1 accuracy 8.00 points lower (90.00 % against 98.00 % on test.npz, 100 items)",
        ),
        (
            99,
            0.001,
            "top-1 accuracy 1.00 points higher (99.00 % against 98.00 % on test.npz, 100 items)",
        ),
        (98, 0.02, "the same top-1 accuracy (98.00 % on test.npz, 100 items)"),
    ],
)
def test_the_verdict_has_accuracy_on_the_same_data(right: int, half: float, words: str) -> None:
    found = said(evaluation(INT8, right, half), evaluation(FLOAT, 98, half))
    assert words in found
    assert "the same top-1 class for 98.6 % of 72 held-out samples; " in found
    assert found.startswith("int8 on the STM32L475VG at 80 MHz: 3.3x faster than float32;")


def test_intervals_that_touch_claim_nothing() -> None:
    judged = difference(evaluation(FLOAT, 50, 0.25), evaluation(INT8, 75, 0.0))
    assert judged.verdict == "unclear"
    assert judged.points == 25.0


def test_other_data_and_one_side_alone_are_not_compared() -> None:
    other = evaluation(FLOAT, 98, provenance={"data_source_sha256": "77" * 32})
    assert "accuracy" not in said(evaluation(INT8, 50), other)
    assert "accuracy" not in said(evaluation(INT8, 50))
    part = evaluation(FLOAT, 98, options={"limit": 10, "seed": None})
    assert "accuracy" not in said(evaluation(INT8, 50), part)


def test_data_without_files_is_the_same_by_its_arrays() -> None:
    both = {"provenance": {}, "data_sha256": "56" * 32}
    found = said(evaluation(INT8, 50, **both), evaluation(FLOAT, 98, **both))
    assert "top-1 accuracy 48.00 points lower" in found


def test_a_failed_evaluation_is_no_result() -> None:
    found = said(evaluation(INT8, 50, status="failed"), evaluation(FLOAT, 98))
    assert "no accuracy to compare: an evaluation on test.npz did not pass" in found
    (line,) = accuracy_lines([FLOAT, INT8], known(evaluation(INT8, 50, status="failed"),
                                                  evaluation(FLOAT, 98)))  # fmt: skip
    assert line.cells[1] is not None
    assert line.cells[1].difference is not None
    assert line.cells[1].difference.words == "not a result"


def test_one_engine_says_nothing_of_another() -> None:
    theirs = dataclasses.replace(FLOAT, run_id="20261121T050000-cccccc", engine="tflm-cmsis")
    (line,) = accuracy_lines([theirs, FLOAT], Evidence((evaluation(FLOAT, 98),)))
    assert line.cells[0] is None
    assert line.missing == ("not evaluated with tflm-cmsis, only with aot", "")
    assert "top-1" not in verdict(theirs, FLOAT, Evidence((evaluation(FLOAT, 98),))).text


def test_of_two_answers_the_newest_counts() -> None:
    newest, older = evaluation(FLOAT, 98), evaluation(FLOAT, 40, firmware_sha256="11" * 32)
    (line,) = accuracy_lines([FLOAT], Evidence((newest, older)))
    assert line.cells[0] is not None
    assert line.cells[0].main.count == 98


def test_only_all_of_the_samples_are_all() -> None:
    assert "99.9 %" in agreement_text(variant(0.99999).agreements[1]).replace(NBSP, " ")
    assert "100 %" in agreement_text(variant(1.0).agreements[1]).replace(NBSP, " ")
    assert "44.5 dB SQNR" in agreement_text(variant(None).agreements[1]).replace(NBSP, " ")


def test_the_table_has_a_row_with_interval_and_difference() -> None:
    page = parse(render_html(view(evaluation(INT8, 90), evaluation(FLOAT, 98))))
    (row,) = page.all("tr", data_figure="accuracy")
    assert "Accuracy, top-1 test.npz, on qemu" in row.text
    assert "98.00 % 96.00 to 100.00 % 98 of 100" in row.text
    assert "▼ −8.00 points, worse" in row.text
    (row,) = page.all("tr", data_figure="agreement")
    assert "the model as given" in row.text
    assert "98.6 % of 72 held-out samples" in row.text
    assert "/far/away" not in page.text


def test_without_evaluations_there_is_no_row() -> None:
    page = parse(render_html(compare_view(compared([FLOAT, INT8]))))
    assert page.all("tr", data_figure="accuracy") == []
    assert page.all("tr", data_figure="agreement") == []


def test_markdown_has_it() -> None:
    text = render_markdown(view(evaluation(INT8, 90), evaluation(FLOAT, 98))).replace(NBSP, " ")
    (line,) = [line for line in text.splitlines() if line.startswith("| Accuracy")]
    assert line == (
        "| Accuracy, top-1 <sub>test.npz, on qemu</sub> "
        "| 98.00 % <sub>96.00 to 100.00 %, 98 of 100</sub> "
        "| 90.00 % <sub>88.00 to 92.00 %, 90 of 100</sub><br>**▼ −8.00 points, worse** |"
    )


def test_json_and_csv_have_it_in_full() -> None:
    shown = view(evaluation(INT8, 90), evaluation(FLOAT, 98))
    (case,) = json.loads(render_json(shown))["comparisons"]
    (line,) = case["accuracy"]
    assert [cell["value"] for cell in line["cells"]] == [0.98, 0.9]
    assert line["cells"][1]["difference_points"] == pytest.approx(-8.0)
    assert line["cells"][1]["verdict"] == "worse"
    assert case["agreement_with_float_model"][1]["top1"] == 0.986
    rows = [r for r in csv.DictReader(io.StringIO(render_csv(shown))) if r["section"] == "accuracy"]
    values = {(row["run"], row["name"]): row["value"] for row in rows}
    assert values["int8", "top1"] == "0.9"
    assert values["int8", "top1_low"] == "0.88"
    assert float(values["int8", "top1_difference"]) == pytest.approx(-8.0)
    assert ("float32", "top1_difference") not in values


def test_several_comparisons_are_summed_up_by_data_type() -> None:
    on_another = {"profile_name": "nucleo-l452re", "profile": {"chip": {"part": "STM32L452RE"}}}
    runs = [
        INT8,
        FLOAT,
        *(
            dataclasses.replace(run, run_id=f"{run.run_id}-2", **on_another)  # type: ignore[arg-type]
            for run in (INT8, FLOAT)
        ),
    ]
    found = report_view(runs, cases(runs), None, known())
    (paragraph,) = found.verdicts
    text = paragraph.text.replace(NBSP, " ")
    assert text.startswith("int8 against float32 in 2 pairs of runs (1 model, 2 profiles): 3.3x")
    assert text.endswith("the same top-1 class for 98.6 % of 72 held-out samples in both.")
    assert [case.columns[0].run.run_id for case in found.cases] == [
        FLOAT.run_id,
        f"{FLOAT.run_id}-2",
    ]
