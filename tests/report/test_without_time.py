"""A run whose target measures no time: a figure that is absent is never shown as 0."""

from __future__ import annotations

import csv
import dataclasses
import io
import json

import pytest
from hil.records import RunRecord
from hil.report import build_compare, build_report, render
from hil.report.output import text
from hil.report.study.study_view import study_view

from .page import Node, parse, render_compare, render_report
from .report_records import passed, scaled
from .study_records import TEXT, study_runs

NOTE = "This target measures no cycles: there is no time and no energy."
TIMED = ("latency_us", "energy_uj", "cycles", "instructions")


def host(**changes: object) -> RunRecord:
    """A run on a target that only checks outputs and counts memory of the plan."""
    found = passed(
        run_id="20261121T050000-aaaaaa",
        target="elsewhere",
        machine="x86_64",
        machine_exact=False,
        ops=(),
        functions=(),
        flash_by_owner={"weights": 24_908, "tables": 7_268},  # of the chip's program a part
        ram_by_owner={"arena": 16_000},
        notes=(NOTE,),
    )
    measured = {"arena_bytes": found.measurements["arena_bytes"]}
    return dataclasses.replace(found, measurements=measured, **changes)  # type: ignore[arg-type]


def cards(page: Node) -> list[str]:
    return [card.text for card in page.all("div", class_="card")]


def test_the_page_says_what_was_not_measured_and_why() -> None:
    page = parse(render_report([host()]))
    assert cards(page) == [
        "Time per inference not measured",
        "Energy per inference not measured",
        "Flash not measured",
        "RAM not measured",
    ]
    headline = page.one("p", class_="headline").text
    assert headline.startswith("The model kws_int8 ran on x86_64 (elsewhere); time is not measured")
    assert "Its outputs are identical to TensorFlow Lite's on 7 inputs." in headline
    assert "STM32L475VG" not in headline
    assert NOTE in page.one("ul", class_="notes").text
    assert page.one("section", id="run-1-ops").text == "Time by op Not measured in this run."
    assert page.all("table", class_="ops") == []
    assert page.all("figure", class_="memory") == []  # what is a part is not said to fit


def test_beside_a_timed_run_there_is_no_ratio() -> None:
    page = parse(render_compare([passed(), host()]))
    for name in TIMED:
        assert page.one("tr", data_figure=name).all("td")[1].text == "not measured"
    assert page.one("tr", data_figure="arena_bytes").all("td")[1].text.endswith("= the same")
    verdict = page.one("section", id="verdict").text
    assert "faster" not in verdict
    assert "time" not in verdict
    assert "outputs identical" in verdict
    assert "Not every run has figures by op." in page.text
    for name in ("RAM", "Flash"):
        rows = page.one("table", aria_label=f"{name} by owner").one("tbody").all("tr")
        assert rows[1].all("td")[0].text == "–"


def test_two_untimed_runs_are_compared_by_their_outputs() -> None:
    page = parse(render_compare([host(), host(run_id="20261121T050000-bbbbbb")]))
    assert "no figure in common" in page.one("section", id="verdict").text
    assert "outputs identical" in page.one("section", id="verdict").text
    assert "No run has figures by op." in page.text


def test_an_overview_marks_it_and_the_chart_leaves_it_out() -> None:
    timed = [
        scaled(passed(run_id=f"20261121T06000{i}-00000{i}", engine=f"e{i}"), i) for i in (1, 2, 3)
    ]
    page = parse(render_report([host(), *timed]))
    row = page.one("table", class_="overview").one("tbody").all("tr")[0]
    assert [cell.text for cell in row.all("td")[3:7]] == ["not measured"] * 4
    assert host().run_id not in page.one("section", class_="pareto").text
    assert len(page.one("table", class_="pareto-table").one("tbody").all("tr")) == 3


@pytest.mark.parametrize("form", ["html", "md", "csv", "json"])
def test_every_form_renders(form: str) -> None:
    for view in (build_report([host()]), build_report([passed(), host()])):
        assert "kws" in render(view, form)


def test_data_has_no_zero_in_its_place() -> None:
    view = build_compare([passed(), host()])
    (case,) = json.loads(render(view, "json"))["comparisons"]
    assert case["figures"]["latency_us"][1] is None
    rows = list(csv.DictReader(io.StringIO(render(view, "csv"))))
    times = [row for row in rows if (row["section"], row["name"]) == ("figure", "latency_us")]
    assert [row["run_id"] for row in times] == [passed().run_id]
    table = {row[0]: row for row in text.figure_rows(view.cases[0])}
    assert table["Time per inference"][3:] == ["-", ""]


def test_a_study_leaves_out_its_points() -> None:
    runs = [dataclasses.replace(run, run=host()) for run in study_runs(failed=False)]
    view = study_view(TEXT, runs)
    latency = next(chart for chart in view.panels[0].charts if chart.name == "latency_us")
    assert [line.markers for line in latency.shape.lines] == [(), ()]
    assert {cell.missing for row in latency.rows for cell in row.cells} == {"not measured"}
