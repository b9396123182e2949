"""The power over time that a meter recorded, in reports."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hil.report import build_report, render
from hil.report.run.power import HEIGHT, power_view

from .board_records import metered, on_board
from .page import parse
from .report_records import passed

RUN = metered(on_board(passed()))


def test_without_a_meter_there_is_no_section() -> None:
    assert power_view(passed()) is None
    assert "Power over time" not in render(build_report([passed()]), "html")


def test_the_chart_marks_the_windows_where_they_are() -> None:
    view = power_view(RUN)
    assert view is not None
    assert RUN.energy is not None
    trace = RUN.energy.trace
    seconds = trace.step_s * len(trace.mean_mw)
    assert len(view.windows) == 5
    for row, window in zip(view.windows, RUN.energy.windows, strict=True):
        assert row.x == pytest.approx(100 * window.start_s / seconds)
        assert row.x + row.width == pytest.approx(100 * window.end_s / seconds)
        assert row.energy_uj == pytest.approx(RUN.energy.energy_uj, rel=0.01)
    assert view.windows[-1].x + view.windows[-1].width < 100


def test_lines_stay_in_the_picture_and_break_where_samples_are_missing() -> None:
    view = power_view(RUN)
    assert view is not None
    assert len(view.lines) == len(view.ranges) == 2
    ends = []
    for points in (*view.lines, *view.ranges):
        pairs = [tuple(map(float, point.split(","))) for point in points.split()]
        assert all(0 <= x <= 1000 and 0 <= y <= HEIGHT for x, y in pairs)
        ends.append((pairs[0][0], max(x for x, _ in pairs)))
    assert ends[0][1] < ends[1][0]  # the gap
    assert min(y for y in (float(p.split(",")[1]) for p in view.lines[1].split())) < HEIGHT / 2


def test_axes_have_round_values_and_reach_the_highest_sample() -> None:
    view = power_view(RUN)
    assert view is not None
    assert [tick.text for tick in view.y_ticks][:2] == ["0", "20.0\N{NO-BREAK SPACE}mW"]
    assert view.y_ticks[0].at == HEIGHT
    assert view.y_ticks[-1].at == 0
    assert all(0 <= tick.at <= 100 for tick in view.x_ticks)
    assert 4 <= len(view.x_ticks) <= 8


def test_causes_are_in_the_order_of_their_size() -> None:
    view = power_view(RUN)
    assert view is not None
    assert view.causes[0] == ("the instrument's limit of error", "12 %")


def test_the_page_says_how_windows_were_found() -> None:
    page = render(build_report([RUN]), "html")
    assert "5 windows of 10 inferences" in page
    assert "window pin was low during them" in page
    parse(page)
    assert RUN.energy is not None
    by_load = dataclasses.replace(RUN, energy=dataclasses.replace(RUN.energy, sign="none"))
    assert "so that the band is wider" in render(build_report([by_load]), "html")


def test_json_has_the_energy() -> None:
    (run,) = json.loads(render(build_report([RUN]), "json"))["runs"]
    assert len(run["energy"]["windows"]) == 5
    assert run["energy"]["trace"]["mean_mw"].count(None) > 0
    assert run["measurements"]["power_mw"]["unit"] == "mW"
