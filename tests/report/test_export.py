"""Markdown, CSV and JSON hold what the HTML shows."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from typing import Any

import pytest
from hil.records import Measurement, ModelInfo, RunRecord
from hil.report import render
from hil.report.compare.choose import cases
from hil.report.output.export import CSV_COLUMNS, SCHEMA
from hil.report.output.markdown import escape
from hil.report.report_view import ReportView, report_view

from .report_records import bare, passed, scaled, wrong_output
from .test_choose import KWS, NUCLEO
from .test_memory_compare import tflm
from .test_report_html import EVIL, evil_run

BASELINE = dataclasses.replace(scaled(tflm(), 1.9), run_id="20261121T030000-cccccc")


def view(*runs: RunRecord) -> ReportView:
    return report_view(runs, cases(runs))


def lines(*runs: RunRecord) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(view(*runs), "csv"), newline="")))


def data(*runs: RunRecord) -> dict[str, Any]:
    return dict(json.loads(render(view(*runs), "json")))


def test_json_has_the_comparison_with_ratios() -> None:
    found = data(passed(), BASELINE)
    assert found["schema"] == SCHEMA
    (comparison,) = found["comparisons"]
    assert comparison["baseline"] == BASELINE.run_id
    assert [run["name"] for run in comparison["runs"]] == ["TFLite Micro", "aot"]
    first, second = comparison["figures"]["latency_us"]
    assert first["ratio"] is None
    assert second["ratio"] == pytest.approx(1 / 1.9)
    assert (second["kind"], second["uncertainty_pct"], second["verdict"]) == (
        "modelled",
        15.0,
        "better",
    )
    op = comparison["ops"][2]
    assert op["cells"][1] == {"cycles": 3_502_881, "ratio": pytest.approx(1 / 1.9, rel=1e-6)}
    assert comparison["memory"]["arena"][0] == {
        "total_bytes": 20_000,
        "parts_bytes": {"persistent": 3_000, "values": 16_900, "unused": 100},
        "largest_scratch_bytes": 1_000,
    }
    assert found["verdicts"] == [comparison["verdicts"][0]["text"]]


def test_json_has_the_runs_whole() -> None:
    found = data(passed(), wrong_output(), bare("error", run_id="20261121T9-c"))
    assert [run["status"] for run in found["runs"]] == ["passed", "failed", "error"]
    first = found["runs"][0]
    assert len(first["ops"]) == 13
    assert len(first["functions"]) == 20
    assert len(first["plan"]["placements"]) == 15
    assert first["provenance"]["optimize"] == "-O3"


def test_json_has_no_numbers_that_json_lacks() -> None:
    odd = {"x": Measurement("x", float("nan"), "", "modelled", float("inf"))}
    text = render(view(passed(measurements=odd), passed(run_id="20261121T9-b")), "json")
    assert "NaN" not in text
    assert "Infinity" not in text
    json.loads(text)


def test_csv_has_one_line_a_value() -> None:
    found = lines(passed(), BASELINE)
    assert tuple(found[0]) == CSV_COLUMNS
    assert {line["schema"] for line in found} == {SCHEMA}
    (time,) = [
        line
        for line in found
        if (line["section"], line["name"], line["role"]) == ("figure", "latency_us", "candidate")
    ]
    assert float(time["value"]) == passed().measurements["latency_us"].value
    assert float(time["ratio"]) == pytest.approx(1 / 1.9)
    assert (time["kind"], time["uncertainty_pct"], time["verdict"]) == (
        "modelled",
        "15.0",
        "better",
    )
    sections = {line["section"] for line in found}
    assert sections >= {"verdict", "op", "kind_of_op", "memory", "fact", "run_op", "function"}
    assert sum(line["section"] == "op" for line in found) == 2 * 13


def test_csv_holds_every_figure_of_every_run() -> None:
    found = lines(passed(), wrong_output())
    for run in (passed(), wrong_output()):
        names = {
            line["name"]
            for line in found
            if line["section"] == "run_figure" and line["run_id"] == run.run_id
        }
        assert names == set(run.measurements)


def test_csv_gives_no_spreadsheet_a_formula() -> None:
    model = ModelInfo("=HYPERLINK(1)", "m", "33" * 32, "int8", 1, 1, 1)
    rows = lines(passed(model=model), passed(model=model, run_id="20261121T9-b"))
    for row in rows:
        assert all(value[:1] not in ("=", "+", "@") for value in row.values())
    assert any(row["comparison"].startswith("'=HYPERLINK") for row in rows)


def test_published_rows_are_exported_with_their_kind() -> None:
    kws = ModelInfo("kws", "kws.tflite", KWS, "int8", 1, 1, 13)
    run = passed(model=kws, profile_name="nucleo-l4r5zi", profile=NUCLEO)
    (comparison,) = data(run)["comparisons"]
    rows = [line for line in lines(run) if line["section"] == "published"]
    assert len(rows) == 2 * len(comparison["published"]) > 0
    assert {row["kind"] for row in rows} == {"published"}
    assert comparison["published"][0]["latency_us"] > 0


def test_markdown_is_a_verdict_a_table_and_folded_ops() -> None:
    text = render(view(passed(), BASELINE), "md")
    rows = [row.replace("\u00a0", " ") for row in text.splitlines()]
    assert rows[0] == "### kws\\_int8 on stm32l4"
    assert rows[2].startswith("**aot** on the STM32L475VG at 80 MHz: **1.9x faster**")
    assert "| Figure | TFLite Micro (baseline) | aot |" in rows
    assert "| --- | ---: | ---: |" in rows
    (time,) = [row for row in rows if row.startswith("| Time per inference")]
    assert "249 ms <sub>±15 %, modelled</sub><br>**0.53× ▼ −47 %, better** |" in time
    same = "identical to the reference, on 7 inputs"
    assert f"| Outputs | {same} | {same} |" in rows
    assert "<details><summary>Cycles by op</summary>" in text
    assert len(text) < 6_000


def test_markdown_tables_have_as_many_cells_everywhere() -> None:
    text = render(view(passed(), BASELINE, bare("error")), "md")
    for block in text.split("\n\n"):
        if block.startswith("|"):
            assert len({row.count(" | ") for row in block.splitlines()}) == 1


def test_markdown_of_a_run_alone_and_of_a_failed_one() -> None:
    assert "runs on the **STM32L475VG**" in render(view(passed()), "md")
    text = render(view(wrong_output()), "md")
    assert "> outputs differ from tflite-runtime on 2 of 7 inputs" in text


def test_markdown_of_many_cases_stays_short() -> None:
    runs = []
    for i in range(8):
        model = ModelInfo(f"m{i}", "m", f"{i:02d}" * 32, "int8", 1, 1, 13)
        ours = passed(model=model, run_id=f"20261121T0{i}-aaaaaa")
        runs += [ours, dataclasses.replace(BASELINE, model=model, run_id=f"20261121T0{i}-cccccc")]
    text = render(view(*runs), "md")
    assert text.count("#### ") == 8
    assert "Cycles by op" not in text
    assert len(text) < 20_000  # GitHub refuses comments of more than 65,536 characters


def test_evil_names_stay_text_in_markdown() -> None:
    text = render(view(evil_run(), dataclasses.replace(evil_run(), run_id="b")), "md")
    assert EVIL not in text
    assert "<script" not in text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("a|b", r"a\|b"),
        ("`x` *y* _z_", r"\`x\` \*y\* \_z\_"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("[a](b)", r"\[a\](b)"),
        ("two\nlines", "two lines"),
    ],
)
def test_markdown_escapes(text: str, safe: str) -> None:
    assert escape(text) == safe
