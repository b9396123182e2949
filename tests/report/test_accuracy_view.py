"""Stored evaluations in the report of a run: of its model, on its profile, the newest of each."""

from __future__ import annotations

import dataclasses

from hil.records import Evaluation, RunRecord

from tests.store.samples import rich_evaluation

from .page import Node, parse, render_report
from .report_records import passed

RUN = passed()
assert RUN.model is not None
MODEL = RUN.model


def evaluation(evaluation_id: str = "one", **fields: object) -> Evaluation:
    of_run = {"model_sha256": MODEL.sha256, "profile_name": RUN.profile_name}
    return dataclasses.replace(
        rich_evaluation(),
        **{"evaluation_id": evaluation_id, "errors": (), **of_run, **fields},  # type: ignore[arg-type]
    )


def shown(*evaluations: Evaluation, run: RunRecord = RUN) -> list[str]:
    page = parse(render_report([run], evaluations=evaluations))
    return [row["data-evaluation"] for row in rows(page)]


def rows(page: Node) -> list[dict[str, str]]:
    return [n.attrs for n in page.all("tr") if "data-evaluation" in n.attrs]


def test_a_run_without_evaluations_says_nothing_of_accuracy() -> None:
    assert "Accuracy on labelled data" not in render_report([RUN])
    assert shown() == []


def test_the_figures_stand_there_with_interval_and_agreement() -> None:
    page = parse(render_report([RUN], evaluations=[evaluation(data_name="/far/away/test.npz")]))
    (row,) = [n for n in page.all("tr") if "data-evaluation" in n.attrs]
    text = row.text.replace("\u00a0", " ")
    for words in (
        "test.npz",
        "int8 data as it is",
        "top-1",
        "75.00 %",
        "top-5 100.00 %",
        "30.00 to 95.00 %",
        "3 of 4",
        "50.00 %",
        "✓ bit-equal on 3 of 4 samples",
    ):
        assert words in text, words
    assert "/far/away" not in text
    assert "on the target qemu" in page.text
    assert "first" in page.text  # the evaluation's note


def test_the_confusion_matrix_has_a_row_per_true_class() -> None:
    page = parse(render_report([RUN], evaluations=[evaluation()]))
    (matrix,) = [n for n in page.all("table") if "Confusion" in n.attrs.get("aria-label", "")]
    cells = [[cell.text for cell in row.all("td")] for row in matrix.all("tr")[1:]]
    assert cells == [["2", "0"], ["1", "1"]]


def test_an_auc_is_no_percentage() -> None:
    found = rich_evaluation().accuracy
    assert found is not None
    main = dataclasses.replace(found.main, value=0.871234, low=0.8, high=0.95, count=None)
    auc = dataclasses.replace(
        found, metric="auc", main=main, host=main, top5=None, confusion=(), items=4
    )
    text = parse(render_report([RUN], evaluations=[evaluation(accuracy=auc)])).text
    assert "0.8712" in text
    assert "0.8000 to 0.9500" in text
    assert "Confusion matrix" not in text


def test_only_the_runs_model_on_its_profile() -> None:
    others = [
        evaluation("model", model_sha256="00" * 32),
        evaluation("profile", profile_name="other"),
        evaluation("unfinished", accuracy=None),
    ]
    assert shown(*others) == []
    assert shown(*others, evaluation()) == ["one"]


def test_of_the_same_question_the_newest_answer() -> None:
    assert shown(
        evaluation("new", key="a"),
        evaluation("old", key="b", firmware_sha256="77" * 32),
        evaluation("part", options={"limit": 10, "seed": 0}),
        evaluation("other data", data_sha256="88" * 32),
        evaluation("other engine", engine="tflm"),
    ) == ["new", "part", "other data"]


def test_a_failed_one_is_marked() -> None:
    text = parse(render_report([RUN], evaluations=[evaluation(status="failed")])).text
    assert "✕ bit-equal on 3 of 4" in text.replace("\u00a0", " ")


def test_names_cannot_become_markup() -> None:
    html = render_report([RUN], evaluations=[evaluation(data_name="<script>alert(1)")])
    assert "<script>alert" not in html
