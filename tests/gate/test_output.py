"""JUnit XML that CI systems read, and Markdown that stays what it says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import pytest
import xmlschema
from hil.cli.output import format_value
from hil.gate import badge, junit, markdown
from hil.gate.decision import Outcome, gate
from hil.gate.limits import Limits, parse
from hil.gate.wording import verdict
from hil.records import ErrorInfo, RunRecord
from hil.store import Store

from tests.report.report_records import bare, passed, scaled

SCHEMA = xmlschema.XMLSchema(str(Path(__file__).with_name("junit.xsd")))
AWKWARD = 'quotes " & <tags> | bars, \x00 and \x1b[31m control, a `tick`,\nlines ]]> µ 漢'

LIMITS = Limits(parse("2%", ""))
OP_CAUSE = "op 2 CONV_2D activation_2/Relu +596,406 cycles (100 % of it)"


def slow_op(store: Store) -> Outcome:
    """One op takes all of the 3 % that the run is slower; the compiler is another."""
    store.baselines.put("main", [passed()])
    slow = scaled(passed(run_id="slow"), 1.03)
    extra = round(slow.measurements["cycles"].value - passed().measurements["cycles"].value)
    ops = list(passed().ops)
    ops[2] = dataclasses.replace(ops[2], cycles=ops[2].cycles + extra)
    provenance = {**slow.provenance, "compiler": "another gcc"}
    store.finish(dataclasses.replace(slow, ops=tuple(ops), provenance=provenance))
    return gate(store, "main", LIMITS)


def retrained(store: Store) -> Outcome:
    """The model's weights are new, and nothing else."""
    model = passed().model
    assert model is not None
    store.baselines.put("main", [passed()])
    store.finish(passed(run_id="new", model=dataclasses.replace(model, sha256="ab" * 32)))
    return gate(store, "main", LIMITS)


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
        "failed: 4 of 7 runs compared with 'main', 3 regressions, 1 failed, 1 error, 3 improved, "
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

    def test_nothing_compared_is_an_error_unless_it_is_allowed(self, store: Store) -> None:
        store.finish(passed())
        outcome = gate(store, "none", LIMITS)
        text = junit.render(outcome, format_value)
        SCHEMA.validate(text)
        root = fromstring(text)
        assert (root.get("tests"), root.get("skipped"), root.get("errors")) == ("2", "1", "1")
        allowed = junit.render(dataclasses.replace(outcome, allow_new=True), format_value)
        root = fromstring(allowed)
        assert (root.get("tests"), root.get("skipped"), root.get("errors")) == ("2", "2", "0")

    def test_a_failure_names_the_op(self, store: Store) -> None:
        text = junit.render(slow_op(store), format_value)
        SCHEMA.validate(text)
        failure = fromstring(text).find(".//testcase[@name='cycles']/failure")
        assert failure is not None
        assert OP_CAUSE in failure.get("message", "")
        assert "compiler: " in (failure.text or "")

    def test_a_changed_model_is_named(self, store: Store) -> None:
        text = junit.render(retrained(store), format_value)
        SCHEMA.validate(text)
        root = fromstring(text)
        assert root[0].get("name") == "kws_int8 on stm32l4, aot (model changed)"
        told = root.find(".//testcase[@name='model']/system-out")
        assert told is not None
        assert "the model kws_int8 has changed" in (told.text or "")


class TestMarkdown:
    def test_the_verdict_comes_first_and_rows_have_all_their_cells(self, outcome: Outcome) -> None:
        text = markdown.render(outcome, format_value)
        assert text.startswith(
            "<!-- hil gate -->\n❌ **hil gate failed**: kws\\_int8 on slow, aot: "
        )
        assert "failed: 4 of 7 runs compared" in text
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

    def test_the_first_sentence_names_the_op_and_the_likely_cause(self, store: Store) -> None:
        lines = markdown.render(slow_op(store), format_value).splitlines()
        assert lines[0] == markdown.MARKER == "<!-- hil gate -->"
        assert lines[1].startswith(
            "❌ **hil gate failed**: kws\\_int8 on stm32l4, aot: latency +3.0 % (limit 2%): op 2 "
            "CONV\\_2D activation\\_2/Relu +596,406 cycles (100 % of it); also energy +3.0 %, "
        )
        assert "likely cause: compiler: " in lines[1]

    def test_without_a_baseline(self) -> None:
        outcome = Outcome("none", None, (), ("there is no baseline",))
        text = markdown.render(outcome, format_value)
        expected = "⚠️ **hil gate: not compared**: there is no baseline 'none'"
        assert text.splitlines()[:2] == [markdown.MARKER, expected]

    def test_a_changed_model_is_named(self, store: Store) -> None:
        text = markdown.render(retrained(store), format_value)
        assert "✅ **hil gate passed**: 1 run compared with 'main' (1 by name: " in text
        assert "- the model kws\\_int8 has changed (SHA-256 9d9d9d9d9d9d then, abab" in text

    @pytest.mark.parametrize("model", ["m", "漢" * 60, "x_" * 5_000])
    def test_it_is_short_enough_for_a_comment(self, store: Store, model: str) -> None:
        """GitHub takes comments of up to 65,536 characters."""
        info = passed().model
        assert info is not None
        named = dataclasses.replace(info, name=model[:255])
        store.baselines.put("main", [kind(f"p{i}", model=named) for i in range(300)])
        now = [dataclasses.replace(kind(f"p{i}", model=named), run_id=f"n{i}") for i in range(300)]
        outcome = gate(store, "main", LIMITS, runs=[scaled(run, 1.5) for run in now])
        assert outcome.counts["regression"] == 900
        text = markdown.render(outcome, format_value)
        assert 40_000 < len(text.encode()) <= markdown.LIMIT_BYTES
        assert "more lines are left out here; `hil gate --json` has all." in text
        assert text.startswith(f"{markdown.MARKER}\n❌ **hil gate failed**: ")
        assert text.count("<details>") == text.count("</details>")


class TestBadge:
    def test_words_and_title(self, outcome: Outcome, store: Store) -> None:
        for one, words in (
            (outcome, "3 regressions, 1 failed"),
            (retrained(store), "passed"),
            (Outcome("none", None, (), ("no",)), "not compared"),
        ):
            root = fromstring(badge.render(one))
            names = {"s": "http://www.w3.org/2000/svg"}
            assert root.findtext("s:title", namespaces=names) == f"hil gate: {words}"
            assert (root.get("role"), root.get("aria-label")) == ("img", f"hil gate: {words}")
            texts = [node.text for node in root.findall(".//s:text", names)]
            assert texts == ["hil", words]

    def test_white_text_is_readable_on_every_colour(self) -> None:
        def luminance(colour: str) -> float:
            parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
            linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
            return sum(w * p for w, p in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

        for colour in (badge._LABEL, *badge._COLOURS.values()):
            assert 1.05 / (luminance(colour) + 0.05) >= 4.5, colour
