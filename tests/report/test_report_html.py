from __future__ import annotations

import base64
import dataclasses
import hashlib
import re

import pytest
from hil.errors import UsageError
from hil.records import (
    Check,
    ErrorInfo,
    Measurement,
    MemoryPlan,
    ModelInfo,
    Placement,
    RunRecord,
)

from .page import Node, parse, render_compare, render_report
from .report_records import (
    COMMAND,
    FUSED,
    bare,
    figures,
    many_ops,
    of_engine,
    passed,
    plan,
    wrong_output,
)
from .test_memory_compare import tflm

EVIL = "<script>alert(1)</script>"
KINDS = {"measured", "modelled", "static", "published"}


def report(*runs: RunRecord, title: str | None = None) -> Node:
    return parse(render_report(runs, title=title))


def test_headline_tells_a_stakeholder_everything() -> None:
    text = report(passed()).one("p", class_="headline").text
    assert text == (
        "The model kws_int8 runs on the STM32L475VG at 80 MHz in 249 ms (modelled, ±15 %), "
        "needs 52.2 KiB of 1 MiB flash (5.1 %, static) and 18.5 KiB of 96 KiB RAM "
        "(19 %, static), and costs 7.75 mJ of energy per inference (modelled, ±29 %). "
        "Its outputs are identical to TensorFlow Lite's on 7 inputs."
    )


def test_headline_for_a_tolerance_does_not_say_identical() -> None:
    check = Check("tflite-runtime 2.14.0", False, True, 2e-7, 3e-6, 1e-5, 5, 0)
    text = report(passed(check=check)).one("p", class_="headline").text
    assert "identical" not in text
    assert "agree with TensorFlow Lite's on 5 inputs, within 1e-05 relative" in text


def test_every_figure_stands_there_with_its_kind_and_band() -> None:
    table = report(passed()).one("table", class_="figures")
    for name, figure in figures().items():
        row = table.one("tr", data_figure=name)
        assert row.one("span", class_="kind").text == figure.kind
        exact = "7,753.28" if name == "energy_uj" else f"{figure.value:,.0f}"
        assert f" {exact} " in row.text
        expected = "exact" if figure.uncertainty_pct == 0 else f"±{figure.uncertainty_pct:g} %"
        assert expected in row.text
        assert figure.source in row.text


def test_cards_have_kind_band_and_what_the_chip_has() -> None:
    cards = [card.text for card in report(passed()).all("div", class_="card")]
    assert len(cards) == 4
    assert cards[0].startswith("Time per inference 249 ms modelled ±15 %")
    assert "between 211 ms and 286 ms" in cards[0]
    assert "19 % of 96 KiB" in cards[3]


def test_only_known_kinds_are_shown_and_each_is_explained_once() -> None:
    page = report(passed(), passed())
    shown = {badge.text for badge in page.all("span", class_="kind")}
    assert shown == {"modelled", "static", "measured"}
    assert shown <= KINDS
    explained = [term.text for term in page.one("section", class_="kinds").all("dt")]
    assert sorted(explained) == sorted(shown)


def test_ops_have_their_numbers_beside_the_bars() -> None:
    rows = report(passed()).one("table", class_="ops").one("tbody").all("tr")
    assert len(rows) == 13
    assert rows[2].text == (
        "2 CONV_2D activation_2/Relu 3.50 M 18 % 43.8 ms 512 k 6.84 2.81 M 15.6 KiB"
    )
    assert all(len(row.all("i", class_="bar")) == 1 for row in rows)
    assert rows[0].one("span", class_="sub").attrs["title"] == FUSED


def test_bars_are_proportional_to_cycles() -> None:
    rows = report(passed()).one("table", class_="ops").one("tbody").all("tr")
    styles = [row.one("i", class_="bar").attrs["style"] for row in rows]
    widths = [float(style.removeprefix("--w:").rstrip("%")) for style in styles]
    assert max(widths) == 100
    assert widths[1] == pytest.approx(100 * 911_020 / 3_502_881, abs=0.01)
    assert widths[10] == 0


def test_arena_boxes_all_stand_in_the_table_too() -> None:
    page = report(passed())
    boxes = page.one("svg", class_="boxes").all("rect", class_="box")
    rows = page.one("table", class_="buffers").one("tbody").all("tr")
    assert len(boxes) == len(rows) == len(plan().placements)
    assert any("scratch of op 0" in row.text and "1.25 KiB" in row.text for row in rows)
    assert "fullest at op 1 (DEPTHWISE_CONV_2D), 15.6 KiB" in page.text


def test_functions_beyond_the_table_are_summed_up() -> None:
    rows = report(passed()).one("table", class_="functions").one("tbody").all("tr")
    assert len(rows) == 16
    assert rows[0].text.startswith("hil_kernel_0 11.0 M 50 % 9.00 M")
    rest = sum(11_000_000 >> i for i in range(15, 20))
    assert rows[-1].text.startswith(f"5 more functions {rest:,}")


def test_provenance_and_the_command_that_repeats_the_run() -> None:
    page = report(passed())
    section = page.one("section", class_="provenance")
    assert section.one("pre").text == COMMAND
    for value in passed().provenance.values():
        if isinstance(value, str):
            assert value in section.text
    assert "the profile's own chip" in section.text
    assert passed().run_id in section.text


def test_a_stand_in_machine_is_said_with_its_note() -> None:
    note = "mps2-an386 stands in: same core, other memories"
    notes = ("other note", note, "other note", note)
    page = report(passed(machine="mps2-an386", machine_exact=False, notes=notes))
    assert f"Stand-in: {note}" in page.one("p", class_="caveat").text
    assert [item.text for item in page.one("ul", class_="notes").all("li")] == ["other note"]
    assert "used a stand-in machine" in page.one("p", class_="headline").text


def test_a_wrong_output_is_never_called_a_result() -> None:
    page = report(wrong_output())
    assert "failed" in page.one("p", class_="eyebrow").text
    assert "not a result" in page.one("p", class_="headline").text
    assert "runs on" not in page.one("p", class_="headline").text
    assert "outputs differ from tflite-runtime on 2 of 7 inputs" in page.text
    assert "What to do: rerun with --keep" in page.text
    assert "Wrong: outputs differ on 2 of 7 inputs." in page.text
    assert "3 output steps" in page.text


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("failed", "did not pass on the"),
        ("error", "could not be run on the"),
        ("interrupted", "was stopped while it ran on the"),
        ("running", "has not finished on the"),
    ],
)
def test_runs_without_results_render(status: str, words: str) -> None:
    page = report(bare(status, ErrorInfo("it broke", "mend it"), model=None, profile={}))
    assert words in page.one("p", class_="headline").text
    assert "it broke" in page.text
    assert "What to do: mend it" in page.text
    assert page.all("div", class_="card") == []
    assert page.all("table", class_="ops") == []
    assert "The outputs were not checked" in page.text


def test_what_does_not_fit_shows_its_plan() -> None:
    error = ErrorInfo("needs 1,105,920 bytes of flash, the chip has 1,048,576", "use int8")
    page = report(bare("failed", error, plan=plan()))
    assert "needs 1,105,920 bytes of flash" in page.one("div", class_="problem").text
    assert len(page.one("svg", class_="boxes").all("rect", class_="box")) == 15


def test_an_unchecked_run_says_so() -> None:
    assert "Its outputs were not checked." in report(passed(check=None)).text


def test_figures_without_a_known_band_say_so() -> None:
    figure = Measurement("latency_us", 1000.0, "us", "modelled", None)
    page = report(passed(measurements={"latency_us": figure}))
    assert "1.00 ms (modelled, uncertainty unknown)" in page.one("p", class_="headline").text


def evil_run() -> RunRecord:
    run = passed()
    assert run.model is not None
    return dataclasses.replace(
        run,
        run_id=f"{EVIL}-1",
        status="failed",
        profile_name=EVIL,
        machine=EVIL,
        machine_exact=False,
        engine=EVIL,
        model=dataclasses.replace(run.model, name=EVIL),
        ops=tuple(dataclasses.replace(op, op=EVIL, name=f'"{EVIL}') for op in run.ops),
        functions=tuple(dataclasses.replace(f, name=EVIL) for f in run.functions),
        plan=MemoryPlan(8, (Placement(f"\"'{EVIL}", 0, 0, 8, 0, 0),), 0),
        notes=(EVIL, EVIL),
        provenance={"command": EVIL, EVIL: EVIL, "compiler": EVIL},
        errors=(ErrorInfo(EVIL, EVIL),),
        check=Check(EVIL, True, False, 1, 1, 0, 1, 1),
        measurements={EVIL: Measurement(EVIL, 1, EVIL, "static", 0.0, source=EVIL)},
        flash_by_owner={EVIL: 10},
    )


@pytest.mark.parametrize("render", [render_report, render_compare])
def test_evil_names_stay_text(render: object) -> None:
    html = render([evil_run(), evil_run()], title=EVIL)  # type: ignore[operator]
    page = parse(html)
    assert len(page.all("script")) == 1
    assert EVIL not in html
    assert page.one("head").one("title").children == [EVIL]
    assert EVIL in page.text
    for node in page.all():
        assert not any(name.startswith("on") for name in node.attrs)


@pytest.mark.parametrize("render", [render_report, render_compare])
def test_nothing_is_loaded_from_anywhere(render: object) -> None:
    html = render([passed(), wrong_output()])  # type: ignore[operator]
    assert not re.search(r"(https?:)?//[a-z0-9]", html.replace("// ", ""), re.IGNORECASE)
    assert "@import" not in html
    assert set(re.findall(r"url\(([^)]*)\)", html)) == {"#hatch"}
    page = parse(html)
    targets = {node.attrs["id"] for node in page.all() if "id" in node.attrs}
    for node in page.all():
        assert "src" not in node.attrs
        if "href" in node.attrs:
            assert node.attrs["href"].startswith("#")
            assert node.attrs["href"][1:] in targets
    assert page.all("link") == page.all("img") == page.all("iframe") == []


def test_policy_allows_exactly_the_script_of_the_page() -> None:
    page = report(passed())
    policy = next(
        node.attrs["content"]
        for node in page.all("meta")
        if node.attrs.get("http-equiv") == "Content-Security-Policy"
    )
    (script,) = page.one("script").children
    assert isinstance(script, str)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; style-src 'unsafe-inline';")
    assert f"script-src 'sha256-{digest}'" in policy


def test_ids_are_unique_even_when_a_run_is_shown_twice() -> None:
    page = report(passed(), passed())
    ids = [node.attrs["id"] for node in page.all() if "id" in node.attrs]
    assert len(ids) == len(set(ids))


def test_several_runs_begin_with_an_overview() -> None:
    page = report(passed(), wrong_output(), bare("error"), title="Three runs")
    assert page.one("h1").text == "Three runs"
    rows = page.one("section", id="overview").one("tbody").all("tr")
    assert [row.one("span", class_="status").attrs["class"] for row in rows] == [
        "status status-passed",
        "status status-failed",
        "status status-error",
    ]
    assert "figures are not a result" in rows[1].text
    links = [row.one("a").attrs["href"][1:] for row in rows]
    assert links == [article.attrs["id"] for article in page.all("article", class_="run")]
    assert report(passed()).all("section", id="overview") == []


def deep_run(number: int = 31, **changes: object) -> RunRecord:
    """As many ops as the visual wake words model, with scratch, names as TFLite fuses them."""
    deep = many_ops(number)
    name = f"{FUSED};{FUSED}"
    placements = tuple(
        Placement(
            f"{name}{i}", i if i < number else None, 64 * i, 4_000, i % number, i % number + 1
        )
        for i in range(number * 3 // 2)
    )
    found = dataclasses.replace(
        deep,
        ops=tuple(dataclasses.replace(op, name=f"{name}{op.index}") for op in deep.ops),
        plan=MemoryPlan(8_000, placements, 3),
        **changes,  # type: ignore[arg-type]
    )
    return of_engine(found)


def test_five_large_runs_stay_below_300_kb() -> None:
    runs = []
    for i in range(5):  # five models, so that nothing is shared
        model = ModelInfo(f"m{i}", "m.tflite", f"{i:02d}" * 32, "int8", 1, 1, 31)
        runs.append(deep_run(model=model, run_id=f"20261121T0{i}-aaaaaa"))
    html = render_report(runs)
    assert len(parse(html).all("table", class_="ops")) == 5
    assert len(html.encode()) < 300_000


def test_four_models_on_two_chips_with_three_engines_stay_below_600_kb() -> None:
    runs = []
    for i in range(8):
        model = ModelInfo(f"m{i // 2}", "m.tflite", f"{i // 2:02d}" * 32, "int8", 1, 1, 31)
        for engine in ("aot", "tflm", "tflm-cmsis"):
            run = deep_run(
                (10, 13, 16, 31)[i // 2],  # as many ops as MLPerf Tiny's four models have
                model=model,
                engine=engine,
                profile_name=f"chip{i % 2}",
                run_id=f"20261121T0{i}0000-{engine}",
            )
            if engine == "aot":
                runs.append(run)
            else:
                runs.append(
                    dataclasses.replace(run, measurements=dict(tflm().measurements), plan=None)
                )
    html = render_report(runs)
    page = parse(html)
    assert len(page.all("article", class_="case")) == 8
    assert len(page.all("article", class_="brief")) == 16
    assert len(page.all("svg", class_="boxes")) == 4  # the same plan on another chip: drawn once
    assert len(html.encode()) < 600_000


def test_two_hundred_ops_stay_readable() -> None:
    html = render_report([many_ops(200)])
    page = parse(html)
    assert len(page.one("table", class_="ops").one("tbody").all("tr")) == 200
    assert "open" not in page.one("details").attrs
    numbers = page.one("svg", class_="boxes").all("text")
    assert numbers == []  # the boxes are too narrow for their numbers
    assert len(html.encode()) < 400_000


def test_few_buffers_are_unfolded() -> None:
    assert "open" in report(passed()).one("details").attrs


def test_a_report_needs_a_run() -> None:
    with pytest.raises(UsageError, match="no run to report"):
        render_report([])
