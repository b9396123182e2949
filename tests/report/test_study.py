"""The report of a study: numbers beside every chart, failures listed, nothing that runs."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path

import pytest
from hil.errors import UsageError
from hil.records import Measurement
from hil.report import write_study
from hil.report.study.chart import Chart, Point, draw, nice_ticks
from hil.report.study.study_view import study_view
from hil.report.words.figures import value_text

from .devtools import NAMES, browser_page, find_browser
from .page import parse, render_study
from .study_records import TEXT, study_runs


def test_a_panel_for_each_board_with_four_charts_and_their_numbers() -> None:
    page = parse(render_study(TEXT, study_runs()))
    assert page.one("h1").text == "Widths & <types>"
    panels = page.all("section", class_="panel")
    assert [panel.one("h2").text for panel in panels] == ["BOARD-A@48MHZ", "BOARD-B"]
    for panel in panels:
        figures = panel.all("figure", class_="study-figure")
        assert [figure.attrs["data-figure"] for figure in figures] == [
            *("flash_bytes", "ram_bytes", "latency_us", "energy_uj")
        ]
        for figure in figures:
            assert figure.one("svg", class_="study-chart").attrs["role"] == "img"
            rows = figure.one("tbody").all("tr")
            assert [row.one("th").text for row in rows] == [
                "narrow 1,000 parameters",
                "wide 86,326 parameters",
            ]
            assert figure.all("span", class_="kind")


def test_cells_have_value_band_and_ratio_and_failures_have_none() -> None:
    view = study_view(TEXT, study_runs())
    latency = view.panels[0].charts[2]
    narrow = latency.rows[0].cells
    assert narrow[0].ratio is None
    assert narrow[1].ratio == pytest.approx(0.25)
    assert narrow[0].figure is not None
    assert value_text(narrow[0].figure) == "249\u00a0ms"
    failed = view.panels[1].charts[2].rows[1].cells[1]
    assert (failed.figure, failed.missing) == (None, "failed")
    # The line has one point less; its neighbours keep theirs.
    assert [len(line.markers) for line in view.panels[1].charts[2].shape.lines] == [2, 1]
    assert [(label, error.message) for label, error in view.problems] == [
        ("wide, int8, board-b", "outputs differ <b>")
    ]


def test_what_did_not_pass_is_listed_at_the_top() -> None:
    page = parse(render_study(TEXT, study_runs()))
    problem = page.one("section", class_="summary").one("div", class_="problem")
    assert "wide, int8, board-b: outputs differ <b>" in problem.text
    assert "7 passed, 1 did not" in page.one("section", class_="summary").text
    whole = parse(render_study(TEXT, study_runs(failed=False)))
    assert whole.all("div", class_="problem") == []
    assert "all passed" in whole.one("section", class_="summary").text


def test_all_runs_have_their_id_and_command() -> None:
    page = parse(render_study(TEXT, study_runs()))
    rows = page.one("table", class_="study-runs").one("tbody").all("tr")
    assert len(rows) == 8
    assert "run-board-a@48MHz-narrow-float32" in rows[0].text
    assert "hil run --profile board-a@48MHz narrow.tflite" in rows[0].text


def test_engines_and_levels_tell_series_apart_where_they_vary() -> None:
    runs = study_runs(failed=False)
    slow = [dataclasses.replace(run, optimize="-Os") for run in runs]
    view = study_view(TEXT, [*runs, *slow])
    labels = [series.label for series in view.panels[0].series]
    assert labels == ["float32 -O3", "int8 -O3", "float32 -Os", "int8 -Os"]
    ratios = [cell.ratio for cell in view.panels[0].charts[2].rows[0].cells]
    assert ratios == [None, pytest.approx(0.25)] * 2


def test_a_member_that_is_not_stored_or_not_in_the_study() -> None:
    runs = study_runs(failed=False)
    runs[0] = dataclasses.replace(runs[0], run=None, status="error")
    view = study_view(TEXT, [run for run in runs if run is not runs[1]])
    cells = view.panels[0].charts[0].rows[0].cells
    assert [cell.missing for cell in cells] == ["error", "not in the study"]
    assert view.runs[0].run is None


def test_by_macs() -> None:
    text = dataclasses.replace(TEXT, x="macs")
    view = study_view(text, study_runs())
    assert view.panels[0].charts[0].shape.x_title == "MACs of the model"
    assert view.panels[0].charts[0].rows[1].size == 863_260


def test_a_study_where_nothing_passed_still_has_a_page() -> None:
    runs = [dataclasses.replace(run, run=None, status="error") for run in study_runs()]
    page = parse(render_study(TEXT, runs))
    assert page.all("path", class_="mark") != []  # of the keys
    assert page.all("polyline") == []


def test_no_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run to report"):
        write_study(TEXT, [], tmp_path / "study.html")


def test_markdown_has_the_same_tables(tmp_path: Path) -> None:
    text = write_study(TEXT, study_runs(), tmp_path / "study.md").read_text()
    assert text.startswith("# Widths &amp; &lt;types&gt;\n")
    plain = text.replace("\u00a0", " ")
    assert "| narrow | 1,000 | 249 ms ±15 % | 62.1 ms ±15 % 0.25× |" in plain
    assert "(failed)" in text
    assert text.count("| model | parameters | float32 | int8 |") == 8


def test_points_lie_where_the_axes_say() -> None:
    series = {
        "a": [Point(0, 0, 0, 0, ""), Point(100, 50.0, 40.0, 60.0, "")],
        "b": [Point(50, 10.0, 10.0, 10.0, "")],
    }
    shape = draw(series, "us", "Time", "Size")
    top, bottom = shape.y_ticks[-1], shape.y_ticks[0]
    assert (top.text, bottom.text) == ("60", "0")
    assert shape.lines[0].markers[0].x == Chart.left == shape.x_ticks[0].at
    assert shape.lines[0].markers[0].y == bottom.at
    middle = bottom.at - (bottom.at - top.at) * 50 / 60
    assert shape.lines[0].markers[1].y == pytest.approx(middle, abs=0.01)
    assert len(shape.lines[0].segments) == len(shape.lines[0].bands) == 1
    assert shape.lines[1].segments == shape.lines[1].bands == ()
    assert {line.style for line in shape.lines} == {1, 2}
    assert shape.lines[0].mark != shape.lines[1].mark
    for line in shape.lines:
        for marker in line.markers:
            assert 0 <= marker.x <= Chart.width
            assert 0 <= marker.y <= Chart.height


def test_lines_join_models_of_one_family_only() -> None:
    points = [Point(x, x, x, x + 1, "", family) for x, family in enumerate("aabbac")]
    (line,) = draw({"s": points}, "us", "Time", "Size").lines
    assert len(line.markers) == 6
    assert [len(segment.split()) for segment in line.segments] == [3, 2]
    assert [len(band.split()) for band in line.bands] == [6, 4, 4]  # the last is alone: a bar


@pytest.mark.parametrize(
    ("highest", "ticks"),
    [
        (100, [0, 20, 40, 60, 80, 100]),
        (86_326, [0, 20_000, 40_000, 60_000, 80_000, 100_000]),
        (0.7, [0, 0.2, 0.4, 0.6, 0.8]),
        (1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0, [0, 1]),
        (float("nan"), [0, 1]),
    ],
)
def test_ticks_are_round_and_cover_all(highest: float, ticks: list[float]) -> None:
    assert nice_ticks(highest) == pytest.approx(ticks)


def test_a_figure_without_a_band_says_so() -> None:
    runs = study_runs(failed=False)
    record = runs[0].run
    assert record is not None
    unknown = Measurement("latency_us", 1000.0, "us", "measured", None)
    changed = dataclasses.replace(
        record, measurements={**record.measurements, "latency_us": unknown}
    )
    runs[0] = dataclasses.replace(runs[0], run=changed)
    chart = study_view(TEXT, runs).panels[0].charts[2]
    assert "uncertainty unknown" in chart.shape.lines[0].markers[0].words
    assert "uncertainty unknown" in render_study(TEXT, runs)
    assert set(chart.kinds) == {"measured", "modelled"}


@pytest.mark.xdist_group("browser")
def test_in_a_browser_offline_at_every_width(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    executable = find_browser()
    if executable is None:
        reason = f"no browser on PATH (looked for {', '.join(NAMES)})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    path = write_study(TEXT, study_runs(), tmp_path / "study.html")
    with browser_page(executable, tmp_path_factory.mktemp("browser")) as page:
        for width in (400, 900, 1600):
            page.resize(width)
            page.open(path)
            assert page.evaluate("document.documentElement.scrollWidth") == width
        assert page.complaints == []
        assert page.requests == [path.as_uri()]
        colours = page.evaluate(
            "[...document.querySelectorAll('#board-1 polyline')].map("
            "(line) => getComputedStyle(line).stroke + getComputedStyle(line).strokeDasharray)"
        )
        assert len(set(colours)) == 2
