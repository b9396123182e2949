from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hil.errors import UsageError
from hil.records import ModelInfo, OpMeasurement, RunRecord
from hil.report.compare.ops import align_ops

from .page import Node, parse, render_compare
from .report_records import bare, passed, scaled, wrong_output


def compare(*runs: RunRecord) -> Node:
    return parse(render_compare(runs))


def figure(page: Node, name: str) -> list[str]:
    return [cell.text for cell in page.one("tr", data_figure=name).all("td")]


def other(**changes: Any) -> RunRecord:
    return passed(run_id="20261121T025000-bbbbbb", **changes)


def test_ratio_value_kind_and_verdict_stand_in_every_cell() -> None:
    page = compare(passed(), scaled(other(), 0.5))
    baseline, second = figure(page, "latency_us")
    assert baseline == "249 ms ±15 % modelled"
    assert second == "124 ms ±15 % modelled 0.50× ▼ −50 %, better"
    assert figure(page, "flash_bytes")[1].endswith("1.00× = the same")
    assert figure(page, "outputs") == ["identical to the reference, on 7 inputs"] * 2


def test_overlapping_bands_are_within_the_uncertainty() -> None:
    page = compare(passed(), scaled(other(engine="tflm-cmsis"), 1.05))
    assert figure(page, "latency_us")[1].endswith("1.05× ≈ +5.0 %, within the uncertainty")
    assert figure(page, "instructions")[1].endswith("1.05× ▲ +5.0 %, worse")
    assert "most of its error is common to all columns" in page.text


def test_an_error_that_is_common_to_both_hides_no_difference() -> None:
    """One model by one engine, priced by one timing model: as in the gate."""
    page = compare(passed(), scaled(other(), 1.05))
    assert figure(page, "latency_us")[1].endswith("1.05× ▲ +5.0 %, worse")
    source = dataclasses.replace(other().measurements["latency_us"], source="another timing model")
    figures = {**other().measurements, "latency_us": source}
    page = compare(passed(), scaled(other(measurements=figures), 1.05))
    assert figure(page, "latency_us")[1].endswith("1.05× ≈ +5.0 %, within the uncertainty")


def test_summary_in_words() -> None:
    text = compare(passed(), scaled(other(), 0.5)).one("p", class_="headline").text
    assert text == (
        "aot, bbbbbb on the STM32L475VG at 80 MHz: 2.0x faster than aot, a1b2c3; the same RAM and "
        "flash; time modelled, ±15 % common to both; RAM and flash static; outputs identical."
    )


def test_a_failed_run_is_never_better() -> None:
    page = compare(passed(), scaled(wrong_output(), 0.1))
    assert figure(page, "latency_us")[1].endswith("0.10× not a result")
    assert page.all("span", class_="better") == []
    assert "did not pass (failed)" in page.text


def test_ops_share_one_scale() -> None:
    page = compare(passed(), scaled(other(), 0.5))
    rows = page.one("table", class_="by-op").one("tbody").all("tr")
    assert len(rows) == 13
    widths = [node.attrs["style"] for node in rows[2].all("i", class_="bar")]
    assert widths == ["--w:100%", "--w:50%"]
    assert rows[2].text == "2 CONV_2D activation_2/Relu 3.50 M 1.75 M 0.50×"


def test_different_models_are_compared_but_it_is_said() -> None:
    model = ModelInfo("ic_int8", "ic.tflite", "77" * 32, "int8", 98_496, 12_501_632, 3)
    page = compare(passed(), other(model=model, ops=passed().ops[:3]))
    assert "The runs are of different models" in page.text
    assert "nothing to line up op by op" in page.text
    assert page.all("table", class_="by-op") == []


def test_facts_that_differ_are_marked() -> None:
    changed = {**passed().provenance, "optimize": "-O2"}
    page = compare(passed(), other(provenance=changed))
    marked = [row.text for row in page.all("tr", class_="differs")]
    ids = f"{passed().run_id} {other().run_id}"
    assert marked == ["≠ Optimization -O3 -O2", f"≠ Run {ids}"]
    (compiler,) = [row for row in page.all("tr") if row.text.startswith("Compiler arm-")]
    assert compiler.one("td").attrs["colspan"] == "2"  # what is equal stands there once


def test_engines_that_join_ops_are_matched_by_tensor() -> None:
    def op(index: int, name: str, cycles: int) -> OpMeasurement:
        return OpMeasurement(index, name.upper(), name, 1, 1, cycles, 1.0, "modelled")

    first = passed(ops=(op(0, "conv", 100), op(1, "pool", 20)))
    second = passed(ops=(op(0, "pool", 90),))
    lines, note = align_ops([first, second])
    assert "matched by the tensor" in note
    assert [(line.name, [cell.cycles for cell in line.cells]) for line in lines] == [
        ("conv", [100, None]),
        ("pool", [20, 90]),
    ]
    assert lines[1].cells[1].ratio == 4.5


def test_a_run_without_ops_leaves_its_column_empty() -> None:
    page = compare(passed(), other(), bare("error"))
    assert "Not every run has figures by op." in page.text
    cells = page.one("table", class_="by-op").one("tbody").all("tr")[0].all("td")
    assert [cell.text for cell in cells] == ["0", "2.10 M", "2.10 M 1.00×", "–"]
    assert figure(page, "latency_us")[2] == "not measured"


def test_runs_without_any_figure_render() -> None:
    page = compare(bare("error"), bare("interrupted"))
    assert "None of the runs has a figure." in page.text
    assert "No run has figures by op." in page.text


def test_a_comparison_needs_two() -> None:
    with pytest.raises(UsageError, match="at least two runs"):
        render_compare([passed()])


def test_zero_cycles_make_no_ratio() -> None:
    empty = dataclasses.replace(passed().ops[0], cycles=0)
    lines, _ = align_ops([passed(ops=(empty,)), passed(ops=(empty,))])
    assert [cell.ratio for cell in lines[0].cells] == [None, None]
