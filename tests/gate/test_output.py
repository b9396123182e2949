"""JUnit XML that CI systems read, and Markdown that stays what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema
from hil.cli.output import format_value
from hil.gate import junit, markdown
from hil.gate.decision import Outcome, gate
from hil.gate.limits import Limits, parse
from hil.gate.wording import verdict
from hil.records import ErrorInfo, RunRecord
from hil.store import Store

from tests.report.report_records import bare, passed, scaled

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
AWKWARD = 'quotes " & <tags> | bars, \x00 and \x1b[31m control, a `tick`,\nlines ]]> µ 漢'


def kind(profile: str, **changes: object) -> RunRecord:
    return passed(run_id=f"{profile}-base", profile_name=profile, **changes)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    """One case of every word."""
    profiles = ("same", "slow", "fast", "wrong", "stuck", "gone", "part")
    with Store.open(str(tmp_path_factory.mktemp("x") / "runs.db")) as store:
        store.baselines.put("main", [kind(name) for name in profiles])

        def now(profile: str, **changes: object) -> RunRecord:
            return dataclasses.replace(kind(profile), run_id=f"{profile}-now", **changes)  # type: ignore[arg-type]

        part = now("part")
        store.finish(now("same"))
        store.finish(scaled(now("slow"), 1.03))
        store.finish(scaled(now("fast"), 0.5))
        store.finish(bare("failed", ErrorInfo(AWKWARD), run_id="w", profile_name="wrong"))
        store.finish(bare("error", ErrorInfo("no emulator"), run_id="s", profile_name="stuck"))
        figures = {k: v for k, v in part.measurements.items() if k != "energy_uj"}
        store.finish(dataclasses.replace(part, measurements=figures))
        model = part.model
        assert model is not None
        strange = dataclasses.replace(model, name=AWKWARD, sha256="00" * 32)
        store.finish(now("strange", model=strange))
        yield gate(store, "main", Limits(parse("2%", "")))


def test_every_word_is_there(outcome: Outcome) -> None:
    assert not outcome.passed
    words = {case.word for case in outcome.cases}
    assert words == {"compared", "failed", "error", "missing", "no baseline"}
    assert verdict(outcome) == (
        "failed: 4 runs compared with 'main', 3 regressions, 1 failed, 1 error, 3 improved, "
        "1 missing, 1 no baseline"
    )


class TestJunit:
    def test_it_is_valid(self, outcome: Outcome) -> None:
        text = junit.render(outcome, format_value)
        SCHEMA.validate(text)
        assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n<testsuites ')

    def test_the_schema_refuses_what_is_not_junit(self) -> None:
        good = '<testsuites tests="0" failures="0" errors="0" skipped="0"/>'
        assert SCHEMA.is_valid(good)
        for bad in (
            good.replace('tests="0"', 'tests="-1"'),
            good.replace("testsuites", "suites"),
            good[:-2] + "><testcase/></testsuites>",
        ):
            assert not SCHEMA.is_valid(bad)

    def test_each_word_has_its_element(self, outcome: Outcome) -> None:
        root = fromstring(junit.render(outcome, format_value))
        by_name = {
            (suite.get("name", "").split(" on ")[-1].split(",")[0], case.get("name")): case
            for suite in root
            for case in suite
        }

        def problem(profile: str, name: str, tag: str) -> Element | None:
            return by_name[profile, name].find(tag)

        slow = problem("slow", "latency_us", "failure")
        assert slow is not None
        assert slow.get("type") == "regression"
        assert "+3.0 %" in slow.get("message", "")
        assert next(iter(by_name["same", "latency_us"])).tag == "system-out"
        assert next(iter(by_name["fast", "latency_us"])).tag == "system-out"
        wrong = problem("wrong", "run", "failure")
        assert wrong is not None
        assert wrong.get("type") == "failed"
        assert problem("stuck", "run", "error") is not None
        assert problem("gone", "run", "skipped") is not None
        assert problem("part", "energy_uj", "skipped") is not None

    def test_the_counts_add_up(self, outcome: Outcome) -> None:
        root = fromstring(junit.render(outcome, format_value))
        for element, cases in [(root, root.findall(".//testcase")), *((s, list(s)) for s in root)]:
            assert element.get("tests") == str(len(cases))
            for attribute, tag in (("failures", "failure"), ("errors", "error")):
                found = sum(case.find(tag) is not None for case in cases)
                assert element.get(attribute) == str(found)
        assert (root.get("failures"), root.get("errors")) == ("4", "1")

    def test_without_a_baseline_there_is_one_skipped_test(self) -> None:
        text = junit.render(Outcome("none", None, ()), format_value)
        SCHEMA.validate(text)
        root = fromstring(text)
        assert (root.get("tests"), root.get("skipped")) == ("1", "1")


class TestMarkdown:
    def test_the_verdict_comes_first_and_rows_have_all_their_cells(self, outcome: Outcome) -> None:
        text = markdown.render(outcome, format_value)
        assert text.startswith("### ❌ hil gate: failed: 4 runs compared")
        rows = [line for line in text.splitlines() if line.startswith("|")]
        for row in rows:
            assert row.replace("\\|", "").count("|") == 9, row
        head = text.split("<details>")[0]
        assert (
            "| kws\\_int8 on slow, aot | latency\\_us | 248.5 ms | 256.0 ms | +3.0 % | 2% "
            "| modelled | ❌ regression |"
        ) in rows
        assert head.count("❌ regression") == 3
        assert head.count("✅ improved") == 3
        assert "same" not in head

    def test_texts_of_others_stay_text(self, outcome: Outcome) -> None:
        text = markdown.render(outcome, format_value)
        assert "&lt;tags&gt; \\| bars" in text
        assert "<tags>" not in text

    def test_every_figure_is_folded_away(self, outcome: Outcome) -> None:
        text = markdown.render(outcome, format_value)
        assert text.count("| unchanged |") == 6 + 3 + 3 + 5
        assert "<details><summary>All 24 figures</summary>\n\n|" in text

    def test_without_a_baseline(self) -> None:
        text = markdown.render(Outcome("none", None, (), ("there is no baseline",)), format_value)
        assert text.startswith("### ℹ️ hil gate: no baseline 'none': nothing was compared")
